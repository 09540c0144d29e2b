#pragma once

#include <string>
#include <string_view>
#include <vector>

// The SQL of a table that rows are brought into, each once by its key. Pure.
namespace trunkline::postgres {

struct Column {
  std::string name;
  std::string type;  // "text", "timestamptz", "jsonb"
  bool required = false;
};
struct Table {
  std::string schema;
  std::string name;
  std::vector<Column> columns;       // the first is the key, and text
  std::vector<std::string> indexed;  // columns that get an index of their own, in a table that is made
};

// "a""b": an identifier of any characters but NUL.
std::string quoted(std::string_view identifier);
// 'it''s'
std::string literal(std::string_view text);

// One row: what the server is, its encoding, whether the table is there, whether this user may make it, whether its
// schema is there.
std::string look_sql(const Table& table);
// One row for each column that the table has: its name.
std::string columns_sql(const Table& table);
// Makes table and indexes, and the schema before them, in one transaction. Several may do so at the same time.
std::string create_sql(const Table& table, bool with_schema);
// Makes the session's staging table, emptied at each commit.
std::string staging_sql(const Table& table);
// COPY into the staging table, and from there into the table: a key that is there gets the new values where they
// differ. Two statements, one transaction. A key may be twice among the rows: the last one counts. Rows are taken in
// the order of the key, so that two that write the same keys at the same time wait for each other instead of ending in a
// deadlock.
std::string write_sql(const Table& table);

inline constexpr std::string_view kStaging = "trunkline_staging";

}  // namespace trunkline::postgres
