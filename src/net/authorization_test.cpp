#include "net/authorization.hpp"

#include <gtest/gtest.h>

#include "base/crypto.hpp"

namespace trunkline::net {
namespace {

HttpRequest of(Headers headers) {
  HttpRequest request;
  request.headers = std::move(headers);
  return request;
}

TEST(Authorization, schemes_are_found_in_any_case_and_only_as_the_one_header) {
  const auto bearer = [](Headers headers) {
    return std::string(authorization(of(std::move(headers)), "Bearer").value_or("none"));
  };
  EXPECT_EQ(bearer({{"Authorization", "Bearer abc"}}), "abc");
  EXPECT_EQ(bearer({{"authorization", "bEARER   abc"}}), "abc");
  EXPECT_EQ(bearer({{"Authorization", "Bearerabc"}}), "none");
  EXPECT_EQ(bearer({{"Authorization", "Bearer"}}), "none");
  EXPECT_EQ(bearer({{"Authorization", "Bearer  "}}), "none");
  EXPECT_EQ(bearer({{"Authorization", "Basic abc"}}), "none");
  EXPECT_EQ(bearer({}), "none");
  EXPECT_EQ(bearer({{"Authorization", "Bearer abc"}, {"Authorization", "Bearer def"}}), "none");
}

TEST(Authorization, basic_credentials_end_the_name_at_the_first_colon) {
  const auto read = [](std::string_view text) {
    const auto pair = basic_credentials(base::base64_encode(text));
    return pair ? pair->first + "|" + pair->second : "none";
  };
  EXPECT_EQ(read("user:pass:word"), "user|pass:word");
  EXPECT_EQ(read(":"), "|");
  EXPECT_EQ(read("user"), "none");
  EXPECT_FALSE(basic_credentials("not base64"));
  EXPECT_FALSE(basic_credentials("dXNlcjpwYXNz\n"));
}

}  // namespace
}  // namespace trunkline::net
