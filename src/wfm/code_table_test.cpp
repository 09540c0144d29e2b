#include "wfm/code_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "wfm/csv.hpp"

namespace trunkline::wfm {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kTable = R"(# made by the planners
presence,routing,reason,code
BUSY,*,6f1b-lunch,LUNCH
ON_QUEUE,INTERACTING,*,"TALK, ""live"""
ON_QUEUE,*,,READY
MEAL,,*,MEAL
BR*,*,*,BREAK
)";

CodeTable table_of(std::string_view text) {
  auto made = CodeTable::parse(text, "OTHER");
  EXPECT_TRUE(made.ok()) << made.error().detail;
  return std::move(*made);
}

std::string error_of(std::string_view text) {
  const auto made = CodeTable::parse(text, "OTHER");
  return made.ok() ? "made" : made.error().detail;
}

TEST(CodeTable, the_first_row_that_fits_is_taken) {
  const CodeTable table = table_of(kTable);
  EXPECT_EQ(table.code("BUSY", "OFF_QUEUE", "6f1b-lunch"), "LUNCH");
  EXPECT_EQ(table.code("ON_QUEUE", "INTERACTING", "6f1b-lunch"), "TALK, \"live\"");
  EXPECT_EQ(table.code("BREAK", "OFF_QUEUE", "x"), "BREAK");
}

TEST(CodeTable, an_empty_field_fits_what_is_not_known_alone) {
  const CodeTable table = table_of(kTable);
  EXPECT_EQ(table.code("ON_QUEUE", "IDLE", ""), "READY");
  EXPECT_EQ(table.code("ON_QUEUE", "IDLE", "x"), "OTHER");
  EXPECT_EQ(table.code("MEAL", "IDLE", "x"), "OTHER");
}

TEST(CodeTable, neither_case_nor_the_words_of_the_api_matter) {
  const CodeTable table = table_of("code,presence\nREADY,On Queue\n");
  EXPECT_EQ(table.code("ON_QUEUE", "IDLE", "x"), "READY");
  EXPECT_EQ(table.code("on_queue", "", ""), "READY");
  EXPECT_EQ(table.code("ON", "", ""), "OTHER");
}

TEST(CodeTable, files_of_spreadsheets_are_read) {
  const CodeTable table = table_of("\xef\xbb\xbf\"presence\",\"code\"\r\n\r\nAWAY,AWAY\r\n");
  EXPECT_EQ(table.size(), 1u);
  EXPECT_EQ(table.code("AWAY", "", ""), "AWAY");
}

TEST(CodeTable, says_where_a_file_is_wrong) {
  EXPECT_THAT(error_of(""), HasSubstr("line 1"));
  EXPECT_EQ(error_of("presence,routing\n"), "line 1: the first row names the columns, and 'code' is not among them");
  EXPECT_EQ(error_of("presence,code,status\n"), "line 1: 'status' is no column: presence, routing, reason, code");
  EXPECT_EQ(error_of("code,code\n"), "line 1: column 'code' stands twice");
  EXPECT_EQ(error_of("presence,code\n#\nAWAY,A\nBUSY\n"), "line 4: 1 fields, and the first row has 2");
  EXPECT_EQ(error_of("presence,code\nA*B,A\n"), "line 2: 'A*B': a * stands at the end alone");
  EXPECT_EQ(error_of("presence,code\nAWAY,\n"), "line 2: a code is 1 to 100 bytes of text");
  EXPECT_THAT(error_of("presence,code\n\"AWAY,A\n"), HasSubstr("line 2: no CSV"));
  EXPECT_THAT(error_of("presence,code\nAW\"AY,A\n"), HasSubstr("line 2: no CSV"));
}

TEST(CodeTable, bounds_its_rows) {
  std::string text = "code\n";
  for (std::size_t i = 0; i <= CodeTable::kRowsMax; ++i) text += "A\n";
  EXPECT_THAT(error_of(text), HasSubstr("more than 10000 rows"));
}

TEST(CodeTable, names_a_row_that_nothing_reaches) {
  EXPECT_EQ(table_of("presence,routing,code\nBR*,*,B\nBREAK,IDLE,C\n").unreachable(), 3u);
  EXPECT_EQ(table_of("presence,routing,code\nBREAK,IDLE,C\nBR*,*,B\n").unreachable(), 0u);
  EXPECT_EQ(table_of("presence,routing,code\nBREAK,IDLE,C\n*,IDLE,B\nBREAK,*,D\n").unreachable(), 0u);
}

TEST(Csv, what_is_written_is_read) {
  std::string text;
  append_csv_row(text, {"a", "", "b,\"c\"\nd", "e\r"});
  append_csv_row(text, {"x"});
  std::string_view rest = text;
  EXPECT_THAT(*take_csv_row(rest), ElementsAre("a", "", "b,\"c\"\nd", "e\r"));
  EXPECT_THAT(*take_csv_row(rest), ElementsAre("x"));
  EXPECT_FALSE(take_csv_row(rest));
}

}  // namespace
}  // namespace trunkline::wfm
