#include "queue/read_ahead.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <map>

#include "queue/faulty_engine_test.hpp"

namespace trunkline::queue {
namespace {

using base::Sequence;
using engine::Fate;
using engine::contract::Ids;
using engine::contract::make_event;
using Sequences = std::vector<Sequence>;

engine::RecordPtr record_of(std::uint64_t sequence) {
  auto record = std::make_shared<engine::Record>();
  record->sequence = {sequence};
  return record;
}

TEST(ReadAhead, gives_each_once_and_keeps_what_comes_next_alone) {
  ReadAhead ahead;
  for (const std::uint64_t each : {1, 2, 3, 4}) ahead.put(record_of(each));
  ASSERT_TRUE(ahead.take({2}));
  EXPECT_EQ(ahead.take({2}), nullptr);
  EXPECT_EQ(ahead.take({9}), nullptr);
  EXPECT_EQ(ahead.keep({{3}, {5}}), (Sequences{{5}}));
  EXPECT_EQ(ahead.take({1}), nullptr) << "it has left the queue otherwise";
  EXPECT_EQ(ahead.take({3})->sequence, Sequence{3});
}

TEST(ReadAhead, wants_more_once_a_question_and_forgets_when_nobody_asks) {
  ReadAhead ahead;
  EXPECT_FALSE(ahead.wants_more()) << "nobody has asked for what is not in memory";
  ahead.asked();
  EXPECT_TRUE(ahead.wants_more());
  EXPECT_FALSE(ahead.wants_more());
  for (std::uint64_t each = 1; each <= ReadAhead::kLow + 1; ++each) ahead.put(record_of(each));
  ASSERT_TRUE(ahead.take({1}));
  EXPECT_FALSE(ahead.wants_more()) << "there are enough";
  ASSERT_TRUE(ahead.take({2}));
  EXPECT_TRUE(ahead.wants_more());
  ahead.clear_unused();
  EXPECT_TRUE(ahead.take({3})) << "it was used since the last time";
  ahead.clear_unused();
  ahead.clear_unused();
  EXPECT_EQ(ahead.take({4}), nullptr);
}

class ReadingAhead : public FaultyEngine {
 protected:
  static constexpr int kEvents = 700;

  // A standard queue whose events are in table files alone, in the log with that many of another queue behind each.
  void fill(int between = 0) {
    options_.tail_bytes_max = 1;
    options_.queue.unreadable_pause = base::Millis(50);
    open();
    spec_ = spec("q", event::Order::none);
    spec_.pulled = true;
    // A lease whose commit failed may be on disk all the same.
    spec_.visibility_timeout = std::chrono::seconds(2);
    queue_ = declare(spec_);
    const base::QueueId other = declare(spec("other", event::Order::none));
    std::vector<std::future<std::vector<engine::PublishResult>>> answers;
    for (int i = 0; i < kEvents; ++i) {
      const std::string id = "e" + std::to_string(i);
      event::Event event = make_event(id, "c", fmt::format(R"({{"n":{},"pad":"{}"}})", i, std::string(3'000, 'p')));
      bodies_[id] = event.raw;
      answers.push_back(publish_later(std::move(event), {queue_}));
      for (int j = 0; j < between; ++j)
        answers.push_back(publish_later(
            make_event(fmt::format("o{}-{}", i, j), "c", fmt::format(R"({{"o":{},"j":{}}})", i, j)), {other}));
    }
    for (auto& answer : answers) ASSERT_EQ(answer.get().at(0).verdict, engine::PublishVerdict::accepted);
    reopen_flushed();
    ASSERT_EQ(declare(spec_), queue_);
  }
  using Received = base::Result<std::vector<engine::Lease>>;
  std::future<Received> receive_later(base::Millis wait = std::chrono::seconds(20)) {
    auto promise = std::make_shared<std::promise<Received>>();
    engine::ReceiveLimits limits;
    limits.max_messages = 10;
    limits.lease_each = true;
    limits.wait = wait;
    engine().loop_of(queue_).post([this, limits, promise] {
      engine().receive(queue_, limits, [promise](Received received) { promise->set_value(std::move(received)); });
    });
    return promise->get_future();
  }
  // Several at a time, until all have come or nothing does.
  Ids drain_together(std::size_t count) {
    Ids found;
    for (int idle = 0; found.size() < count && idle < 100;) {
      std::vector<std::future<Received>> answers;
      for (int i = 0; i < 6; ++i) answers.push_back(receive_later(base::Millis(100)));
      bool any = false;
      for (auto& answer : answers) {
        if (const Received received = answer.get(); received.ok()) any = take(*received, found) || any;
      }
      idle = any ? 0 : idle + 1;
    }
    return found;
  }
  void expect_all_without_an_error() {
    Ids found;
    while (found.size() < kEvents) {
      const Received received = receive_later().get();
      ASSERT_TRUE(received.ok()) << received.error().detail;
      ASSERT_TRUE(take(*received, found)) << "after " << found.size();
    }
    EXPECT_THAT(found, testing::UnorderedElementsAreArray(all()));
  }
  bool take(const std::vector<engine::Lease>& leases, Ids& found) {
    for (const engine::Lease& lease : leases) {
      const event::Event& event = lease.messages.at(0).record->event;
      found.push_back(event.envelope_id);
      EXPECT_EQ(event.raw, bodies_.at(event.envelope_id));
      EXPECT_TRUE(settle_all(lease, Fate::delivered).ok());
    }
    return !leases.empty();
  }
  void inject_read_errors() {
    store::FaultRule rule;
    rule.op = store::FaultOp::read;
    rule.name_part = ".sst";
    faults().inject(rule);
  }
  Ids all() const {
    Ids ids;
    for (const auto& [id, body] : bodies_) ids.push_back(id);
    return ids;
  }

  engine::QueueSpec spec_;
  base::QueueId queue_;
  std::map<std::string, std::string> bodies_;
};

TEST_F(ReadingAhead, many_receivers_get_each_event_once_as_it_was_sent) {
  fill();
  EXPECT_THAT(drain_together(kEvents), testing::UnorderedElementsAreArray(all()));
  EXPECT_TRUE(receive_later(base::Millis(30)).get()->empty());
}

TEST_F(ReadingAhead, events_of_another_queue_between_them_are_passed_over) {
  fill(1);
  expect_all_without_an_error();
}

TEST_F(ReadingAhead, events_that_are_far_from_each_other_are_looked_up) {
  fill(4);
  expect_all_without_an_error();
}

TEST_F(ReadingAhead, what_comes_next_needs_no_disk_and_what_cannot_be_read_comes_later) {
  fill();
  Ids found;
  ASSERT_TRUE(take(*receive_later().get(), found));
  ASSERT_TRUE(take(*receive_later().get(), found)) << "it has waited for what was read ahead";
  inject_read_errors();
  for (int i = 0; i < 3; ++i) {
    const Received received = receive_later().get();
    ASSERT_TRUE(received.ok()) << received.error().detail;
    EXPECT_TRUE(take(*received, found));
  }
  std::size_t errors = 0;
  for (int i = 0; i < 60 && errors == 0; ++i) {
    const Received received = receive_later(base::Millis(50)).get();
    errors += received.ok() ? 0 : 1;
    if (received.ok()) take(*received, found);
  }
  EXPECT_EQ(errors, 1u);
  faults().clear_faults();
  const Ids rest = drain_together(kEvents - found.size());
  found.insert(found.end(), rest.begin(), rest.end());
  EXPECT_THAT(found, testing::UnorderedElementsAreArray(all()));
}

TEST_F(ReadingAhead, receives_that_wait_for_it_are_answered_when_the_store_is_reopened) {
  fill();
  Ids found;
  for (int round = 0; round < 5; ++round) {
    store::FaultRule rule;
    rule.op = store::FaultOp::sync;
    rule.name_part = ".log";
    rule.times = 1;
    faults().inject(rule);
    std::vector<std::future<Received>> answers;
    for (int i = 0; i < 12; ++i) answers.push_back(receive_later(base::Millis(500)));
    for (auto& answer : answers) {
      const Received received = answer.get();
      if (received.ok()) {
        for (const engine::Lease& lease : *received) {
          if (settle_all(lease, Fate::delivered).ok()) found.push_back(lease.messages.at(0).record->event.envelope_id);
        }
      }
    }
    until([this] { return !embedded().refusing(); });
  }
  faults().clear_faults();
  const Ids rest = drain_together(kEvents - found.size());
  found.insert(found.end(), rest.begin(), rest.end());
  EXPECT_THAT(found, testing::UnorderedElementsAreArray(all()));
}

}  // namespace
}  // namespace trunkline::queue
