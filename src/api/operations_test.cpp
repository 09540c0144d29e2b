#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "api/fake_hub_test.hpp"
#include "api/metrics_text.hpp"
#include "base/crypto.hpp"
#include "json/document.hpp"

namespace trunkline::api {
namespace {

using testing::Bench;
using ::testing::HasSubstr;
using ::testing::Not;

// A pulled consumer with `count` dead letters, of two error classes in turn.
class DeadLetterTest : public ::testing::Test {
 protected:
  void make(int count) {
    for (int i = 0; i < count; ++i) bench.publish("c" + std::to_string(i), R"({"n": 1})", {queue});
    std::string receipts;
    for (int left = count; left > 0;) {
      const auto body =
          bench.call("POST", "/api/v1/consumers/any/receive", R"({"wait_seconds":20,"max_messages":1000})");
      json::Document document;
      const auto root = document.parse(body.body);
      ASSERT_TRUE(root.ok());
      for (auto lease = root->find("leases")->first(); lease; lease = lease->next()) {
        std::string failed;
        for (auto message = lease->find("messages")->first(); message; message = message->next(), --left) {
          const std::int64_t sequence = *message->find("sequence")->integer();
          failed += (failed.empty() ? "" : ",") + ("{\"sequence\":" + std::to_string(sequence)) +
                    ",\"fate\":\"dead_letter\",\"error_class\":\"" + (sequence % 2 == 1 ? "odd" : "even") + "\"}";
        }
        const auto settled = bench.call("POST", "/api/v1/consumers/any/settle",
                                        "{\"receipts\":[{\"receipt\":\"" + std::string(lease->string_at("receipt")) +
                                            "\",\"failed\":[" + failed + "]}]}");
        ASSERT_EQ(settled.status, 200) << settled.body;
      }
    }
  }
  net::ClientResponse post(const std::string& what, const std::string& body) {
    return bench.call("POST", "/api/v1/consumers/any/" + what, body);
  }

  Bench bench;
  base::QueueId queue = bench.add(Bench::pulled("any", event::Order::none));
};

TEST_F(DeadLetterTest, are_listed_by_page_over_more_than_one_read) {
  make(70);
  const auto first = bench.call("GET", "/api/v1/consumers/any/dead-letters?limit=40").body;
  EXPECT_THAT(first, HasSubstr("{\"dead_letters\":[{\"sequence\":1,\"state\":\"skipped\""));
  EXPECT_THAT(first, HasSubstr("\"sequence\":40,"));
  EXPECT_THAT(first, HasSubstr("],\"next_after\":40}"));
  const auto second = bench.call("GET", "/api/v1/consumers/any/dead-letters?after=40&limit=1000").body;
  EXPECT_THAT(second, HasSubstr("\"sequence\":41,"));
  EXPECT_THAT(second, HasSubstr("\"sequence\":70,"));
  EXPECT_THAT(second, HasSubstr("],\"next_after\":null}"));
  EXPECT_EQ(bench.call("GET", "/api/v1/consumers/any/dead-letters?limit=0").status, 400);
  EXPECT_EQ(bench.call("GET", "/api/v1/consumers/any/dead-letters?after=x").status, 400);
}

TEST_F(DeadLetterTest, one_is_shown_with_its_event) {
  make(3);
  const auto shown = bench.call("GET", "/api/v1/consumers/any/dead-letters/2");
  EXPECT_EQ(shown.status, 200);
  EXPECT_THAT(shown.body, HasSubstr("\"error_class\":\"even\""));
  EXPECT_THAT(shown.body, HasSubstr("\"event\":{\"n\": 1},\"edited\":null}"));
  EXPECT_EQ(bench.call("GET", "/api/v1/consumers/any/dead-letters/9").status, 404);
  EXPECT_EQ(bench.call("GET", "/api/v1/consumers/any/dead-letters/two").status, 400);
}

TEST_F(DeadLetterTest, redrive_and_purge_take_one_a_class_or_all_but_never_nothing) {
  make(6);
  for (const char* body : {"", "{}", R"({"all":false})", R"({"error_class":""})", R"({"sequence":1,"all":true})",
                           R"({"error_clas":"odd"})"}) {
    EXPECT_EQ(post("redrive", body).status, 400) << body;
    EXPECT_EQ(post("purge", body).status, 400) << body;
  }
  EXPECT_EQ(post("redrive", R"({"sequence":2})").body, "{\"redriven\":1}\n");
  EXPECT_EQ(post("redrive", R"({"sequence":2})").status, 404);
  EXPECT_EQ(post("purge", R"({"error_class":"odd"})").body, "{\"purged\":3}\n");
  EXPECT_EQ(post("purge", R"({"error_class":"odd"})").body, "{\"purged\":0}\n");
  EXPECT_EQ(post("redrive", R"({"all":true})").body, "{\"redriven\":2}\n");
  const auto again = post("receive", R"({"wait_seconds":20})").body;
  EXPECT_THAT(again, HasSubstr("\"redriven\":true"));
}

TEST(Quarantine, is_listed_by_reason_and_page) {
  Bench bench;
  for (int i = 0; i < 40; ++i) bench.quarantine(i % 2 == 0 ? "not_json" : "wrong_type", "{");
  const auto all = bench.call("GET", "/api/v1/quarantine?limit=39").body;
  EXPECT_THAT(all,
              HasSubstr("{\"entries\":[{\"id\":1,\"received_at\":\"2026-03-02T14:00:00.000Z\",\"source\":\"genesys\","
                        "\"content_type\":\"application/json\",\"reason\":\"not_json\",\"detail\":\"unexpected end "
                        "at byte 1\",\"bytes\":1},{\"id\":2,"));
  EXPECT_THAT(all, HasSubstr("],\"next_after\":39}"));
  const auto some = bench.call("GET", "/api/v1/quarantine?reason=wrong_type&limit=3").body;
  EXPECT_THAT(some, Not(HasSubstr("not_json")));
  EXPECT_THAT(some, HasSubstr("\"id\":6,"));
  EXPECT_THAT(some, Not(HasSubstr("\"id\":8,")));
  EXPECT_THAT(some, HasSubstr("],\"next_after\":6}"));
  EXPECT_EQ(bench.call("GET", "/api/v1/quarantine?reason=other").body, "{\"entries\":[],\"next_after\":null}\n");
}

TEST(Quarantine, an_entry_is_shown_as_it_came) {
  Bench bench;
  bench.quarantine("not_json", "{\"a");
  bench.quarantine("not_json", "\xFF\x01");
  EXPECT_THAT(bench.call("GET", "/api/v1/quarantine/1").body,
              HasSubstr("\"bytes\":3,\"encoding\":\"utf-8\",\"body\":\"{\\\"a\"}"));
  EXPECT_THAT(bench.call("GET", "/api/v1/quarantine/2").body,
              HasSubstr("\"encoding\":\"base64\",\"body\":\"" + base::base64_encode("\xFF\x01") + "\"}"));
  EXPECT_EQ(bench.call("GET", "/api/v1/quarantine/3").status, 404);
  EXPECT_EQ(bench.call("GET", "/api/v1/quarantine/x").status, 400);
}

TEST(Quarantine, an_entry_is_resubmitted_as_it_is_or_corrected) {
  Bench bench;
  bench.quarantine("not_json", "{");
  const auto still = bench.call("POST", "/api/v1/quarantine/1/resubmit");
  EXPECT_EQ(still.status, 400);
  EXPECT_THAT(still.body, HasSubstr("still not understood"));
  EXPECT_THAT(still.body, HasSubstr("send corrected bytes as the body"));
  bench.hub().on_resubmit = [](const Resubmission& entry) {
    EXPECT_EQ(entry.bytes, "{\"fixed\":1}");
    return ResubmitOutcome{entry.id, {{engine::PublishVerdict::accepted, 5, {}}}, {}};
  };
  EXPECT_EQ(bench.call("POST", "/api/v1/quarantine/1/resubmit", "{\"fixed\":1}").body,
            "{\"id\":1,\"stored\":[{\"verdict\":\"accepted\",\"sequence\":5}],\"error\":null}\n");
  EXPECT_EQ(bench.call("GET", "/api/v1/quarantine/1").status, 404);
}

TEST(Quarantine, entries_are_resubmitted_by_id_and_all_of_a_reason) {
  Bench bench;
  for (int i = 0; i < 6; ++i) bench.quarantine(i < 3 ? "unknown_form" : "not_json", "{");
  bench.hub().on_resubmit = [](const Resubmission& entry) {
    EXPECT_FALSE(entry.bytes);
    if (entry.id == 2) return ResubmitOutcome{2, {}, base::Error{base::Errc::invalid, "still bad"}};
    return ResubmitOutcome{entry.id, {{engine::PublishVerdict::duplicate, 9, {}}}, {}};
  };
  const auto by_id = bench.call("POST", "/api/v1/quarantine/resubmit", R"({"ids":[2,6]})").body;
  EXPECT_THAT(by_id, HasSubstr("{\"id\":2,\"stored\":[],\"error\":{\"code\":\"invalid\",\"message\":\"still bad\"}}"));
  EXPECT_THAT(by_id, HasSubstr("{\"id\":6,\"stored\":[{\"verdict\":\"duplicate\",\"sequence\":9}],\"error\":null}"));
  EXPECT_THAT(by_id, HasSubstr("\"resubmitted\":1,\"left\":1,\"next_after\":null}"));
  const auto page =
      bench.call("POST", "/api/v1/quarantine/resubmit", R"({"all":true,"reason":"unknown_form","limit":2})").body;
  EXPECT_THAT(page, HasSubstr("\"resubmitted\":1,\"left\":1,\"next_after\":2}"));
  const auto rest = bench.call("POST", "/api/v1/quarantine/resubmit", R"({"all":true,"after":2})").body;
  EXPECT_THAT(rest, HasSubstr("\"resubmitted\":3,\"left\":0,\"next_after\":null}"));
  EXPECT_THAT(bench.call("GET", "/api/v1/quarantine").body, HasSubstr("{\"entries\":[{\"id\":2,"));
}

TEST(Quarantine, a_bulk_resubmit_must_say_which) {
  Bench bench;
  for (const char* body : {"", "{}", R"({"ids":[]})", R"({"ids":[1],"all":true})", R"({"ids":["1"]})", R"({"ids":[0]})",
                           R"({"ids":[1],"reason":"x"})", R"({"all":1})", R"({"all":true,"limit":0})"}) {
    const auto answer = bench.call("POST", "/api/v1/quarantine/resubmit", body);
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_THAT(answer.body, HasSubstr("\"hint\":\"nothing was resubmitted\""));
  }
}

TEST(Quarantine, an_entry_is_removed_once) {
  Bench bench;
  bench.quarantine("not_json", "{");
  EXPECT_EQ(bench.call("DELETE", "/api/v1/quarantine/1").body, "{\"removed\":1}\n");
  EXPECT_EQ(bench.call("DELETE", "/api/v1/quarantine/1").status, 404);
  EXPECT_EQ(bench.call("DELETE", "/api/v1/quarantine/x").status, 400);
}

HubMetrics some_metrics() {
  HubMetrics hub;
  hub.version = "0.1.0";
  hub.started_at = base::WallTime(base::Millis(1'772'460'000'000));
  hub.accepted = 10;
  hub.quarantined = {{"not_json", 2}};
  hub.requests = {{"genesys", 200, 9}, {"genesys", 503, 1}};
  hub.sync_seconds = {{0.001, 0.01}, {3, 2, 1}, 0.5};
  return hub;
}

ConsumerView some_consumer() {
  ConsumerView view{Bench::pushed("crm"), {}};
  view.queue.waiting = 4;
  view.queue.oldest_waiting = base::WallTime(base::Millis(1'772'460'000'000));
  view.info.statistics->latency_millis.add(3, delivery::kLatencyBoundsMillis);
  view.info.statistics->latency_millis.add(1'500, delivery::kLatencyBoundsMillis);
  view.info.statistics->batch_size.add(7, delivery::kBatchSizeBounds);
  view.info.statistics->breaker = delivery::BreakerState::half_open;
  view.info.statistics->rejected = 3;
  return view;
}

TEST(Metrics, are_prometheus_text) {
  watch::Incident incident;
  incident.alarm = watch::Alarm::oldest_age;
  incident.subject = "crm";
  const std::string text = metrics_text(some_metrics(), true, {{incident}, {}}, {some_consumer()},
                                        base::WallTime(base::Millis(1'772'460'002'500)));
  for (const char* line : {"# TYPE trunkline_events_accepted_total counter\ntrunkline_events_accepted_total 10\n",
                           "trunkline_build_info{version=\"0.1.0\",revision=\"\"} 1\n",
                           "trunkline_ready 1\n",
                           "trunkline_alarm_open{alarm=\"oldest_age\",subject=\"crm\"} 1\n",
                           "trunkline_consumer_drain_seconds{consumer=\"crm\"} +Inf\n",
                           "trunkline_events_quarantined_total{reason=\"not_json\"} 2\n",
                           "trunkline_ingest_requests_total{source=\"genesys\",status=\"503\"} 1\n",
                           "trunkline_commit_sync_seconds_bucket{le=\"0.001\"} 3\n",
                           "trunkline_commit_sync_seconds_bucket{le=\"0.01\"} 5\n",
                           "trunkline_commit_sync_seconds_bucket{le=\"+Inf\"} 6\n",
                           "trunkline_commit_sync_seconds_count 6\n",
                           "trunkline_commit_sync_seconds_sum 0.5\n",
                           "trunkline_consumer_waiting_events{consumer=\"crm\"} 4\n",
                           "trunkline_consumer_oldest_waiting_seconds{consumer=\"crm\"} 2.5\n",
                           "trunkline_consumer_verdicts_total{consumer=\"crm\",verdict=\"rejected\"} 3\n",
                           "trunkline_consumer_breaker_state{consumer=\"crm\",state=\"half_open\"} 1\n",
                           "trunkline_consumer_breaker_state{consumer=\"crm\",state=\"closed\"} 0\n",
                           "trunkline_consumer_batch_events_bucket{consumer=\"crm\",le=\"5\"} 0\n",
                           "trunkline_consumer_batch_events_bucket{consumer=\"crm\",le=\"10\"} 1\n",
                           "trunkline_consumer_latency_seconds_bucket{consumer=\"crm\",le=\"0.005\"} 1\n",
                           "trunkline_consumer_latency_seconds_bucket{consumer=\"crm\",le=\"2\"} 2\n",
                           "trunkline_consumer_latency_seconds_sum{consumer=\"crm\"} 1.503\n"})
    EXPECT_THAT(text, HasSubstr(line));
  EXPECT_THAT(text, Not(HasSubstr("trunkline_commit_events")));
  EXPECT_THAT(text, Not(HasSubstr("last_delivered")));
}

TEST(Metrics, a_pulled_consumer_has_those_of_its_queue_only) {
  ConsumerView view{Bench::pulled("wfm", event::Order::none), {}};
  view.queue.delivered = 8;
  const std::string text = metrics_text({}, false, {}, {view}, {});
  EXPECT_THAT(text, HasSubstr("trunkline_ready 0\n"));
  EXPECT_THAT(text, HasSubstr("trunkline_consumer_delivered_total{consumer=\"wfm\"} 8\n"));
  EXPECT_THAT(text, HasSubstr("trunkline_consumer_oldest_waiting_seconds{consumer=\"wfm\"} 0\n"));
  EXPECT_THAT(text, Not(HasSubstr("trunkline_consumer_breaker_state")));
}

TEST(Metrics, are_served_with_their_content_type) {
  Bench bench;
  bench.add(Bench::pushed("crm"));
  const auto answer = bench.call("GET", "/metrics");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(net::find_header(answer.headers, "content-type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(answer.body, HasSubstr("trunkline_consumer_paused{consumer=\"crm\"} 0\n"));
}

TEST(Metrics, the_page_lists_every_family) {
  const std::string path = std::string(TRUNKLINE_SOURCE_DIR) + "/docs/metrics.md";
  if (std::getenv("TRUNKLINE_WRITE_DOCS") != nullptr) std::ofstream(path) << metrics_page();
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_EQ(text.str(), metrics_page()) << "run trunkline_api_test with TRUNKLINE_WRITE_DOCS=1";
}

}  // namespace
}  // namespace trunkline::api
