#include "postgres/table.hpp"

#include <fmt/format.h>

namespace trunkline::postgres {
namespace {

std::string doubled(std::string_view text, char quote) {
  std::string out(1, quote);
  for (const char c : text) {
    out += c;
    if (c == quote) out += c;
  }
  return out += quote;
}

std::string qualified(const Table& table) {
  return quoted(table.schema) + "." + quoted(table.name);
}

std::string listed(const Table& table, std::string_view prefix, std::size_t from = 0) {
  std::string out;
  for (std::size_t i = from; i < table.columns.size(); ++i) {
    if (!out.empty()) out += ", ";
    out += prefix;
    out += quoted(table.columns[i].name);
  }
  return out;
}

}  // namespace

std::string quoted(std::string_view identifier) {
  return doubled(identifier, '"');
}

std::string literal(std::string_view text) {
  // A backslash means itself with standard_conforming_strings only, which a connection sets.
  return doubled(text, '\'');
}

std::string look_sql(const Table& table) {
  return fmt::format(
      "SELECT current_setting('server_version'), current_setting('server_encoding'), to_regclass({0}) IS NOT NULL, "
      "CASE WHEN EXISTS (SELECT FROM pg_namespace WHERE nspname = {1}) THEN has_schema_privilege({1}, 'CREATE') "
      "ELSE has_database_privilege(current_database(), 'CREATE') END, "
      "EXISTS (SELECT FROM pg_namespace WHERE nspname = {1})",
      literal(qualified(table)), literal(table.schema));
}

std::string columns_sql(const Table& table) {
  return fmt::format(
      "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass({}) AND attnum > 0 AND NOT attisdropped",
      literal(qualified(table)));
}

std::string create_sql(const Table& table, bool with_schema) {
  // IF NOT EXISTS is no guard against another that does the same in this moment: both find nothing, one gets an error.
  std::string sql =
      fmt::format("SELECT pg_advisory_xact_lock(hashtextextended({}, 7)); ", literal("trunkline " + qualified(table)));
  // Not where it is there: the right to make schemas is checked before their existence.
  if (with_schema) sql += fmt::format("CREATE SCHEMA IF NOT EXISTS {}; ", quoted(table.schema));
  sql += fmt::format("CREATE TABLE IF NOT EXISTS {} (", qualified(table));
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const Column& column = table.columns[i];
    if (i > 0) sql += ", ";
    sql += fmt::format("{} {}{}", quoted(column.name), column.type,
                       i == 0            ? " PRIMARY KEY"
                       : column.required ? " NOT NULL"
                                         : "");
  }
  sql += ")";
  for (const std::string& column : table.indexed)
    sql += fmt::format("; CREATE INDEX IF NOT EXISTS {} ON {} ({})", quoted(table.name + "_" + column),
                       qualified(table), quoted(column));
  return sql;
}

std::string staging_sql(const Table& table) {
  std::string sql = fmt::format("CREATE TEMPORARY TABLE {} (place bigint", kStaging);
  for (const Column& column : table.columns) sql += fmt::format(", {} {}", quoted(column.name), column.type);
  return sql + ") ON COMMIT DELETE ROWS";
}

std::string write_sql(const Table& table) {
  const std::string key = quoted(table.columns.front().name);
  std::string set;
  for (std::size_t i = 1; i < table.columns.size(); ++i) {
    const std::string name = quoted(table.columns[i].name);
    set += fmt::format("{}{} = excluded.{}", i > 1 ? ", " : "", name, name);
  }
  return fmt::format(
      "COPY pg_temp.{0} (place, {1}) FROM STDIN; INSERT INTO {2} AS kept ({1}) SELECT DISTINCT ON ({3}) {1} FROM "
      "pg_temp.{0} ORDER BY {3}, place DESC ON CONFLICT ({3}) DO UPDATE SET {4} WHERE ({5}) IS DISTINCT FROM ({6})",
      kStaging, listed(table, ""), qualified(table), key, set, listed(table, "kept.", 1),
      listed(table, "excluded.", 1));
}

}  // namespace trunkline::postgres
