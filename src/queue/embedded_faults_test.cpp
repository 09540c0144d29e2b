#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>

#include "queue/embedded_fixture.hpp"
#include "queue/faulty_engine_test.hpp"

// The embedded engine on a disk that fails: what is answered, that it works again by itself, and that what was accepted
// is delivered as if nothing had happened.
namespace trunkline::queue {
namespace {

using base::Errc;
using engine::Fate;
using engine::PublishResult;
using engine::PublishVerdict;
using engine::contract::Ids;
using engine::contract::make_event;
using store::FaultKind;
using store::FaultOp;
using store::FaultRule;

class EmbeddedFaults : public FaultyEngine {};

FaultRule rule(FaultOp op, std::string name_part, FaultKind kind = FaultKind::io_error) {
  FaultRule made;
  made.op = op;
  made.kind = kind;
  made.name_part = std::move(name_part);
  return made;
}

std::string id_of(int number) {
  return fmt::format("e{:05}", number);
}

TEST_F(EmbeddedFaults, a_failed_sync_refuses_all_that_wait_and_the_engine_recovers_by_itself) {
  open();
  const base::QueueId queue = declare(spec("crm", event::Order::conversation));
  Ids sent;
  for (int i = 0; i < 5; ++i) {
    sent.push_back(id_of(i));
    ASSERT_EQ(publish(make_event(id_of(i), "c"), {queue}).verdict, PublishVerdict::accepted);
  }
  const auto before = receive(queue, 1, 1);
  ASSERT_EQ(ids(before), (Ids{id_of(0)}));

  faults().inject(rule(FaultOp::sync, ".log"));
  std::vector<std::future<std::vector<PublishResult>>> waiting;
  for (int i = 5; i < 25; ++i) {
    sent.push_back(id_of(i));
    waiting.push_back(publish_later(make_event(id_of(i), "c"), {queue}));
  }
  for (auto& answer : waiting) {
    const PublishResult result = answer.get().at(0);
    EXPECT_EQ(result.verdict, PublishVerdict::failed);
    ASSERT_TRUE(result.error);
    EXPECT_EQ(result.error->code, Errc::unavailable);
  }
  EXPECT_EQ(embedded().refusing(), Errc::unavailable);
  EXPECT_EQ(publish(make_event(id_of(5), "c"), {queue}).error->code, Errc::unavailable);

  faults().clear_faults();
  until([this] { return !embedded().refusing(); });
  EXPECT_EQ(embedded().commit_statistics().reopens.load(), 1u);
  EXPECT_EQ(settle_all(before[0], Fate::delivered).error().code, Errc::not_found) << "a lease of before the reopen";
  for (int i = 5; i < 25; ++i) {
    const PublishVerdict verdict = publish(make_event(id_of(i), "c"), {queue}).verdict;
    EXPECT_TRUE(verdict == PublishVerdict::accepted || verdict == PublishVerdict::duplicate) << i;
  }
  const Ids delivered = drain(queue, 25);
  EXPECT_EQ(Ids(delivered.begin(), delivered.begin() + 5), Ids(sent.begin(), sent.begin() + 5));
  EXPECT_THAT(delivered, testing::UnorderedElementsAreArray(sent)) << "each once";
  EXPECT_TRUE(receive(queue, 1, 1, base::Millis(30)).empty());
}

// Its receiver does not know of the reopen yet: what it settles must not end another lease, or that one's event is lost.
TEST_F(EmbeddedFaults, a_lease_of_before_a_reopen_is_never_taken_for_one_of_after_it) {
  open();
  const base::QueueId queue = declare(spec("crm", event::Order::conversation));
  for (int i = 0; i < 3; ++i) publish(make_event(id_of(i), fmt::format("c{}", i)), {queue});
  ASSERT_TRUE(settle_all(receive(queue, 1, 1)[0], Fate::delivered).ok());
  const auto before = receive(queue, 1, 1);
  ASSERT_EQ(ids(before), (Ids{id_of(1)}));

  FaultRule once = rule(FaultOp::sync, ".log");
  once.times = 1;
  faults().inject(once);
  EXPECT_EQ(publish(make_event(id_of(9), "c9"), {queue}).verdict, PublishVerdict::failed);
  until([this] { return !embedded().refusing(); });

  Ids after;
  std::vector<engine::Lease> leases;
  for (int i = 0; i < 2; ++i) {
    const auto next = receive(queue, 1, 1);
    ASSERT_EQ(next.size(), 1u);
    after.push_back(ids(next)[0]);
    leases.push_back(next[0]);
    EXPECT_NE(next[0].id, before[0].id);
  }
  EXPECT_THAT(after, testing::UnorderedElementsAre(id_of(1), id_of(2)));
  EXPECT_EQ(settle_all(before[0], Fate::delivered).error().code, Errc::not_found);
  for (const engine::Lease& lease : leases) EXPECT_TRUE(settle_all(lease, Fate::delivered).ok());
}

// Refused bytes must not count as waiting for ever.
TEST_F(EmbeddedFaults, refused_publishes_give_back_what_they_took_of_the_bound_on_waiting_bytes) {
  options_.committer.waiting_bytes_max = 300'000;
  options_.committer.batch_bytes_max = 1;  // so that some are taken, but not part of the failed write
  open();
  const base::QueueId queue = declare(spec("crm", event::Order::none));
  const std::string body = '"' + std::string(10'000, 'x') + '"';
  for (int round = 0; round < 3; ++round) {
    faults().inject(rule(FaultOp::sync, ".log"));
    std::vector<std::future<std::vector<PublishResult>>> waiting;
    for (int i = 0; i < 20; ++i)
      waiting.push_back(publish_later(make_event(id_of(100 * round + i), "c", body), {queue}));
    for (auto& answer : waiting) EXPECT_EQ(answer.get().at(0).error->code, Errc::unavailable);
    faults().clear_faults();
    until([this] { return !embedded().refusing(); });
  }
  EXPECT_NE(publish(make_event(id_of(999), "c", body), {queue}).verdict, PublishVerdict::failed);
}

TEST_F(EmbeddedFaults, a_full_disk_is_refused_as_such_and_works_again_when_there_is_room) {
  open();
  const base::QueueId queue = declare(spec("crm", event::Order::conversation));
  faults().set_space_budget(faults().space_used() + 100'000);
  const std::string body = '"' + std::string(5'000, 'x') + '"';
  int next = 0;
  std::optional<base::Error> refused;
  while (!refused && next < 1000) {
    refused = publish(make_event(id_of(next), "c", body), {queue}).error;
    if (!refused) ++next;
  }
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code, Errc::disk_full);
  EXPECT_EQ(embedded().refusing(), Errc::disk_full);
  EXPECT_EQ(publish(make_event(id_of(next), "c", body), {queue}).error->code, Errc::disk_full);

  faults().set_space_budget(0);
  until([this] { return !embedded().refusing(); });
  Ids sent;
  for (int i = 0; i < next + 10; ++i) {
    sent.push_back(id_of(i));
    const PublishVerdict verdict = publish(make_event(id_of(i), "c", body), {queue}).verdict;
    EXPECT_TRUE(i < next ? verdict == PublishVerdict::duplicate : verdict != PublishVerdict::failed) << i;
  }
  EXPECT_EQ(drain(queue, sent.size()), sent);
}

// Small memtables: a few hundred events pass through flushes and compactions.
TEST_F(EmbeddedFaults, failing_flushes_and_compactions_lose_nothing) {
  options_.write_buffer_bytes = 64 << 10;
  options_.tail_bytes_max = 64 << 10;
  open();
  const base::QueueId queue = declare(spec("crm", event::Order::conversation));
  const std::string body = '"' + std::string(2'000, 'x') + '"';
  Ids sent;
  std::uint64_t refusals = 0;
  for (const FaultOp op : {FaultOp::append, FaultOp::sync}) {
    for (const char* file : {".sst", "MANIFEST"}) {
      FaultRule once = rule(op, file);
      once.times = 1;
      faults().inject(once);
      const std::uint64_t reopens = embedded().commit_statistics().reopens.load();
      for (int i = 0; i < 400 && embedded().commit_statistics().reopens.load() == reopens; ++i) {
        sent.push_back(id_of(static_cast<int>(sent.size())));
        while (publish(make_event(sent.back(), "c", body), {queue}).verdict == PublishVerdict::failed) {
          ++refusals;
          until([this] { return !embedded().refusing(); });
        }
      }
      faults().clear_faults();
    }
  }
  EXPECT_GE(refusals, 2u) << "the faults were met";
  EXPECT_EQ(drain(queue, sent.size()), sent);
}

TEST_F(EmbeddedFaults, events_that_cannot_be_read_wait_and_are_delivered_as_they_were) {
  options_.tail_bytes_max = 1;  // bodies come from the disk
  options_.queue.unreadable_pause = base::Millis(50);
  for (const FaultKind kind : {FaultKind::io_error, FaultKind::bit_flip}) {
    open();
    const base::QueueId queue = declare(spec("crm", event::Order::conversation));
    std::map<std::string, std::string> bodies;
    Ids sent;
    for (int i = 0; i < 50; ++i) {
      event::Event event =
          make_event(id_of(i), "c", fmt::format(R"({{"n":{},"pad":"{}"}})", i, std::string(3000, 'p')));
      sent.push_back(id_of(i));
      bodies[id_of(i)] = event.raw;
      ASSERT_EQ(publish(std::move(event), {queue}).verdict, PublishVerdict::accepted);
    }
    reopen_flushed();
    ASSERT_EQ(declare(spec("crm", event::Order::conversation)), queue);
    faults().inject(rule(FaultOp::read, ".sst", kind));
    std::size_t errors = 0;
    for (int i = 0; i < 3; ++i) {
      const auto leases = try_receive(queue, 10);
      if (!leases.ok()) {
        ++errors;
        EXPECT_EQ(leases.error().code, kind == FaultKind::io_error ? Errc::unavailable : Errc::corrupt);
        continue;
      }
      for (const auto& lease : *leases) {
        for (const auto& message : lease.messages) {
          EXPECT_EQ(message.record->event.raw, bodies.at(message.record->event.envelope_id));
        }
        EXPECT_TRUE(settle_all(lease, Fate::release).ok());
      }
    }
    EXPECT_GE(errors, 1u);
    faults().clear_faults();
    const Ids delivered = drain(queue, sent.size(), [&](const engine::Record& record) {
      EXPECT_EQ(record.event.raw, bodies.at(record.event.envelope_id));
    });
    EXPECT_EQ(delivered, sent);
    fixture_.reset();
  }
}

// A queue that could not be read must neither look empty, since empty ones are removed, nor stay so.
TEST_F(EmbeddedFaults, a_queue_whose_state_cannot_be_read_is_declared_again) {
  open();
  const engine::QueueSpec crm = spec("crm", event::Order::conversation);
  const base::QueueId queue = declare(crm);
  ASSERT_EQ(publish(make_event(id_of(0), "c"), {queue}).verdict, PublishVerdict::accepted);
  reopen_flushed();
  ASSERT_TRUE(embedded().stored_queues().ok()) << "what declare() looks at first is in memory then";
  FaultRule once = rule(FaultOp::read, ".sst");
  once.times = 1;
  faults().inject(once);
  ASSERT_FALSE(engine().declare(crm).ok());
  EXPECT_EQ(embedded().statistics_now(queue).error().code, Errc::not_found);
  ASSERT_EQ(declare(crm), queue);
  EXPECT_EQ(embedded().statistics_now(queue).value().held(), 1u);
  ASSERT_EQ(publish(make_event(id_of(1), "c"), {queue}).verdict, PublishVerdict::accepted);
  EXPECT_EQ(drain(queue, 2), (Ids{id_of(0), id_of(1)}));
}

}  // namespace
}  // namespace trunkline::queue
