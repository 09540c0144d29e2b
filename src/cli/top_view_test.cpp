#include "cli/top_view.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/client.hpp"

namespace trunkline::cli {
namespace {

using ::testing::HasSubstr;

class TopViewTest : public ::testing::Test {
 protected:
  void sample(const std::string& status, const std::vector<std::string>& consumers, base::Millis later) {
    now_ += later;
    Answer root(status);
    ASSERT_TRUE(root.parse());
    std::vector<Answer> answers;
    std::vector<json::Value> values;
    for (const std::string& consumer : consumers) answers.emplace_back(consumer);
    for (Answer& answer : answers) {
      ASSERT_TRUE(answer.parse());
      values.push_back(answer.root());
    }
    view_.add_sample(root.root(), values, now_);
  }
  static std::string status(int accepted) {
    return R"({"ready":true,"reason":"","uptime_seconds":3661,"events":{"accepted":)" + std::to_string(accepted) +
           R"(,"in_quarantine":2},"store":{"disk_bytes":1048576,"disk_budget_bytes":0}})";
  }
  static std::string consumer(int delivered, int waiting, const std::string& buckets,
                              const std::string& more = R"("breaker":"closed")") {
    return R"({"name":"crm","paused":false,"waiting":)" + std::to_string(waiting) +
           R"(,"in_flight":1,"backing_off":2,"parked":0,"dead_letters":0,"expired":0,"delivered":)" +
           std::to_string(delivered) + R"(,"oldest_waiting":"2026-03-02T14:00:00Z","oldest_waiting_seconds":75,)" +
           more + R"(,"statistics":{"latency_millis":{"buckets":[)" + buckets + "]}}}";
  }
  static std::string bucket(const std::string& up_to, int count) {
    return R"({"up_to":)" + up_to + R"(,"count":)" + std::to_string(count) + "}";
  }

  TopView view_;
  base::MonoTime now_{};
};

TEST_F(TopViewTest, one_look_has_no_rates) {
  sample(status(10), {consumer(5, 3, bucket("10", 5))}, base::Millis(0));
  ASSERT_EQ(view_.rows().size(), 1u);
  EXPECT_LT(view_.rows()[0].in, 0);
  EXPECT_EQ(view_.rows()[0].blocked, 2u);
  EXPECT_THAT(view_.render(200, 50), HasSubstr("accepted 10 (-/s)"));
}

TEST_F(TopViewTest, rates_and_the_percentile_are_of_the_time_between_two_looks) {
  sample(status(100), {consumer(1'000, 0, bucket("10", 1'000) + "," + bucket("null", 0))}, base::Millis(0));
  sample(status(300), {consumer(1'200, 50, bucket("10", 1'000) + "," + bucket("500", 199) + "," + bucket("null", 1))},
         base::Millis(2'000));
  const TopView::Row& row = view_.rows()[0];
  EXPECT_DOUBLE_EQ(row.out, 100);
  EXPECT_DOUBLE_EQ(row.in, 125) << "200 were delivered and 50 more wait, in 2 s";
  EXPECT_DOUBLE_EQ(row.p99_millis, 500) << "the thousand from before is not counted";
  EXPECT_THAT(view_.render(200, 50),
              HasSubstr("up 1h 1m   accepted 300 (100/s)   quarantine 2   disk 1.0 MiB   ready"));
  EXPECT_THAT(view_.json(), HasSubstr(R"("in_per_second":125,"out_per_second":100,"waiting":50,"oldest_seconds":75)"));
}

TEST_F(TopViewTest, a_restarted_hub_counts_from_nothing) {
  sample(status(100), {consumer(1'000, 0, "")}, base::Millis(0));
  sample(status(7), {consumer(10, 0, "")}, base::Millis(1'000));
  EXPECT_DOUBLE_EQ(view_.rows()[0].out, 10);
}

TEST_F(TopViewTest, says_how_a_consumer_is) {
  const auto state = [&](const std::string& more) {
    sample(status(1), {consumer(1, 0, "", more)}, base::Millis(1));
    return view_.rows()[0].state;
  };
  EXPECT_EQ(state(R"("breaker":"closed")"), "ok");
  EXPECT_EQ(state(R"("breaker":"open")"), "down");
  EXPECT_EQ(state(R"("breaker":"half_open")"), "probing");
  EXPECT_EQ(state(R"("budget":{"used_up_until":"2026-03-02T14:00:00Z","goes_on_in_seconds":7200})"), "budget 2h 0m");
  EXPECT_EQ(state(R"("budget":{"used_up_until":null,"goes_on_in_seconds":0})"), "ok");
  EXPECT_EQ(state(R"("shadow":true)"), "shadow");
  EXPECT_EQ(state(R"("shadow":true,"breaker":"open")"), "shadow, down");
}

TEST_F(TopViewTest, says_when_it_is_drained_and_when_the_oldest_expires) {
  const auto shown = [&](const std::string& more) {
    sample(status(1), {consumer(1, 3, "", more)}, base::Millis(1));
    return view_.render(300, 10) + view_.json();
  };
  EXPECT_THAT(shown(R"("drain":{"outlook":"draining","seconds":723},"expires_in_seconds":90000)"),
              testing::AllOf(HasSubstr("12m 3s"), HasSubstr("1d 1h"),
                             HasSubstr(R"("drain_seconds":723,"expires_in_seconds":90000)")));
  EXPECT_THAT(shown(R"("drain":{"outlook":"growing","seconds":null},"expires_in_seconds":90000)"),
              testing::AllOf(HasSubstr("growing"), HasSubstr(R"("drain_seconds":null)")));
}

TEST_F(TopViewTest, a_small_terminal_is_never_overflowed) {
  std::vector<std::string> many(100, consumer(1, 0, ""));
  sample(status(1), many, base::Millis(1));
  const std::string shown = view_.render(30, 10);
  EXPECT_EQ(std::count(shown.begin(), shown.end(), '\n'), 10);
  for (std::size_t at = 0; at < shown.size();) {
    const std::size_t end = shown.find('\n', at);
    EXPECT_LE(end - at, 30u);
    at = end + 1;
  }
}

TEST_F(TopViewTest, a_hub_that_is_not_ready_says_why) {
  sample(R"({"ready":false,"reason":"the disk is full","events":{},"store":{}})", {}, base::Millis(1));
  EXPECT_THAT(view_.render(200, 5), HasSubstr("NOT READY: the disk is full"));
}

}  // namespace
}  // namespace trunkline::cli
