#include "net/browser.hpp"

#include <gtest/gtest.h>

namespace trunkline::net {
namespace {

HttpRequest request(std::string method, Headers headers) {
  HttpRequest made;
  made.method = std::move(method);
  made.headers = std::move(headers);
  return made;
}
bool foreign(const std::string& method, const Headers& headers) {
  return is_of_foreign_page(request(method, headers));
}
bool maybe(const Headers& headers) {
  return may_be_of_foreign_page(request("POST", headers));
}

TEST(Browser, fetch_metadata_says_whose_page_it_is_and_goes_before_the_origin) {
  EXPECT_FALSE(foreign("POST", {{"Host", "a:1"}, {"Origin", "https://proxied"}, {"Sec-Fetch-Site", "same-origin"}}));
  EXPECT_FALSE(foreign("GET", {{"Sec-Fetch-Site", "none"}}));
  for (const char* site : {"cross-site", "same-site", "", "new-word"}) {
    EXPECT_TRUE(foreign("POST", {{"Sec-Fetch-Site", site}})) << site;
    const Headers link{{"Sec-Fetch-Site", site}, {"Sec-Fetch-Mode", "navigate"}, {"Sec-Fetch-Dest", "document"}};
    EXPECT_FALSE(foreign("GET", link)) << site;
    EXPECT_TRUE(foreign("POST", link)) << "a form";
    EXPECT_TRUE(foreign("GET", {link[0], link[1], {"Sec-Fetch-Dest", "iframe"}}));
    EXPECT_TRUE(foreign("GET", {link[0], {"Sec-Fetch-Mode", "no-cors"}, {"Sec-Fetch-Dest", "image"}}));
  }
}

TEST(Browser, an_origin_is_compared_with_the_host_where_there_is_no_fetch_metadata) {
  EXPECT_FALSE(foreign("POST", {}));
  EXPECT_FALSE(foreign("POST", {{"Host", "evil.example"}})) << "no browser";
  EXPECT_FALSE(foreign("POST", {{"Host", "Hub:8080"}, {"Origin", "http://hub:8080"}}));
  EXPECT_TRUE(foreign("POST", {{"Host", "hub:8080"}, {"Origin", "http://hub:9090"}}));
  EXPECT_TRUE(foreign("POST", {{"Host", "hub"}, {"Origin", "null"}}));
  EXPECT_TRUE(foreign("POST", {{"Origin", "http://hub"}}));
}

TEST(Browser, a_browser_that_calls_by_a_name_may_have_been_led_here) {
  EXPECT_FALSE(maybe({{"Host", "relay.internal"}})) << "no browser";
  EXPECT_FALSE(maybe({{"Host", "127.0.0.1:8080"}, {"Origin", "http://127.0.0.1:8080"}}));
  EXPECT_FALSE(maybe({{"Host", "[::1]:8080"}, {"Sec-Fetch-Site", "same-origin"}}));
  EXPECT_FALSE(maybe({{"Host", "LOCALHOST"}, {"Sec-Fetch-Site", "same-origin"}}));
  EXPECT_TRUE(maybe({{"Host", "evil.example"}, {"Origin", "http://evil.example"}}));
  EXPECT_TRUE(maybe({{"Host", "localhost.evil.example"}, {"Sec-Fetch-Site", "same-origin"}}));
  EXPECT_TRUE(maybe({{"Host", "127.0.0.1"}, {"Origin", "http://evil.example"}}));
}

TEST(Browser, addresses_and_localhost_name_this_machine) {
  for (const char* host : {"localhost", "localhost:80", "10.0.0.1", "10.0.0.1:80", "[::1]", "[fe80::1]:80"})
    EXPECT_TRUE(names_this_machine(host)) << host;
  for (const char* host : {"", "hub", "127.example", "10.0.0.0/8", "[", "[]", "[hub]:80", "127.0.0.1.evil.example"})
    EXPECT_FALSE(names_this_machine(host)) << host;
}

}  // namespace
}  // namespace trunkline::net
