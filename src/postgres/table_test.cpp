#include "postgres/table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "postgres/copy_text.hpp"

namespace trunkline::postgres {
namespace {

using testing::HasSubstr;
using testing::Not;

Table table() {
  return {"s", "t", {{"id", "text", true}, {"n", "bigint", true}, {"body", "jsonb"}}, {"n"}};
}

TEST(Table, names_and_texts_are_quoted_so_that_they_mean_themselves) {
  EXPECT_EQ(quoted("order"), R"("order")");
  EXPECT_EQ(quoted(R"(a"; DROP TABLE x; --)"), R"("a""; DROP TABLE x; --")");
  EXPECT_EQ(literal("it's"), "'it''s'");
  Table odd = table();
  odd.schema = "a'b";
  odd.name = "c\"d";
  EXPECT_THAT(look_sql(odd), HasSubstr(R"(to_regclass('"a''b"."c""d"'))"));
}

TEST(Table, a_write_copies_into_the_staging_table_and_brings_each_key_in_once) {
  EXPECT_EQ(write_sql(table()),
            "COPY pg_temp.trunkline_staging (place, \"id\", \"n\", \"body\") FROM STDIN; "
            "INSERT INTO \"s\".\"t\" AS kept (\"id\", \"n\", \"body\") "
            "SELECT DISTINCT ON (\"id\") \"id\", \"n\", \"body\" FROM pg_temp.trunkline_staging "
            "ORDER BY \"id\", place DESC "
            "ON CONFLICT (\"id\") DO UPDATE SET \"n\" = excluded.\"n\", \"body\" = excluded.\"body\" "
            "WHERE (kept.\"n\", kept.\"body\") IS DISTINCT FROM (excluded.\"n\", excluded.\"body\")");
}

TEST(Table, is_made_with_its_key_and_indexes_where_it_is_missing) {
  const std::string sql = create_sql(table(), true);
  EXPECT_THAT(sql, HasSubstr("pg_advisory_xact_lock"));
  EXPECT_THAT(sql, HasSubstr(R"(CREATE SCHEMA IF NOT EXISTS "s"; )"));
  EXPECT_THAT(create_sql(table(), false), Not(HasSubstr("SCHEMA")));
  EXPECT_THAT(
      sql,
      HasSubstr(R"(CREATE TABLE IF NOT EXISTS "s"."t" ("id" text PRIMARY KEY, "n" bigint NOT NULL, "body" jsonb))"));
  EXPECT_THAT(sql, HasSubstr(R"(CREATE INDEX IF NOT EXISTS "t_n" ON "s"."t" ("n"))"));
}

TEST(CopyText, rows_have_their_place_and_are_escaped) {
  CopyText rows;
  rows.begin_row().text("a\tb\nc\\d\re").null().end_row();
  rows.begin_row().text("").text_or_null("").number(18'446'744'073'709'551'615u).end_row();
  EXPECT_EQ(rows.rows(), 2u);
  EXPECT_EQ(rows.take(), "0\ta\\tb\\nc\\\\d\\re\t\\N\n1\t\t\\N\t18446744073709551615\n");
}

TEST(CopyText, what_looks_like_null_or_the_end_is_text) {
  CopyText rows;
  rows.begin_row().text("\\N").text("\\.").end_row();
  EXPECT_EQ(rows.take(), "0\t\\\\N\t\\\\.\n");
}

TEST(CopyText, nul_becomes_the_replacement_character) {
  CopyText rows;
  rows.begin_row().text(std::string_view("a\0b", 3)).end_row();
  EXPECT_EQ(rows.take(),
            "0\ta\xEF\xBF\xBD"
            "b\n");
}

}  // namespace
}  // namespace trunkline::postgres
