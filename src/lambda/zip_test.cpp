#include "lambda/zip.hpp"

#include <gtest/gtest.h>

#include <string>

namespace trunkline::lambda {
namespace {

// That others can unpack it is shown end to end, by Python's zipfile.
TEST(LambdaZip, TheSameFilesInAnyOrderMakeTheSameBytes) {
  const ZipFile a{"a", std::string(100'000, 'x'), false};
  const ZipFile b{"lib/b", "short", true};
  const auto one = make_zip({a, b});
  const auto two = make_zip({b, a});
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_EQ(*one, *two);
  EXPECT_LT(one->size(), 1'000U);
  EXPECT_EQ(one->substr(0, 4), "PK\x03\x04");
  EXPECT_NE(*one, *make_zip({a, {"lib/b", "short", false}}));
}

TEST(LambdaZip, ANameTwiceIsRefused) {
  EXPECT_EQ(make_zip({{"a", "1"}, {"a", "2"}}).error().code, base::Errc::invalid);
}

TEST(LambdaZip, TheBootstrapIsAProgramThatNeedsNoLoader) {
  const std::string_view program = bootstrap_program();
  EXPECT_EQ(program.substr(0, 4),
            "\x7f"
            "ELF");
  EXPECT_EQ(program.find("/lib64/ld-linux"), std::string_view::npos);
}

}  // namespace
}  // namespace trunkline::lambda
