#include "mapping/cef.hpp"

#include <gtest/gtest.h>

namespace trunkline::mapping {
namespace {

TEST(Cef, header_fields_escape_backslash_and_pipe_and_nothing_else) {
  CefLine line("a|b", "c\\d", "1=2", "id\n", "name", 5);
  EXPECT_EQ(line.take(), "CEF:0|a\\|b|c\\\\d|1=2|id |name|5|");
}

TEST(Cef, values_escape_backslash_equal_sign_and_line_breaks_and_keep_pipes) {
  CefLine line("v", "p", "1", "s", "n", 0);
  line.add("msg", "a=b\\c|d\ne\rf\tg").add("empty", "").add("cn1", std::uint64_t{42});
  EXPECT_EQ(line.take(), "CEF:0|v|p|1|s|n|0|msg=a\\=b\\\\c|d\\ne\\rf g cn1=42");
}

TEST(Cef, severity_stays_within_0_and_10) {
  EXPECT_EQ(CefLine("v", "p", "1", "s", "n", 11).take(), "CEF:0|v|p|1|s|n|10|");
  EXPECT_EQ(CefLine("v", "p", "1", "s", "n", -1).take(), "CEF:0|v|p|1|s|n|0|");
}

TEST(Cef, a_line_is_made_of_an_object_with_an_extension_and_of_nothing_else) {
  EXPECT_EQ(cef_line(R"({"signature_id":"x","severity":"High","extension":{}})").value(),
            "CEF:0|Genesys|Genesys Cloud|2|x|event|High|");
  for (const char* other : {R"({"version":"0","detail":{}})", R"({"extension":[]})", R"({"extension":"a"})", "1"})
    EXPECT_FALSE(cef_line(other).ok()) << other;
}

}  // namespace
}  // namespace trunkline::mapping
