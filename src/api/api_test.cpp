#include "api/api.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/fake_hub_test.hpp"
#include "base/crypto.hpp"
#include "json/document.hpp"

namespace trunkline::api {
namespace {

using testing::Bench;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string header(const net::ClientResponse& answer, std::string_view name) {
  return std::string(net::find_header(answer.headers, name).value_or("-"));
}

TEST(Api, owns_its_paths_and_no_others) {
  for (const char* path : {"/healthz", "/readyz", "/metrics", "/api/v1/status", "/api/v2"})
    EXPECT_TRUE(Api::owns(path));
  for (const char* path : {"/", "/ingest/genesys", "/apiary", "/healthz/x", "*"}) EXPECT_FALSE(Api::owns(path));
}

TEST(Api, health_says_alive_and_readiness_says_why_not) {
  Bench bench;
  EXPECT_EQ(bench.call("GET", "/healthz").body, "{\"status\":\"alive\"}\n");
  EXPECT_EQ(bench.call("GET", "/readyz").body, "{\"ready\":true,\"reason\":\"\"}\n");
  bench.hub().ready_now = {false, "the disk is full"};
  const auto answer = bench.call("GET", "/readyz");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.body, "{\"ready\":false,\"reason\":\"the disk is full\"}\n");
}

TEST(Api, an_unknown_path_is_404_and_a_wrong_method_names_the_right_ones) {
  Bench bench;
  const auto unknown = bench.call("GET", "/api/v1/nothing");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.body,
            "{\"error\":{\"code\":\"not_found\",\"message\":\"there is nothing at /api/v1/nothing\","
            "\"hint\":\"docs/api.md lists the endpoints\"}}\n");
  for (const char* path : {"/api", "/api/v1/consumers/", "/api/v1/consumers//pause", "/healthz/", "/api/v1/status/x"})
    EXPECT_EQ(bench.call("GET", path).status, 404) << path;
  const auto wrong = bench.call("PUT", "/api/v1/quarantine/7");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(header(wrong, "Allow"), "GET, HEAD, DELETE");
  EXPECT_THAT(wrong.body, HasSubstr("\"code\":\"method_not_allowed\""));
  EXPECT_EQ(header(bench.call("GET", "/api/v1/consumers/x/pause"), "Allow"), "POST");
}

TEST(Api, keys_are_taken_as_bearer_or_header_and_end_at_their_date) {
  const base::WallTime past(base::Millis(1'000));
  const base::WallTime future = base::SystemClock().wall() + std::chrono::hours(1);
  ApiOptions options;
  options.credentials.keys = {{"current", {}}, {"next", future}, {"old", past}};
  Bench bench(options);
  const auto status = [&](const net::Headers& headers) {
    return bench.call("GET", "/api/v1/status", "", headers).status;
  };
  EXPECT_EQ(status({{"Authorization", "Bearer current"}}), 200);
  EXPECT_EQ(status({{"authorization", "bearer  next"}}), 200);
  EXPECT_EQ(status({{"x-api-key", "current"}}), 200);
  EXPECT_EQ(status({{"x-api-key", "curren"}}), 401);
  EXPECT_EQ(status({{"Authorization", "Basic current"}}), 401);
  const auto expired = bench.call("GET", "/api/v1/status", "", {{"x-api-key", "old"}});
  EXPECT_EQ(expired.status, 401);
  EXPECT_EQ(header(expired, "WWW-Authenticate"), "Bearer");
  EXPECT_THAT(expired.body, HasSubstr("this API key has expired"));
  EXPECT_THAT(bench.call("GET", "/metrics").body, HasSubstr("an API key is needed"));
  EXPECT_EQ(bench.call("GET", "/api/v1/nothing").status, 401);
  EXPECT_EQ(bench.call("GET", "/healthz").status, 200);
  EXPECT_EQ(bench.call("GET", "/readyz").status, 200);

  bench.api().set_credentials({.keys = {{"newest", {}}}});
  EXPECT_EQ(status({{"x-api-key", "current"}}), 401);
  EXPECT_EQ(status({{"x-api-key", "newest"}}), 200);
}

net::Headers basic(std::string_view credentials) {
  return {{"Authorization", "Basic " + base::base64_encode(credentials)}};
}

TEST(Api, users_come_with_a_password_until_its_end_and_may_do_what_a_key_may) {
  const base::WallTime past(base::Millis(1'000));
  ApiOptions options;
  options.credentials.users = {
      {"ops", {{"old", past}, {"p:ä ss", {}}}}, {"", {{"nameless", {}}}}, {"none", {{"", {}}}}};
  Bench bench(options);
  const auto status = [&](const net::Headers& headers) {
    return bench.call("GET", "/api/v1/status", "", headers).status;
  };
  EXPECT_EQ(status(basic("ops:p:ä ss")), 200);
  EXPECT_EQ(status(basic(":nameless")), 200);
  EXPECT_EQ(bench.call("GET", "/metrics", "", basic("ops:p:ä ss")).status, 200);
  for (const char* wrong : {"ops:p:ä s", "ops:", "ops", "Ops:p:ä ss", ":p:ä ss", "ops:nameless", "none:", ":"})
    EXPECT_EQ(status(basic(wrong)), 401) << wrong;
  EXPECT_EQ(status({{"Authorization", "Basic ops:pass"}}), 401);
  EXPECT_EQ(status({{"Authorization", "Bearer p:ä ss"}}), 401);
  EXPECT_EQ(status({{"x-api-key", "p:ä ss"}}), 401);
  net::Headers twice = basic("ops:p:ä ss");
  twice.push_back(basic("other:x")[0]);
  EXPECT_EQ(status(twice), 401) << "a proxy and the hub could take different ones";

  const auto expired = bench.call("GET", "/api/v1/status", "", basic("ops:old"));
  EXPECT_THAT(expired.body, HasSubstr("this password has expired"));
  EXPECT_EQ(header(expired, "WWW-Authenticate"), "Basic realm=\"trunkline\", charset=\"UTF-8\"");
  EXPECT_THAT(bench.call("GET", "/metrics").body, HasSubstr("a user and a password are needed"));
  EXPECT_EQ(bench.call("GET", "/healthz").status, 200);

  bench.api().set_credentials({.keys = {{"key", {}}}, .users = {{"ops", {{"new", {}}}}}});
  EXPECT_EQ(status(basic("ops:p:ä ss")), 401);
  EXPECT_EQ(status(basic("ops:new")), 200);
  EXPECT_EQ(status({{"Authorization", "Bearer key"}}), 200);
  net::Headers both = basic("ops:new");
  both.emplace_back("x-api-key", "stale");
  EXPECT_EQ(status(both), 200) << "either is enough";
  both = basic("ops:wrong");
  both.emplace_back("x-api-key", "key");
  EXPECT_EQ(status(both), 200);
  const auto asked = bench.call("GET", "/api/v1/status");
  EXPECT_EQ(header(asked, "WWW-Authenticate"), "Basic realm=\"trunkline\", charset=\"UTF-8\", Bearer");
  EXPECT_THAT(asked.body, HasSubstr("an API key, or a user and a password, is needed"));
  EXPECT_EQ(header(bench.call("GET", "/api/v1/status", "", {{"X-Requested-With", "trunkline"}}), "WWW-Authenticate"),
            "Bearer")
      << "a page asks by itself";
}

// A browser adds a password that it has kept to whatever any page makes it send.
TEST(Api, no_foreign_web_page_may_use_a_password_that_the_browser_keeps) {
  ApiOptions options;
  options.credentials = {.keys = {{"key", {}}}, .users = {{"ops", {{"pass", {}}}}}};
  Bench bench(options);
  const auto status = [&](const std::string& method, net::Headers headers) {
    headers.push_back(basic("ops:pass")[0]);
    return bench
        .call(method, method == "GET" ? "/api/v1/status" : "/api/v1/quarantine/1/resubmit", "{}", headers,
              "hub.example:8080")
        .status;
  };
  EXPECT_EQ(status("POST", {}), 200) << "no browser";
  EXPECT_EQ(status("POST", {{"Origin", "http://hub.example:8080"}}), 200);
  EXPECT_EQ(status("POST", {{"Origin", "https://behind.a.proxy"}, {"Sec-Fetch-Site", "same-origin"}}), 200);
  EXPECT_EQ(status("GET", {{"Sec-Fetch-Site", "none"}}), 200);
  EXPECT_EQ(status("POST", {{"Origin", "https://evil.example"}}), 401);
  EXPECT_EQ(status("POST", {{"Origin", "null"}}), 401);
  for (const char* site : {"cross-site", "same-site", "new-word"}) {
    EXPECT_EQ(status("POST", {{"Sec-Fetch-Site", site}}), 401) << site;
    EXPECT_EQ(status("GET", {{"Sec-Fetch-Site", site}, {"Sec-Fetch-Mode", "no-cors"}}), 401) << site;
    const net::Headers link{{"Sec-Fetch-Site", site}, {"Sec-Fetch-Mode", "navigate"}, {"Sec-Fetch-Dest", "document"}};
    EXPECT_EQ(status("GET", link), 200) << "a link that a person follows";
    EXPECT_EQ(status("POST", link), 401) << "a form of that page";
    EXPECT_EQ(status("GET", {link[0], link[1], {"Sec-Fetch-Dest", "iframe"}}), 401);
  }
  EXPECT_EQ(bench.call("GET", "/api/v1/status", "", {{"Origin", "https://evil.example"}, {"x-api-key", "key"}}).status,
            200)
      << "no browser adds a key by itself";
}

TEST(Api, without_keys_no_foreign_web_page_may_call) {
  Bench bench;
  const auto status = [&](const std::string& host, const net::Headers& headers) {
    return bench.call("GET", "/api/v1/status", "", headers, host).status;
  };
  EXPECT_EQ(status("localhost:8080", {}), 200);
  EXPECT_EQ(status("127.0.0.1:8080", {{"Origin", "http://127.0.0.1:8080"}}), 200);
  EXPECT_EQ(status("[::1]:8080", {}), 200);
  EXPECT_EQ(status("127.0.0.1:8080", {{"Origin", "https://evil.example"}}), 401);
  EXPECT_EQ(status("127.0.0.1:8080", {{"Origin", "null"}}), 401);
  EXPECT_EQ(status("evil.example:8080", {{"Origin", "http://evil.example:8080"}}), 401);
  EXPECT_EQ(status("127.0.0.1:8080", {{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Mode", "no-cors"}}), 401);
  EXPECT_EQ(status("127.0.0.1:8080", {{"Sec-Fetch-Site", "same-site"}, {"Sec-Fetch-Mode", "no-cors"}}), 401);
  EXPECT_EQ(status("evil.example:8080", {{"Sec-Fetch-Site", "same-origin"}}), 401) << "a name that now leads here";
  EXPECT_EQ(bench.call("GET", "/healthz", "", {}, "hub.example").status, 200);
}

TEST(Api, a_head_request_gets_the_head_alone) {
  Bench bench;
  EXPECT_EQ(bench.call("HEAD", "/healthz").status, 200);
}

TEST(Api, a_body_is_bounded_and_must_be_readable) {
  ApiOptions options;
  options.body_bytes_max = 100;
  options.corrected_bytes_max = 200;
  Bench bench(options);
  const std::string big(150, ' ');
  EXPECT_EQ(bench.call("POST", "/api/v1/quarantine/resubmit", big).status, 413);
  EXPECT_EQ(bench.call("POST", "/api/v1/quarantine/1/resubmit", big).status, 200);
  EXPECT_EQ(bench.call("POST", "/api/v1/quarantine/1/resubmit", big + big).status, 413);
  const auto coded = bench.call("POST", "/api/v1/quarantine/resubmit", "{}", {{"Content-Encoding", "br"}});
  EXPECT_EQ(coded.status, 400);
  EXPECT_THAT(coded.body, HasSubstr("the body cannot be read"));
}

TEST(Api, consumers_are_listed_and_shown) {
  Bench bench;
  ConsumerInfo crm = Bench::pushed("crm");
  crm.filter = R"({"eventCategory":["conversation"]})";
  crm.statistics->last_error_class = "http_500";
  crm.statistics->breaker = delivery::BreakerState::open;
  bench.add(crm);
  bench.add(Bench::pulled("wfm", event::Order::agent));
  const auto list = bench.call("GET", "/api/v1/consumers");
  EXPECT_THAT(
      list.body,
      StartsWith(
          "{\"consumers\":[{\"name\":\"crm\",\"sink\":\"http\",\"target\":\"https://crm."
          "example/hook\",\"order\":\"conversation\",\"paused\":false,\"shadow\":false,\"rest\":null,\"waiting\":0,"));
  EXPECT_THAT(list.body, HasSubstr("\"breaker\":\"open\",\"budget\":null,\"last_error\":{\"class\":\"http_500\""));
  EXPECT_THAT(list.body, HasSubstr("{\"name\":\"wfm\",\"sink\":\"pulled\""));
  const auto shown = bench.call("GET", "/api/v1/consumers/crm").body;
  EXPECT_THAT(shown, HasSubstr("\"filter\":{\"eventCategory\":[\"conversation\"]}"));
  EXPECT_THAT(shown, HasSubstr("\"on_exhausted\":\"park\""));
  EXPECT_THAT(shown, HasSubstr("\"last_delivered_at\":null"));
  const auto pulled = bench.call("GET", "/api/v1/consumers/wfm").body;
  EXPECT_THAT(pulled, HasSubstr("\"visibility_timeout_seconds\":30"));
  EXPECT_THAT(pulled, Not(HasSubstr("statistics")));
  json::Document document;
  for (const std::string* body : {&list.body, &shown, &pulled}) EXPECT_TRUE(document.parse(*body).ok()) << *body;
  const auto unknown = bench.call("GET", "/api/v1/consumers/crn");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_THAT(unknown.body, HasSubstr("did you mean 'crm'?"));
}

TEST(Api, pause_and_resume_say_what_holds_now) {
  Bench bench;
  bench.add(Bench::pushed("crm"));
  EXPECT_THAT(bench.call("POST", "/api/v1/consumers/crm/pause", R"({"reason":"why","for_seconds":60})").body,
              StartsWith("{\"name\":\"crm\",\"paused\":true,\"rest\":{\"by\":\"operator\",\"reason\":\"why\","));
  EXPECT_EQ(bench.call("POST", "/api/v1/consumers/crm/pause", R"({"until":"1999-01-01T00:00:00Z"})").status, 400);
  EXPECT_TRUE(bench.hub().consumer("crm")->paused);
  EXPECT_EQ(bench.call("POST", "/api/v1/consumers/crm/resume").body,
            "{\"name\":\"crm\",\"paused\":false,\"rest\":null}\n");
  EXPECT_FALSE(bench.hub().consumer("crm")->paused);
  EXPECT_EQ(bench.call("POST", "/api/v1/consumers/nobody/pause").status, 404);
}

TEST(Api, a_consumer_that_waits_for_its_budget_says_until_when) {
  Bench bench;
  ConsumerInfo crm = Bench::pushed("crm");
  crm.delivery->budget.requests = 1'000;
  crm.delivery->budget.reserve = 100;
  crm.statistics->budget = {900, 900, base::WallTime(std::chrono::hours(24))};
  bench.add(crm);
  bench.add(Bench::pushed("free"));
  EXPECT_THAT(bench.call("GET", "/api/v1/consumers/crm").body,
              HasSubstr("\"budget\":{\"requests\":1000,\"reserve\":100,\"used\":900,\"left\":0,\"per_seconds\":86400,"
                        "\"window\":\"rolling\",\"used_up_until\":\"1970-01-02T00:00:00.000Z\","));
  EXPECT_THAT(bench.call("GET", "/api/v1/consumers/free").body, HasSubstr("\"budget\":null"));
  const std::string metrics = bench.call("GET", "/metrics").body;
  EXPECT_THAT(metrics, HasSubstr("trunkline_consumer_budget_used_up{consumer=\"crm\"} 1"));
  EXPECT_THAT(metrics, HasSubstr("trunkline_consumer_budget_requests{consumer=\"crm\"} 900"));
  EXPECT_THAT(metrics, Not(HasSubstr("trunkline_consumer_budget_used_up{consumer=\"free\"}")));
}

TEST(Api, a_shadow_is_shown_as_one_with_its_newest_requests) {
  Bench bench;
  ConsumerInfo crm = Bench::pushed("crm");
  crm.shadow = ShadowCounts{base::WallTime{}, 7, 700};
  bench.add(crm);
  bench.add(Bench::pushed("siem"));
  EXPECT_THAT(bench.call("GET", "/api/v1/consumers/crm").body,
              AllOf(HasSubstr("\"shadow\":true"), HasSubstr("\"requests\":7,\"bytes\":700}")));
  EXPECT_THAT(bench.call("GET", "/api/v1/consumers/siem").body, HasSubstr("\"shadow\":false"));
  EXPECT_THAT(bench.call("GET", "/api/v1/consumers/crm/shadow").body,
              HasSubstr("\"newest\":[{\"number\":7,\"at\":\"1970-01-01T00:00:00.000Z\",\"method\":\"POST\",\"url\":"
                        "\"https://crm/\",\"headers\":[{\"name\":\"Authorization\",\"value\":\"***\"}],\"bytes\":2,"
                        "\"complete\":true,\"encoding\":\"utf-8\",\"body\":\"{}\"},{\"number\":6"));
  EXPECT_EQ(bench.call("GET", "/api/v1/consumers/siem/shadow").status, 409);
  const std::string metrics = bench.call("GET", "/metrics").body;
  EXPECT_THAT(metrics, HasSubstr("trunkline_shadow_requests_total{consumer=\"crm\"} 7"));
  EXPECT_THAT(metrics, HasSubstr("trunkline_consumer_shadow{consumer=\"siem\"} 0"));
}

TEST(Api, an_event_is_shown_with_who_gets_it) {
  Bench bench;
  const auto crm = bench.add(Bench::pushed("crm"));
  bench.add(Bench::pushed("siem"));
  const auto sequence = bench.publish("c1", R"({"a": 1})", {crm});
  const auto shown = bench.call("GET", "/api/v1/events/" + std::to_string(sequence));
  EXPECT_EQ(shown.status, 200);
  EXPECT_THAT(shown.body, HasSubstr("\"consumers\":[\"crm\"]"));
  EXPECT_THAT(shown.body, HasSubstr("\"conversation_id\":\"c1\""));
  EXPECT_THAT(shown.body, HasSubstr("\"event\":{\"a\": 1}}"));
  EXPECT_EQ(bench.call("GET", "/api/v1/events/99").status, 404);
  EXPECT_EQ(bench.call("GET", "/api/v1/events/0").status, 400);
  EXPECT_THAT(bench.call("GET", "/api/v1/events/-1").body, HasSubstr("is not a number from 1 on"));
}

TEST(Api, status_sums_up) {
  Bench bench;
  ConsumerInfo paused = Bench::pushed("crm");
  paused.paused = true;
  bench.add(paused);
  bench.hub().counted.version = "1.2.3";
  bench.hub().counted.accepted = 7;
  const auto status = bench.call("GET", "/api/v1/status").body;
  EXPECT_THAT(status, StartsWith("{\"version\":\"1.2.3\",\"ready\":true,"));
  EXPECT_THAT(status, HasSubstr("\"events\":{\"accepted\":7,"));
  EXPECT_THAT(status, HasSubstr("\"consumers\":{\"count\":1,\"paused\":1,\"breaker_open\":0,"));
}

}  // namespace
}  // namespace trunkline::api
