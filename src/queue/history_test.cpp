#include "queue/history.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "queue/faulty_engine_test.hpp"
#include "queue/search.hpp"
#include "queue/standing.hpp"

// What an operator is told afterwards of an event in a queue.
namespace trunkline::queue {
namespace {

using engine::Fate;
using engine::contract::Ids;
using engine::contract::make_event;
using Kind = Standing::Kind;

class HistoryTest : public FaultyEngine {
 protected:
  void SetUp() override {
    FaultyEngine::SetUp();
    open();
    declare_queue();
  }
  void declare_queue() { queue_ = declare(spec("q", event::Order::conversation)); }

  std::uint64_t send(const std::string& id, const std::string& conversation = "c") {
    event::Event event = make_event(id, conversation);
    event.content_identity = base::hash128("content " + id);
    return publish(std::move(event), {queue_}).sequence;
  }
  Standing standing(std::uint64_t sequence) {
    engine::Record record;
    EXPECT_TRUE(embedded()
                    .read_log({sequence},
                              [&](const engine::Record& found) {
                                record = found;
                                return false;
                              })
                    .ok());
    auto found = embedded().standing(queue_, record);
    EXPECT_TRUE(found.ok()) << (found.ok() ? "" : found.error().detail);
    return found.ok() ? std::move(*found) : Standing();
  }
  void fail(Fate fate, std::uint32_t attempts) {
    const auto leases = receive(queue_, 1);
    ASSERT_EQ(leases.size(), 1U);
    ASSERT_TRUE(settle_all(leases.front(), fate, attempts).ok());
  }

  base::QueueId queue_;
};

TEST_F(HistoryTest, a_delivered_event_says_when) {
  const std::uint64_t first = send("a");
  const std::uint64_t second = send("b", "d");
  ASSERT_EQ(deliver(queue_, 2).size(), 2U);
  for (const std::uint64_t sequence : {first, second}) {
    const Standing now = standing(sequence);
    EXPECT_EQ(now.kind, Kind::delivered);
    EXPECT_EQ(now.deliveries.at.size(), 1U);
    EXPECT_TRUE(now.failures.empty());
  }
}

TEST_F(HistoryTest, and_says_it_behind_a_restart_and_a_thousand_later_deliveries) {
  const std::uint64_t first = send("a");
  ASSERT_EQ(deliver(queue_, 1), Ids{"a"});
  const auto at = standing(first).deliveries.at;
  for (int i = 0; i < 1'000; ++i) publish_later(make_event("x" + std::to_string(i), "c"), {queue_});
  ASSERT_EQ(deliver(queue_, 1'000).size(), 1'000U);
  reopen_flushed();
  declare_queue();
  EXPECT_EQ(standing(first).deliveries.at, at);
}

TEST_F(HistoryTest, the_last_ten_failures_of_an_event_are_kept_with_their_words) {
  const std::uint64_t sequence = send("a");
  for (std::uint32_t i = 1; i <= 12; ++i) fail(Fate::retry, i);
  const Standing now = standing(sequence);
  ASSERT_EQ(now.failures.size(), kFailuresMax);
  EXPECT_EQ(now.failures.front().attempts, 3U);
  EXPECT_EQ(now.failures.back().attempts, 12U);
  EXPECT_EQ(now.failures.back().error_class, "http_500");
  EXPECT_EQ(now.failures.back().error_detail, "the test said so");
  ASSERT_EQ(deliver(queue_, 1), Ids{"a"});
  EXPECT_EQ(standing(sequence).kind, Kind::delivered);
  EXPECT_EQ(standing(sequence).failures.size(), kFailuresMax);
}

TEST_F(HistoryTest, what_waits_behind_a_parked_event_says_behind_what) {
  const std::uint64_t poison = send("poison");
  const std::uint64_t behind = send("behind");
  const std::uint64_t other = send("other", "d");
  fail(Fate::park, 5);
  Standing now = standing(poison);
  EXPECT_EQ(now.kind, Kind::parked);
  ASSERT_TRUE(now.entry);
  EXPECT_EQ(now.entry->error_class, "http_500");
  EXPECT_EQ(now.before, 0U);
  now = standing(behind);
  EXPECT_EQ(now.kind, Kind::listed);
  ASSERT_TRUE(now.lane);
  EXPECT_EQ(now.lane->state, LaneState::parked);
  EXPECT_EQ(now.lane->head.value, poison);
  EXPECT_EQ(now.before, 1U);
  while (standing(other).kind == Kind::unscanned) std::this_thread::yield();
  EXPECT_EQ(standing(other).kind, Kind::in_memory);
  reopen_flushed();
  declare_queue();
  now = standing(behind);
  EXPECT_EQ(now.kind, Kind::listed);
  EXPECT_EQ(now.lane->head.value, poison);
  EXPECT_EQ(now.before, 1U);
}

TEST_F(HistoryTest, an_event_in_flight_is_known_from_one_that_waits_behind_it) {
  const std::uint64_t first = send("a");
  const std::uint64_t second = send("b");
  const auto leases = receive(queue_, 1, 1);
  ASSERT_EQ(leases.size(), 1U);
  EXPECT_EQ(standing(first).kind, Kind::in_memory);
  EXPECT_TRUE(standing(first).leased);
  // An event is answered on its publisher's loop and may reach the queue's a moment later.
  while (!standing(second).lane) std::this_thread::yield();
  EXPECT_FALSE(standing(second).leased);
  EXPECT_EQ(standing(second).before, 1U);
  ASSERT_TRUE(standing(second).lane);
  EXPECT_EQ(standing(second).lane->head.value, first);
}

TEST_F(HistoryTest, skipped_dropped_and_purged_events_are_told_apart) {
  const std::uint64_t skipped = send("skipped", "a");
  fail(Fate::skip, 5);
  const std::uint64_t dropped = send("dropped", "b");
  fail(Fate::drop, 1);
  EXPECT_EQ(standing(skipped).kind, Kind::dead_letter);
  EXPECT_EQ(standing(dropped).kind, Kind::dropped);
  ASSERT_EQ(standing(dropped).failures.size(), 1U);
  EXPECT_EQ(standing(dropped).failures.front().fate, Fate::drop);
  const auto purged = await<base::Result<std::uint64_t>>(
      fixture_->loop(), [this](base::UniqueFunction<void(base::Result<std::uint64_t>)> done) {
        engine().purge_dead_letters(queue_, {}, fixture_->loop(), std::move(done));
      });
  ASSERT_EQ(purged.value(), 1U);
  EXPECT_EQ(standing(skipped).kind, Kind::purged);
}

TEST_F(HistoryTest, repeats_are_counted_with_their_twin_and_found_by_their_own_id) {
  const std::uint64_t sequence = send("a");
  for (int i = 0; i < 3; ++i) {
    event::Event again = make_event("published-anew", "c");
    again.content_identity = base::hash128("content a");
    EXPECT_EQ(publish(std::move(again), {queue_}).verdict, engine::PublishVerdict::duplicate);
  }
  EXPECT_EQ(publish(make_event("a", "c"), {queue_}).verdict, engine::PublishVerdict::duplicate);
  const auto repeats = read_repeats(embedded().store(), {sequence}).value();
  ASSERT_TRUE(repeats);
  EXPECT_EQ(repeats->count, 4U);
  EXPECT_EQ(repeats->last_envelope_id, "a");
  const auto found = find_identity(embedded().store(), base::hash128("envelope published-anew")).value();
  EXPECT_EQ(found, std::vector<base::Sequence>{{sequence}});
  EXPECT_EQ(find_repeat(embedded().store(), "a").value(), std::vector<base::Sequence>{{sequence}});
}

TEST_F(HistoryTest, a_conversations_events_are_found_newest_first_when_they_are_too_many) {
  std::vector<base::Sequence> mine;
  for (int i = 0; i < 5; ++i) {
    mine.push_back({send("mine" + std::to_string(i), "mine")});
    send("other" + std::to_string(i), "other");
  }
  const std::string group = event::group_text(make_event("any", "mine"), event::Order::conversation);
  const auto never = [] { return false; };
  const auto all = find_group(embedded().store(), event::Order::conversation, group, 10, never).value();
  EXPECT_EQ(all.sequences, mine);
  EXPECT_TRUE(all.complete);
  const auto some = find_group(embedded().store(), event::Order::conversation, group, 2, never).value();
  EXPECT_EQ(some.sequences, (std::vector<base::Sequence>{mine[3], mine[4]}));
  EXPECT_FALSE(some.complete);
}

class SweptHistoryTest : public HistoryTest {
 protected:
  void SetUp() override {
    options_.retain = base::Millis(0);
    options_.sweep_interval = base::Millis(10);
    HistoryTest::SetUp();
  }
  std::size_t kept(char list) {
    std::size_t count = 0;
    const std::string first = queue_prefix(queue_, list);
    for (auto at = embedded().store().seek(handle(Table::queue), first, prefix_end(first)); at->valid(); at->next())
      ++count;
    return count;
  }
};

TEST_F(SweptHistoryTest, history_goes_with_its_event_and_stays_with_one_that_is_parked) {
  const std::uint64_t parked = send("parked", "p");
  fail(Fate::park, 5);
  const std::uint64_t failed = send("failed", "f");
  fail(Fate::retry, 1);
  ASSERT_EQ(deliver(queue_, 1), Ids{"failed"});
  EXPECT_EQ(publish(make_event("failed", "f"), {queue_}).verdict, engine::PublishVerdict::duplicate);
  until([&] { return kept('T') == 0 && kept('A') == 1; });
  EXPECT_EQ(standing(parked).failures.size(), 1U);
  EXPECT_EQ(redrive(queue_), 1U);
  ASSERT_EQ(deliver(queue_, 1), Ids{"parked"});
  until([&] { return kept('T') == 0 && kept('A') == 0; });
  until([&] { return !read_repeats(embedded().store(), {failed}).value(); });
}

// What a replay has yet to read, and what it has out, is history that somebody needs.
class ReplayedHistoryTest : public HistoryTest {
 protected:
  void SetUp() override {
    options_.retain = std::chrono::hours(1);
    options_.sweep_interval = base::Millis(10);
    FaultyEngine::SetUp();
    open(&clock_);
    declare_queue();
  }
  bool is_there(std::uint64_t sequence) {
    return embedded().store().get(handle(Table::log), sequence_key({sequence})).value().has_value();
  }

  MovableClock clock_;
};

TEST_F(ReplayedHistoryTest, the_sweep_leaves_what_a_replay_needs_and_takes_it_when_the_replay_has_ended) {
  std::vector<std::uint64_t> sent;
  for (const char* id : {"before", "out", "unread", "behind"}) sent.push_back(send(id, id));
  ASSERT_EQ(deliver(queue_, 4).size(), 4U);
  ASSERT_TRUE(replay_step(queue_, {{1}, {{sent[1]}}, {sent[1]}, {sent[2]}}).ok());
  clock_.advance(std::chrono::hours(2));
  until([&] { return !is_there(sent[0]); });
  reopen_flushed();
  declare_queue();
  EXPECT_TRUE(is_there(sent[1])) << "given and not delivered";
  EXPECT_TRUE(is_there(sent[2])) << "not looked at yet";
  ASSERT_TRUE(replay_step(queue_, {{1}, {{sent[2]}}, {sent[2]}, {sent[2]}}).ok());
  EXPECT_EQ(deliver(queue_, 2).size(), 2U);
  ASSERT_TRUE(end_operation(queue_, {1}, true).ok());
  until([&] { return !is_there(sent[1]) && !is_there(sent[2]) && !is_there(sent[3]); });
}

}  // namespace
}  // namespace trunkline::queue
