#include "json/canonical.hpp"

#include <gtest/gtest.h>

namespace trunkline::json {
namespace {

std::string canonical_of(std::string_view text) {
  Document document;
  const auto parsed = document.parse(text);
  return parsed.ok() ? canonical(*parsed) : parsed.error().detail;
}

TEST(Canonical, sorts_members_by_the_bytes_of_their_decoded_names) {
  EXPECT_EQ(canonical_of(R"( {"b" : 1, "a":[ {"z":1,"y":2} , 3 ], "B":null, "\u00e9":1, "aa":true} )"),
            "{\"B\":null,\"a\":[{\"y\":2,\"z\":1},3],\"aa\":true,\"b\":1,\"\xC3\xA9\":1}");
}

TEST(Canonical, sorts_names_with_a_common_beginning_and_names_with_zero_bytes) {
  EXPECT_EQ(canonical_of(R"({"participantId":1,"participant":2,"participa":3,"participb":4,"particip":5})"),
            R"({"particip":5,"participa":3,"participant":2,"participantId":1,"participb":4})");
  EXPECT_EQ(canonical_of(R"({"a\u0000":1,"a":2,"":3})"), R"({"":3,"a":2,"a\u0000":1})");
}

TEST(Canonical, makes_different_escapes_of_one_text_equal) {
  EXPECT_EQ(canonical_of(R"({"\u0061":"\u0041\/\u000a"})"), canonical_of(R"({"a":"A/\n"})"));
  EXPECT_EQ(canonical_of(R"(["\u001F"])"), R"(["\u001f"])");
}

TEST(Canonical, keeps_number_text) {
  EXPECT_NE(canonical_of("[1.0]"), canonical_of("[1]"));
  EXPECT_EQ(canonical_of("[1E+2, 123456789012345678901234567890]"), "[1E+2,123456789012345678901234567890]");
}

TEST(Canonical, keeps_members_of_one_name_in_their_order) {
  EXPECT_EQ(canonical_of(R"({"b":0,"a":2,"a":1})"), R"({"a":2,"a":1,"b":0})");
  EXPECT_NE(canonical_of(R"({"a":2,"a":1})"), canonical_of(R"({"a":1,"a":2})"));
}

TEST(Canonical, hash_follows_the_text) {
  Document one;
  Document two;
  EXPECT_EQ(canonical_hash(*one.parse(R"({"a":1,"b":[]})")), canonical_hash(*two.parse(R"({"b":[ ],"a":1})")));
  EXPECT_NE(canonical_hash(*one.parse(R"({"a":1})")), canonical_hash(*two.parse(R"({"a":1.0})")));
}

TEST(Canonical, can_be_used_again) {
  Document document;
  Canonical again;
  EXPECT_EQ(again.text(*document.parse(R"({"b":{"d":1,"c":2},"a":1})")), R"({"a":1,"b":{"c":2,"d":1}})");
  EXPECT_EQ(again.text(*document.parse(R"({"y":1,"x":"\\"})")), R"({"x":"\\","y":1})");
}

TEST(Canonical, leaves_one_member_out_at_the_top_only) {
  Document document;
  EXPECT_EQ(Canonical().text(*document.parse(R"({"id":1,"a":{"id":2},"id":3})"), "id"), R"({"a":{"id":2}})");
}

TEST(SpliceMembers, adds_behind_the_last_member_and_changes_no_other_byte) {
  EXPECT_EQ(splice_members(R"({"b":1.0})", R"("a":1,"c":2)"), R"({"b":1.0,"a":1,"c":2})");
  EXPECT_EQ(splice_members("{}", R"("a":1)"), R"({"a":1})");
  EXPECT_EQ(splice_members("{ \n}", R"("a":1)"), "{\"a\":1 \n}");
  EXPECT_EQ(splice_members("{\n \"b\":\"}\"\n}", R"("a":1)"), "{\n \"b\":\"}\",\"a\":1\n}");
  EXPECT_EQ(splice_members(R"({"b":{}})", R"("a":1)"), R"({"b":{},"a":1})");
  EXPECT_EQ(splice_members(R"({"b":1})", ""), R"({"b":1})");
}

}  // namespace
}  // namespace trunkline::json
