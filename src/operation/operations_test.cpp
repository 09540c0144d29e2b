#include "operation/operations.hpp"

#include <gtest/gtest.h>

#include <utility>

#include "base/check.hpp"
#include "base/manual_loop.hpp"

namespace trunkline::operation {
namespace {

using base::Errc;
using base::Error;
using base::Loop;
using base::Millis;
using base::OperationId;
using base::QueueId;
using base::Result;
using base::Sequence;

constexpr QueueId kCrm{7};

// One queue with dead letters, and the engine's state, both of which outlive a manager. What is given has its outcome
// at once, as `fails` says. Everything that no operation asks for is a failed check.
class FakeEngine final : public engine::Engine {
 public:
  struct Kept {
    std::map<std::string, std::string> state;
    std::map<OperationId, engine::OperationTally> tallies;
    std::uint64_t dead_letters = 0;
    std::vector<Sequence> replayed;
    std::vector<OperationId> forgotten;
  };
  FakeEngine(Kept& kept, Loop& loop) : kept_(kept), loop_(loop) {}

  bool fails = false;        // what is given becomes a dead letter again
  bool holds = false;        // what is given stays without an outcome
  bool disk_broken = false;  // nothing can be written
  bool removed = false;      // there is no such queue

  void summarize_dead_letters(QueueId, engine::RedriveFilter, Loop& loop,
                              base::UniqueFunction<void(Result<engine::DeadLetterSummary>)> done) override {
    engine::DeadLetterSummary summary;
    summary.total = kept_.dead_letters;
    answer(loop, std::move(done), Result<engine::DeadLetterSummary>(summary));
  }
  void redrive_step(QueueId, engine::RedriveStep step, Loop& loop, StepCallback done) override {
    if (disk_broken) return answer(loop, std::move(done), Result<engine::StepResult>(Errc::unavailable, "the disk"));
    engine::OperationTally& tally = kept_.tallies[step.operation];
    const std::uint64_t left = kept_.dead_letters - std::min(kept_.dead_letters, tally.failed);
    const std::uint64_t count = std::min<std::uint64_t>(step.limit, left);
    give(tally, count);
    if (!fails) kept_.dead_letters -= count;
    answer(loop, std::move(done), Result<engine::StepResult>({tally, left <= count}));
  }
  void replay_step(QueueId, engine::ReplayStep step, Loop& loop, StepCallback done) override {
    engine::OperationTally& tally = kept_.tallies[step.operation];
    std::erase_if(step.sequences, [&](Sequence each) { return each <= tally.reached; });
    give(tally, step.sequences.size());
    kept_.replayed.insert(kept_.replayed.end(), step.sequences.begin(), step.sequences.end());
    tally.reached = std::max(tally.reached, step.reached);
    answer(loop, std::move(done), Result<engine::StepResult>({tally, false}));
  }
  void operation_tally(QueueId, OperationId id, Loop& loop, StepCallback done) override {
    if (removed) return answer(loop, std::move(done), Result<engine::StepResult>(Errc::not_found, "no such queue"));
    answer(loop, std::move(done), Result<engine::StepResult>({kept_.tallies[id], false}));
  }
  void end_operation(QueueId, OperationId id, bool forget, Loop& loop, StepCallback done) override {
    engine::OperationTally& tally = kept_.tallies[id];
    tally.ended += tally.open();
    if (forget) kept_.forgotten.push_back(id);
    answer(loop, std::move(done), Result<engine::StepResult>({tally, false}));
  }
  void update_state(const std::string& owner, std::vector<StateWrite> writes, Loop& loop,
                    engine::DoneCallback done) override {
    EXPECT_EQ(owner, "operations");
    if (disk_broken) return answer(loop, std::move(done), Result<void>(Errc::unavailable, "the disk"));
    for (StateWrite& write : writes) {
      if (write.bytes) {
        kept_.state[write.key] = *write.bytes;
      } else {
        kept_.state.erase(write.key);
      }
    }
    answer(loop, std::move(done), Result<void>());
  }
  Result<std::map<std::string, std::string>> list_state(const std::string&) override { return kept_.state; }

  std::vector<engine::Capability> capabilities() const override { return {engine::Capability::operations}; }
  Loop& loop_of(QueueId) override { return loop_; }
  Result<QueueId> declare(const engine::QueueSpec&) override { return nothing(); }
  Result<void> remove(QueueId) override { return nothing(); }
  void publish(std::vector<engine::PublishItem>, Loop&, engine::PublishCallback) override { never(); }
  void receive(QueueId, const engine::ReceiveLimits&, engine::ReceiveCallback) override { never(); }
  void cancel_receive(QueueId) override { never(); }
  void settle(QueueId, std::uint64_t, std::vector<engine::MessageFate>, engine::DoneCallback) override { never(); }
  engine::QueueStatistics statistics(QueueId) override { return {}; }
  void dead_letters(QueueId, engine::Page, Loop&,
                    base::UniqueFunction<void(Result<std::vector<engine::DeadLetter>>)>) override {
    never();
  }
  void redrive(QueueId, engine::RedriveFilter, Loop&, base::UniqueFunction<void(Result<std::uint64_t>)>) override {
    never();
  }
  void purge_dead_letters(QueueId, engine::RedriveFilter, Loop&,
                          base::UniqueFunction<void(Result<std::uint64_t>)>) override {
    never();
  }
  void quarantine_list(engine::Page, Loop&,
                       base::UniqueFunction<void(Result<std::vector<engine::Quarantined>>)>) override {
    never();
  }
  void quarantine_remove(std::vector<std::uint64_t>, Loop&, engine::DoneCallback) override { never(); }
  Result<std::optional<StateValue>> get_state(const std::string&, const std::string&) override { return nothing(); }
  void put_state(const std::string&, const std::string&, std::uint64_t, std::string, Loop&,
                 engine::DoneCallback) override {
    never();
  }
  Result<void> remove_state(const std::string&) override { return nothing(); }
  void write_state(QueueId, const std::string&, std::vector<StateWrite>) override { never(); }

 private:
  static void never() { TRUNKLINE_CHECK(false, "an operation does not ask for this"); }
  static Error nothing() {
    never();
    return {Errc::unsupported, ""};
  }
  void give(engine::OperationTally& tally, std::uint64_t count) const {
    tally.given += count;
    if (holds) return;
    (fails ? tally.failed : tally.delivered) += count;
  }
  template <class Done, class Value>
  static void answer(Loop& loop, Done done, Value value) {
    loop.post([done = std::move(done), value = std::move(value)]() mutable { done(std::move(value)); });
  }
  Kept& kept_;
  Loop& loop_;
};

// A log of events 101 to 100 + n, of which a replay wants every second one.
class FakeHistory final : public History {
 public:
  std::uint64_t events = 0;
  void range(base::WallTime, base::WallTime, Loop& loop, RangeCallback done) override {
    loop.post([this, done = std::move(done)]() mutable { done(std::pair{Sequence{101}, Sequence{100 + events}}); });
  }
  void find(const Request& request, Sequence after, Bounds bounds, Loop& loop, FoundCallback done) override {
    Found found;
    found.reached = after;
    for (std::uint64_t at = std::max<std::uint64_t>(after.value, 100) + 1; at <= request.range.last.value; ++at) {
      if (found.sequences.size() == bounds.matches) break;
      found.reached = {at};
      if (at % 2 == 0) found.sequences.push_back({at});
    }
    loop.post([done = std::move(done), found]() mutable { done(found); });
  }
};

class OperationsTest : public testing::Test {
 protected:
  void begin_process() {
    end_process();
    engine = std::make_unique<FakeEngine>(kept, loop);
    operations = std::make_unique<Operations>(*engine, history, loop, options);
    ASSERT_TRUE(operations->load().ok());
    operations->run();
    loop.run();
  }
  // As a kill: nothing is told, and what is under way reaches nobody.
  void end_process() {
    operations.reset();
    loop.run();
    engine.reset();
  }
  void SetUp() override { begin_process(); }

  static Request redrive(double rate = 10, double stop_share = 0.2) {
    Request request;
    request.consumer = "crm";
    request.queue = kCrm;
    request.by = "ann";
    request.rate = rate;
    request.stop_share = stop_share;
    return request;
  }
  Result<Operation> start(Request request) {
    Result<Operation> result(Errc::timeout, "no answer");
    operations->start(std::move(request), loop, [&](Result<Operation> begun) { result = std::move(begun); });
    loop.run();
    return result;
  }
  Result<Operation> command(OperationId id, Command command) {
    Result<Operation> result(Errc::timeout, "no answer");
    operations->command(id, command, "bob", loop, [&](Result<Operation> done) { result = std::move(done); });
    loop.run();
    return result;
  }
  Operation show(OperationId id) {
    Result<Operation> result(Errc::timeout, "no answer");
    operations->show(id, loop, [&](Result<Operation> found) { result = std::move(found); });
    loop.run();
    EXPECT_TRUE(result.ok());
    return result.ok() ? *result : Operation();
  }
  std::vector<std::string> audited() {
    std::vector<std::string> actions;
    operations->audit(0, 100, {}, loop, [&](const std::vector<AuditEntry>& entries) {
      for (const AuditEntry& entry : entries) actions.push_back(entry.by + " " + entry.action);
    });
    loop.run();
    return actions;
  }
  void pass(int seconds) { loop.advance(std::chrono::seconds(seconds)); }

  base::ManualClock clock;
  base::ManualLoop loop{clock};
  FakeEngine::Kept kept;
  FakeHistory history;
  OperationsOptions options;
  std::unique_ptr<FakeEngine> engine;
  std::unique_ptr<Operations> operations;
};

using List = std::vector<std::string>;

TEST_F(OperationsTest, a_redrive_gives_all_and_is_done_with_its_counts_and_who_asked_on_disk) {
  kept.dead_letters = 30;
  const auto begun = start(redrive());
  ASSERT_TRUE(begun.ok());
  EXPECT_EQ(begun->total, 30u);
  EXPECT_EQ(begun->state, State::running);
  pass(1);
  EXPECT_LT(show(begun->id).tally.given, 10u) << "it begins slowly";
  pass(20);
  begin_process();
  const Operation done = show(begun->id);
  EXPECT_EQ(done.state, State::done);
  EXPECT_EQ(done.tally.given, 30u);
  EXPECT_EQ(done.tally.delivered, 30u);
  EXPECT_EQ(audited(), (List{"the hub redrive.done", "ann redrive"}));
  EXPECT_EQ(kept.forgotten.front(), begun->id) << "the queue need not remember it any more";
}

TEST_F(OperationsTest, nothing_that_matches_is_said_and_leaves_no_record) {
  const auto begun = start(redrive());
  ASSERT_FALSE(begun.ok());
  EXPECT_EQ(begun.error().code, Errc::not_found);
  EXPECT_TRUE(kept.state.empty());
}

TEST_F(OperationsTest, one_whose_events_fail_again_stops_by_itself_and_goes_on_when_resumed) {
  kept.dead_letters = 1'000;
  const OperationId id = start(redrive()).value().id;
  engine->fails = true;
  pass(30);
  Operation now = show(id);
  EXPECT_EQ(now.state, State::stopped);
  EXPECT_LE(now.tally.given, 4u) << "not all dead letters are thrown after the first";
  EXPECT_FALSE(now.reason.empty());
  pass(60);
  EXPECT_EQ(show(id).tally.given, now.tally.given);
  engine->fails = false;
  EXPECT_EQ(command(id, Command::resume).value().state, State::running);
  pass(200);
  now = show(id);
  EXPECT_EQ(now.state, State::done);
  EXPECT_EQ(now.tally.delivered + now.tally.failed, 1'000u);
  EXPECT_EQ(audited(), (List{"the hub redrive.done", "bob redrive.running", "the hub redrive.stopped", "ann redrive"}));
}

TEST_F(OperationsTest, a_pause_holds_it_over_a_kill_and_a_cancel_ends_it_for_good) {
  kept.dead_letters = 1'000;
  const OperationId id = start(redrive()).value().id;
  pass(5);
  ASSERT_TRUE(command(id, Command::pause).ok());
  const std::uint64_t given = show(id).tally.given;
  EXPECT_EQ(command(id, Command::pause).error().code, Errc::conflict);
  begin_process();
  pass(60);
  EXPECT_EQ(show(id).state, State::paused);
  EXPECT_EQ(kept.tallies[id].given, given);
  ASSERT_TRUE(command(id, Command::cancel).ok());
  EXPECT_EQ(command(id, Command::resume).error().code, Errc::conflict);
  pass(60);
  EXPECT_EQ(show(id).state, State::cancelled);
  EXPECT_EQ(kept.tallies[id].given, given);
}

TEST_F(OperationsTest, a_killed_one_goes_on_by_itself_from_what_the_queue_says_it_has_given) {
  kept.dead_letters = 100;
  const OperationId id = start(redrive(20)).value().id;
  for (int kill = 0; kill < 5; ++kill) {
    pass(3);
    begin_process();
  }
  pass(60);
  EXPECT_EQ(show(id).state, State::done);
  EXPECT_EQ(kept.tallies[id].given, 100u) << "none twice, none left out";
  EXPECT_EQ(kept.dead_letters, 0u);
}

TEST_F(OperationsTest, one_that_cannot_be_written_down_does_not_begin) {
  kept.dead_letters = 10;
  engine->disk_broken = true;
  EXPECT_EQ(start(redrive()).error().code, Errc::unavailable);
  engine->disk_broken = false;
  pass(60);
  EXPECT_EQ(kept.dead_letters, 10u);
  EXPECT_TRUE(kept.state.empty());
}

TEST_F(OperationsTest, a_change_that_cannot_be_written_down_is_not_made_and_an_outage_of_the_disk_is_waited_out) {
  kept.dead_letters = 100;
  const OperationId id = start(redrive()).value().id;
  pass(2);
  engine->disk_broken = true;
  EXPECT_EQ(command(id, Command::cancel).error().code, Errc::unavailable);
  EXPECT_EQ(show(id).state, State::running);
  const std::uint64_t given = show(id).tally.given;
  pass(30);
  EXPECT_EQ(show(id).tally.given, given);
  engine->disk_broken = false;
  pass(60);
  EXPECT_EQ(show(id).state, State::done);
}

TEST_F(OperationsTest, what_has_no_outcome_yet_keeps_it_from_being_done) {
  kept.dead_letters = 3;
  engine->holds = true;
  const OperationId id = start(redrive()).value().id;
  pass(60);
  EXPECT_EQ(show(id).state, State::running);
  engine->holds = false;
  kept.tallies[id].delivered = kept.tallies[id].given;
  pass(10);
  EXPECT_EQ(show(id).state, State::done);
  EXPECT_EQ(show(id).tally.delivered, 3u);
}

TEST_F(OperationsTest, no_more_than_the_bound_are_live_for_a_consumer) {
  options.live_per_consumer_max = 2;
  begin_process();
  kept.dead_letters = 100'000;
  const OperationId first = start(redrive()).value().id;
  ASSERT_TRUE(start(redrive()).ok());
  EXPECT_EQ(start(redrive()).error().code, Errc::overloaded);
  ASSERT_TRUE(command(first, Command::cancel).ok());
  EXPECT_TRUE(start(redrive()).ok());
}

TEST_F(OperationsTest, ends_with_its_consumer) {
  kept.dead_letters = 100;
  const OperationId id = start(redrive()).value().id;
  engine->removed = true;
  pass(1);
  EXPECT_EQ(show(id).state, State::cancelled);
  EXPECT_EQ(show(id).reason, "its consumer has been removed");
}

TEST_F(OperationsTest, records_of_the_oldest_ended_ones_go_first) {
  options.kept_max = 3;
  begin_process();
  for (int i = 0; i < 6; ++i) {
    kept.dead_letters = 1;
    ASSERT_TRUE(start(redrive()).ok());
    pass(5);
  }
  std::vector<std::uint64_t> ids;
  operations->list({}, loop, [&](const std::vector<Operation>& all) {
    for (const Operation& each : all) ids.push_back(each.id.value);
  });
  loop.run();
  EXPECT_EQ(ids, (std::vector<std::uint64_t>{6, 5, 4}));
}

TEST_F(OperationsTest, a_replay_reads_the_log_to_the_end_of_its_range_and_gives_each_once_over_kills) {
  history.events = 200;
  Request request = redrive(1'000);
  request.kind = Kind::replay;
  const OperationId id = start(request).value().id;
  history.events = 300;  // what comes later is not meant
  for (int kill = 0; kill < 4; ++kill) {
    pass(2);
    begin_process();
  }
  pass(60);
  EXPECT_EQ(show(id).state, State::done);
  std::vector<Sequence> all;
  for (std::uint64_t at = 102; at <= 300; at += 2) all.push_back({at});
  EXPECT_EQ(kept.replayed, all);
}

TEST_F(OperationsTest, a_replay_of_times_without_an_event_is_refused) {
  Request request = redrive();
  request.kind = Kind::replay;
  EXPECT_EQ(start(request).error().code, Errc::not_found);
  EXPECT_TRUE(kept.state.empty());
}

TEST_F(OperationsTest, what_is_no_operation_is_audited_before_it_is_done_and_its_outcome_behind_it) {
  AuditEntry entry;
  entry.by = "ann";
  entry.action = "purge";
  entry.consumer = "crm";
  std::uint64_t id = 0;
  operations->record(entry, loop, [&](Result<std::uint64_t> written) { id = written.value(); });
  loop.run();
  ASSERT_EQ(id, 1u);
  operations->set_outcome(id, "3 purged");
  loop.run();
  begin_process();
  std::string outcome;
  operations->audit(0, 10, "crm", loop, [&](const std::vector<AuditEntry>& entries) {
    ASSERT_EQ(entries.size(), 1u);
    outcome = entries[0].outcome;
  });
  loop.run();
  EXPECT_EQ(outcome, "3 purged");
  engine->disk_broken = true;
  bool refused = false;
  operations->record(entry, loop, [&](const Result<std::uint64_t>& written) { refused = !written.ok(); });
  loop.run();
  EXPECT_TRUE(refused) << "what cannot be written down is not to be done";
}

}  // namespace
}  // namespace trunkline::operation
