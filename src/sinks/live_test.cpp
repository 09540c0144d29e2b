#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "base/manual_loop.hpp"
#include "delivery/fake_engine.hpp"
#include "sinks/live_feed.hpp"
#include "sinks/live_sink.hpp"
#include "sinks/live_watchers.hpp"

namespace trunkline::sinks {
namespace {

using board::kEverything;
constexpr std::int64_t kStart = 1'772'460'000'000;

// A connection that a test reads, or does not.
class FakeStream final : public net::HttpStream {
 public:
  struct State {
    std::string written;  // all that was written
    std::size_t fetched = 0;
    bool reads = true;
    bool gone = false;
    bool closed = false;
    bool dropped = false;
    std::size_t unfetched_most = 0;
    base::Task on_closed;
  };
  explicit FakeStream(std::shared_ptr<State> state) : state_(std::move(state)) {}
  ~FakeStream() override { state_->dropped = true; }
  bool write(std::string_view bytes) override {
    if (state_->gone || state_->closed) return false;
    state_->written += bytes;
    if (state_->reads) state_->fetched = state_->written.size();
    state_->unfetched_most = std::max(state_->unfetched_most, unfetched());
    return true;
  }
  std::size_t unfetched() const override { return state_->written.size() - state_->fetched; }
  void close() override { state_->closed = true; }
  void on_closed(base::Task task) override { state_->on_closed = std::move(task); }

 private:
  std::shared_ptr<State> state_;
};

// The engine's state in memory; what is written is there at once.
class StateEngine final : public delivery::FakeEngine {
 public:
  using FakeEngine::FakeEngine;
  std::map<std::string, std::string> state;
  base::Result<std::map<std::string, std::string>> list_state(const std::string& owner) override {
    EXPECT_EQ(owner, "live/board");
    return state;
  }
  void write_state(base::QueueId, const std::string& owner, std::vector<StateWrite> writes) override {
    EXPECT_EQ(owner, "live/board");
    for (StateWrite& write : writes) {
      if (write.bytes) {
        state[write.key] = *write.bytes;
      } else {
        state.erase(write.key);
      }
    }
  }
};

class LiveTest : public testing::Test {
 protected:
  void start(LiveOptions options = {}, const std::string& epoch = "e1") {
    feed_ = LiveFeed::make(options, owner_, nullptr, epoch);
    auto made = LiveSink::make(feed_, engine_, {1}, "board");
    ASSERT_TRUE(made.ok());
    sink_ = std::move(*made);
  }
  void TearDown() override {
    sink_.reset();
    settle_loops();
  }
  void settle_loops() {
    while (owner_.run() + other_.run() > 0) {
    }
  }
  // One clock for both loops, so it goes on from timer to timer.
  void pass(base::Millis time) {
    const base::MonoTime end = clock_.mono() + time;
    settle_loops();
    for (;;) {
      const base::MonoTime next = std::min({owner_.next_timer().value_or(end), other_.next_timer().value_or(end), end});
      if (next > clock_.mono()) clock_.advance(std::chrono::ceil<base::Millis>(next - clock_.mono()));
      settle_loops();
      if (clock_.mono() >= end) return;
    }
  }
  // The customer of a call comes, or goes.
  void give(const std::string& call, bool ends = false) {
    engine::Record record;
    record.sequence = {++sequence_};
    record.accepted_at = clock_.wall();
    record.event.event_type = std::string("v2.detail.events.conversation.{id}.customer.") + (ends ? "end" : "start");
    record.event.conversation_id = call;
    record.event.business_time = base::WallTime(base::Millis(kStart + (ends ? 5'000 : 0)));
    record.event.raw =
        R"({"detail":{"eventBody":{"sessionId":"s","mediaType":"VOICE","conversationId":")" + call + "\"}}}";
    delivery::Batch batch;
    batch.messages.emplace_back().record = std::make_shared<engine::Record>(record);
    bool answered = false;
    sink_->send(std::move(batch), [&](delivery::BatchVerdict verdict) {
      ASSERT_EQ(verdict.events.size(), 1u);
      EXPECT_EQ(verdict.events[0].verdict, delivery::Verdict::delivered);
      answered = true;
    });
    EXPECT_FALSE(answered) << "never inside send()";
    owner_.run();
    EXPECT_TRUE(answered) << "no subscriber and no time is needed";
  }
  std::shared_ptr<FakeStream::State> watch(const std::string& last = {}, std::uint8_t parts = kEverything,
                                           bool reads = true) {
    auto begin = feed_->subscribe(other_, parts, last);
    EXPECT_TRUE(begin.ok());
    auto state = std::make_shared<FakeStream::State>();
    state->reads = reads;
    (*begin)(std::make_shared<FakeStream>(state));
    begin = LiveFeed::Begin();
    settle_loops();
    return state;
  }
  static std::vector<std::string> events(const FakeStream::State& state) {
    std::vector<std::string> found;
    std::string_view rest = state.written;
    while (!rest.empty()) {
      const std::size_t end = rest.find("\n\n");
      if (end == rest.npos) {
        ADD_FAILURE() << "half an event: " << rest;
        break;
      }
      const std::string_view text = rest.substr(0, end);
      rest.remove_prefix(end + 2);
      if (!text.starts_with("id: ")) continue;
      const std::size_t line = text.find('\n');
      found.push_back(std::string(text.substr(4, line - 4)) + " " +
                      std::string(text.substr(line + 8, text.find('\n', line + 1) - line - 8)));
    }
    return found;
  }
  using Events = std::vector<std::string>;

  base::ManualClock clock_;
  base::ManualLoop owner_{clock_};
  base::ManualLoop other_{clock_};
  StateEngine engine_{owner_};
  std::shared_ptr<LiveFeed> feed_;
  std::unique_ptr<LiveSink> sink_;
  std::uint64_t sequence_ = 0;
};

TEST_F(LiveTest, a_subscriber_gets_a_snapshot_and_then_the_changes_of_a_quarter_of_a_second_at_a_time) {
  start();
  give("c1");
  pass(std::chrono::seconds(1));
  const auto state = watch();
  EXPECT_TRUE(state->written.starts_with("retry: 2000\n\n"));
  EXPECT_EQ(events(*state), (Events{"e1-1 snapshot"}));
  EXPECT_NE(state->written.find(R"("id":"c1")"), std::string::npos);
  give("c2");
  give("c3");
  pass(std::chrono::milliseconds(249));
  EXPECT_EQ(events(*state).size(), 1u);
  pass(std::chrono::milliseconds(1));
  EXPECT_EQ(events(*state), (Events{"e1-1 snapshot", "e1-2 delta"}));
  give("c3", true);
  pass(std::chrono::seconds(1));
  EXPECT_NE(state->written.find(R"("gone":{"conversations":["c3"]})"), std::string::npos);
}

TEST_F(LiveTest, who_comes_back_is_sent_only_what_was_missed) {
  start();
  for (const char* call : {"c1", "c2", "c3"}) {
    give(call);
    pass(std::chrono::seconds(1));
  }
  EXPECT_EQ(events(*watch("e1-1")), (Events{"e1-2 delta", "e1-3 delta"}));
  EXPECT_EQ(events(*watch("e1-3")), (Events{}));
  EXPECT_EQ(events(*watch("e0-1")), (Events{"e1-3 snapshot"})) << "of another run";
}

TEST_F(LiveTest, silence_is_broken_by_comments) {
  start();
  const auto state = watch();
  pass(std::chrono::seconds(50));
  std::size_t comments = 0;
  for (std::size_t at = state->written.find("\n:\n"); at != std::string::npos;
       at = state->written.find("\n:\n", at + 1))
    ++comments;
  EXPECT_GE(comments, 3u);
}

TEST_F(LiveTest, a_reader_that_takes_nothing_is_cut_and_delivery_goes_on) {
  LiveOptions options;
  options.stalled_max = std::chrono::seconds(5);
  start(options);
  for (int i = 0; i < 3'000; ++i) give("long-conversation-id-" + std::to_string(i));
  pass(std::chrono::seconds(1));
  const auto state = watch({}, kEverything, false);
  EXPECT_LE(state->unfetched_most, 2 * Watcher::kWindowBytes);
  EXPECT_EQ(feed_->subscribers(), 1u);
  for (int i = 0; i < 30; ++i) {
    give("c" + std::to_string(i));
    pass(std::chrono::milliseconds(250));
  }
  EXPECT_TRUE(state->dropped);
  EXPECT_FALSE(state->closed) << "the body was not finished, and the peer is to see that";
  EXPECT_EQ(feed_->subscribers(), 0u);
  EXPECT_EQ(feed_->cut(), 1u);
  EXPECT_EQ(feed_->sizes().conversations, 3'030u);
  EXPECT_LE(state->unfetched_most, 2 * Watcher::kWindowBytes);
}

TEST_F(LiveTest, a_slow_reader_loses_changes_and_is_then_sent_what_brings_it_up_to_date) {
  LiveOptions options;
  options.stalled_max = std::chrono::hours(1);
  start(options);
  const auto state = watch();
  state->reads = false;
  // Each change is larger than what a connection is given at a time.
  for (std::int64_t i = 0; i < 100; ++i) {
    for (int k = 0; k < 800; ++k) {
      engine::Record record;
      record.sequence = {++sequence_};
      record.event.event_type = "v2.users.{id}.routingStatus";
      record.event.user_id = "agent-" + std::to_string(k);
      record.event.raw = R"({"detail":{"eventBody":{"routingStatus":{"status":"IDLE","startTime":)" +
                         std::to_string(kStart + i) + "}}}}";
      feed_->board().apply(record);
    }
    feed_->changed();
    pass(std::chrono::milliseconds(250));
  }
  EXPECT_LE(state->unfetched_most, 2 * Watcher::kWindowBytes);
  state->reads = true;
  state->fetched = state->written.size();
  pass(std::chrono::seconds(2));
  const Events seen = events(*state);
  ASSERT_GE(seen.size(), 2u);
  EXPECT_TRUE(seen.back().ends_with(" snapshot")) << seen.back();
  give("last");
  pass(std::chrono::seconds(1));
  EXPECT_TRUE(events(*state).back().ends_with(" delta"));
}

TEST_F(LiveTest, places_are_bounded_and_given_back) {
  LiveOptions options;
  options.subscribers_max = 2;
  start(options);
  const auto first = watch();
  auto never_begun = feed_->subscribe(other_, kEverything, "");
  ASSERT_TRUE(never_begun.ok());
  const auto third = feed_->subscribe(other_, kEverything, "");
  ASSERT_FALSE(third.ok());
  EXPECT_EQ(third.error().code, base::Errc::overloaded);
  never_begun = LiveFeed::Begin();
  EXPECT_EQ(feed_->subscribers(), 1u);
  first->gone = true;
  first->on_closed();
  settle_loops();
  EXPECT_TRUE(first->dropped);
  EXPECT_EQ(feed_->subscribers(), 0u);
}

TEST_F(LiveTest, a_stopped_feed_closes_its_streams) {
  start();
  const auto before = watch();
  sink_.reset();
  settle_loops();
  EXPECT_TRUE(before->closed);
  const auto after = watch();
  EXPECT_TRUE(after->closed);
}

TEST_F(LiveTest, a_new_start_shows_what_the_last_one_held) {
  start();
  give("c1");
  give("c2");
  give("c2", true);
  sink_.reset();
  settle_loops();
  start({}, "e2");
  const auto state = watch("e1-9");
  EXPECT_EQ(events(*state), (Events{"e2-0 snapshot"}));
  EXPECT_NE(state->written.find(R"("id":"c1")"), std::string::npos);
  EXPECT_EQ(state->written.find(R"("id":"c2")"), std::string::npos);
}

}  // namespace
}  // namespace trunkline::sinks
