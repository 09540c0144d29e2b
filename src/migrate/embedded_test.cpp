#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/run_and_wait.hpp"
#include "engine/contract_fixture.hpp"
#include "engine/fence.hpp"
#include "migrate/embedded.hpp"
#include "migrate/run.hpp"
#include "net/io_loop.hpp"

namespace trunkline::migrate {
namespace {

using base::QueueId;
using base::Result;
using engine::Fate;
using engine::Lease;
using engine::MessageFate;
using engine::contract::make_event;

// A data directory that is opened and closed with loops of its own.
class Directory {
 public:
  Directory() {
    char name[] = "/tmp/trunkline-migrate-XXXXXX";
    options_.directory = ::mkdtemp(name);
    options_.memory_budget = 16 << 20;
    options_.sweep_interval = std::chrono::hours(1);
  }
  ~Directory() {
    close();
    std::filesystem::remove_all(options_.directory);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  Result<void> open(bool fenced_too) {
    close();
    std::vector<base::Loop*> loops;
    for (const char* name : {"one", "two"}) {
      loops_.push_back(std::make_unique<net::IoLoop>(name));
      loops_.back()->start();
      loops.push_back(loops_.back().get());
    }
    auto opened = queue::EmbeddedEngine::open(options_, loops, clock_);
    if (!opened.ok()) return opened.error();
    engine_ = std::move(*opened);
    return fenced_too ? Result<void>() : engine::refuse_fenced(*engine_);
  }
  void close() {
    if (engine_) engine_->stop();
    for (const auto& loop : loops_) {
      loop->stop();
      loop->join();
    }
    engine_.reset();
    loops_.clear();
  }
  queue::EmbeddedEngine& engine() { return *engine_; }
  base::Loop& loop() { return *loops_[0]; }
  AcceptanceClock& clock() { return clock_; }

  std::vector<engine::PublishResult> publish(std::vector<engine::PublishItem> items) {
    return base::answer_of<std::vector<engine::PublishResult>>(
        [&](engine::PublishCallback done) { engine_->publish(std::move(items), loop(), std::move(done)); });
  }
  engine::PublishResult publish(event::Event event, std::vector<QueueId> routes) {
    std::vector<engine::PublishItem> items;
    items.emplace_back(engine::PublishEntry{std::move(event), "test", std::move(routes), {1}});
    return publish(std::move(items)).at(0);
  }
  std::vector<Lease> receive(QueueId queue, std::size_t messages, std::size_t per_group = 1) {
    engine::ReceiveLimits limits;
    limits.max_messages = messages;
    limits.max_messages_per_group = per_group;
    limits.wait = std::chrono::milliseconds(300);
    auto leases = base::answer_of<Result<std::vector<Lease>>>([&](engine::ReceiveCallback done) {
      engine_->loop_of(queue).post([this, queue, limits, done = std::move(done)]() mutable {
        engine_->receive(queue, limits, std::move(done));
      });
    });
    return leases.ok() ? std::move(*leases) : std::vector<Lease>();
  }
  void settle(const Lease& lease, MessageFate fate) {
    std::vector<MessageFate> fates(lease.messages.size());
    for (MessageFate& each : fates) each.fate = Fate::release;
    fates.at(0) = std::move(fate);
    const auto settled = base::answer_of<Result<void>>([&](engine::DoneCallback done) {
      engine_->loop_of(lease.queue).post([this, &lease, fates, done = std::move(done)]() mutable {
        engine_->settle(lease.queue, lease.id, fates, std::move(done));
      });
    });
    EXPECT_TRUE(settled.ok()) << (settled.ok() ? "" : settled.error().detail);
  }
  std::vector<engine::DeadLetter> dead_letters(QueueId queue) {
    auto found = base::answer_of<Result<std::vector<engine::DeadLetter>>>(
        [&](auto done) { engine_->dead_letters(queue, {}, loop(), std::move(done)); });
    return found.ok() ? std::move(*found) : std::vector<engine::DeadLetter>();
  }
  std::uint64_t redrive(QueueId queue, engine::RedriveFilter filter) {
    return *base::answer_of<Result<std::uint64_t>>(
        [&](auto done) { engine_->redrive(queue, std::move(filter), loop(), std::move(done)); });
  }
  // Delivers until nothing more comes; ids in the order of delivery.
  std::vector<engine::LeasedMessage> drain(QueueId queue) {
    std::vector<engine::LeasedMessage> all;
    for (;;) {
      const auto leases = receive(queue, 50);
      if (leases.empty()) return all;
      for (const Lease& lease : leases) {
        all.push_back(lease.messages.at(0));
        settle(lease, {});
      }
    }
  }

 private:
  queue::EmbeddedOptions options_;
  AcceptanceClock clock_;
  std::vector<std::unique_ptr<net::IoLoop>> loops_;
  std::unique_ptr<queue::EmbeddedEngine> engine_;
};

engine::QueueSpec spec_of(const std::string& name, event::Order order) {
  engine::QueueSpec spec;
  spec.name = name;
  spec.order = order;
  return spec;
}

MessageFate fate_of(Fate fate, std::uint32_t attempts = 3) {
  MessageFate made;
  made.fate = fate;
  made.attempts = attempts;
  made.error_class = "http_500";
  made.error_detail = "the test said so";
  return made;
}

const std::vector<engine::QueueSpec>& queues() {
  static const std::vector<engine::QueueSpec> all = {spec_of("crm", event::Order::conversation),
                                                     spec_of("siem", event::Order::none)};
  return all;
}

// Ends a run with an error when a queue is to be filled once more than so many times.
class CutDestination final : public Destination {
 public:
  CutDestination(EmbeddedDestination& real, base::Loop& loop, int calls)
      : Destination(real.engine(), loop), real_(real), calls_(calls) {}
  Limits limits() const override { return {}; }
  Result<void> declare(const std::vector<engine::QueueSpec>& specs) override {
    TRUNKLINE_TRY_VOID(real_.declare(specs));
    ids_ = real_.ids();
    return {};
  }
  Result<void> finish() override { return {}; }

 protected:
  std::vector<engine::PublishResult> publish_accepted(std::vector<engine::PublishItem> items,
                                                      const std::vector<base::WallTime>& accepted_at) override {
    return real_.publish_accepted(std::move(items), accepted_at);
  }
  Result<void> adopt(const std::string& queue, const std::vector<engine::Adopted>& events,
                     base::Sequence through) override {
    if (--calls_ < 0) return {base::Errc::cancelled, "cut"};
    return real_.adopt(queue, events, through);
  }
  std::size_t at_once() const override { return 3; }

 private:
  EmbeddedDestination& real_;
  int calls_;
};

class EmbeddedMigration : public testing::Test {
 protected:
  // Lane a: delivered, parked, behind it. Lane b: skipped, then two that wait. Lane c: one that was tried, one behind.
  // Lane d: only waits. Of each also a copy in the standard queue, where one is skipped.
  void fill() {
    ASSERT_TRUE(from_.open(false).ok());
    for (const engine::QueueSpec& spec : queues()) ids_.push_back(*from_.engine().declare(spec));
    for (const std::string id : {"a1", "b1", "c1", "d1"}) publish(id);
    for (const Lease& lease : receive_all(4)) {
      const std::string& id = lease.messages.at(0).record->event.envelope_id;
      if (id == "b1") {
        from_.settle(lease, fate_of(Fate::skip));
      } else if (id == "c1") {
        MessageFate retry = fate_of(Fate::retry, 2);
        retry.delay = std::chrono::hours(1);
        from_.settle(lease, retry);
      } else if (id == "a1") {
        from_.settle(lease, {});
      } else {
        from_.settle(lease, fate_of(Fate::release));
      }
    }
    for (const std::string id : {"a2", "a3", "b2", "b3", "c2", "d2"}) publish(id);
    for (;;) {
      const auto leases = from_.receive(ids_[0], 50);
      const auto a2 = std::ranges::find_if(
          leases, [](const Lease& each) { return each.messages.at(0).record->event.envelope_id == "a2"; });
      for (const Lease& lease : leases) {
        if (a2 == leases.end() || lease.id != a2->id) from_.settle(lease, fate_of(Fate::release));
      }
      if (a2 == leases.end()) continue;
      from_.settle(*a2, fate_of(Fate::park));
      break;
    }
    const auto standard = from_.receive(ids_[1], 1);
    ASSERT_EQ(standard.size(), 1U);
    from_.settle(standard.at(0), fate_of(Fate::skip));
    event::Event bare = make_event("bare", "e");
    bare.envelope_identity.reset();
    from_.publish(bare, ids_);
    from_.publish(make_event("settled", "z"), {});
    std::vector<engine::PublishItem> inputs;
    inputs.emplace_back(engine::Quarantined{0, from_.clock().wall(), "test", "text/plain", "not_json", "x", "bytes"});
    from_.publish(std::move(inputs));
    const auto put = base::answer_of<Result<void>>([&](engine::DoneCallback done) {
      from_.engine().put_state("owner", "key", 0, "value", from_.loop(), std::move(done));
    });
    ASSERT_TRUE(put.ok());
    from_.engine().drain(std::chrono::seconds(5));
  }
  void publish(const std::string& id) {
    EXPECT_EQ(from_.publish(make_event(id, id.substr(0, 1)), ids_).verdict, engine::PublishVerdict::accepted);
  }
  std::vector<Lease> receive_all(std::size_t count) {
    std::vector<Lease> all;
    while (all.size() < count) {
      for (Lease& lease : from_.receive(ids_[0], 50)) all.push_back(std::move(lease));
    }
    return all;
  }

  Plan plan() {
    EmbeddedOrigin origin(from_.engine(), from_.loop());
    Plan made;
    made.queues = queues();
    made.settled_from = from_.clock().wall() - std::chrono::hours(120);
    auto counted = survey(origin, {{}, made.settled_from}, {"crm", "siem"});
    EXPECT_TRUE(counted.ok()) << (counted.ok() ? "" : counted.error().detail);
    if (counted.ok()) made.survey = std::move(*counted);
    made.origin_name = "one";
    made.destination_name = "two";
    return made;
  }
  void prepare() {
    const base::Sequence above = from_.engine().end();
    ASSERT_TRUE(from_.open(true).ok());
    ASSERT_TRUE(to_.open(true).ok());
    ASSERT_TRUE(EmbeddedDestination::begin_above(to_.engine(), above).ok());
    ASSERT_TRUE(to_.open(true).ok());
    ASSERT_TRUE(EmbeddedDestination::make_queues(to_.engine(), queues()).ok());
    ASSERT_TRUE(to_.open(true).ok());
  }
  // One run; with `calls` it is cut off when a queue is to be filled once more than that.
  Result<void> migrate(std::size_t batch, int calls = 1'000'000) {
    EmbeddedOrigin origin(from_.engine(), from_.loop());
    EmbeddedOrigin there(to_.engine(), to_.loop());
    EmbeddedDestination real(to_.engine(), to_.loop(), to_.clock());
    CutDestination cut(real, to_.loop(), calls);
    RunOptions options;
    options.batch = batch;
    return run(origin, cut, there, plan_, options, from_.clock());
  }
  void complete_it() {
    EmbeddedOrigin origin(from_.engine(), from_.loop());
    EmbeddedOrigin there(to_.engine(), to_.loop());
    EmbeddedDestination real(to_.engine(), to_.loop(), to_.clock());
    const auto counted = survey(there, {{}, plan_.settled_from}, {"crm", "siem"});
    ASSERT_TRUE(counted.ok());
    EXPECT_EQ(differences(plan_.survey, *counted, {"crm", "siem"}), std::vector<std::string>());
    ASSERT_TRUE(complete(origin, real, plan_, from_.clock()).ok());
    EXPECT_TRUE(*is_complete(origin, real));
  }
  // What the destination delivers, served.
  void expect_all_there(base::Sequence above) {
    ASSERT_TRUE(to_.open(false).ok());
    std::vector<QueueId> ids;
    for (const engine::QueueSpec& spec : queues()) ids.push_back(*to_.engine().declare(spec));
    const auto letters = to_.dead_letters(ids[0]);
    ASSERT_EQ(letters.size(), 2U);
    for (const engine::DeadLetter& letter : letters) {
      EXPECT_EQ(letter.attempts, 3U);
      EXPECT_EQ(letter.error_class, "http_500");
      EXPECT_EQ(letter.error_detail, "the test said so");
      EXPECT_EQ(letter.record->event.envelope_id, letter.parked ? "a2" : "b1");
      EXPECT_GT(letter.sequence, above);
    }
    EXPECT_EQ(to_.engine().statistics_now(ids[0])->held(), 10U);
    const auto delivered = to_.drain(ids[0]);
    std::map<std::string, std::vector<std::string>> lanes;
    for (const engine::LeasedMessage& message : delivered) {
      const std::string& id = message.record->event.envelope_id;
      lanes[message.record->event.conversation_id].push_back(id);
      EXPECT_EQ(message.attempts, id == "c1" ? 2U : 0U) << id;
      EXPECT_EQ(message.gap_before.has_value(), id == "b2") << id;
    }
    using Ids = std::vector<std::string>;
    EXPECT_EQ(lanes["a"], Ids()) << "it is parked";
    EXPECT_EQ(lanes["b"], (Ids{"b2", "b3"}));
    EXPECT_EQ(lanes["c"], (Ids{"c1", "c2"}));
    EXPECT_EQ(lanes["d"], (Ids{"d1", "d2"}));
    EXPECT_EQ(lanes["e"], Ids{"bare"});
    EXPECT_EQ(to_.redrive(ids[0], {}), 2U);
    std::vector<std::string> redriven;
    for (const engine::LeasedMessage& message : to_.drain(ids[0]))
      redriven.push_back(message.record->event.envelope_id);
    std::ranges::sort(redriven);
    EXPECT_EQ(redriven, (Ids{"a2", "a3", "b1"}));
    EXPECT_EQ(to_.engine().statistics_now(ids[0])->held(), 0U);
    EXPECT_EQ(to_.drain(ids[1]).size(), 10U);
    EXPECT_EQ(to_.dead_letters(ids[1]).size(), 1U);
    EXPECT_EQ(to_.publish(make_event("settled", "z"), ids).verdict, engine::PublishVerdict::duplicate);
    EXPECT_EQ(to_.publish(make_event("a1", "a"), ids).verdict, engine::PublishVerdict::duplicate);
    EXPECT_EQ(to_.engine().list_state("owner")->at("key"), "value");
    const auto inputs = base::answer_of<Result<std::vector<engine::Quarantined>>>(
        [&](auto done) { to_.engine().quarantine_list({}, to_.loop(), std::move(done)); });
    EXPECT_EQ(inputs->size(), 1U);
  }

  Directory from_;
  Directory to_;
  std::vector<QueueId> ids_;
  Plan plan_;
};

TEST_F(EmbeddedMigration, EverythingArrivesAsWhatItIs) {
  fill();
  plan_ = plan();
  EXPECT_EQ(plan_.survey.queues["crm"].waiting, 8U);
  EXPECT_EQ(plan_.survey.queues["crm"].parked, 1U);
  EXPECT_EQ(plan_.survey.queues["crm"].dead_letters, 1U);
  EXPECT_EQ(plan_.survey.queues["siem"].dead_letters, 1U);
  EXPECT_EQ(plan_.survey.known, 1U) << "settled everywhere, and its repeats are to be known";
  const base::Sequence above = from_.engine().end();
  prepare();
  const auto done = migrate(3);
  ASSERT_TRUE(done.ok()) << done.error().detail;
  complete_it();
  const auto refused = from_.open(false);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().detail.find("was migrated to two"), std::string::npos) << refused.error().detail;
  expect_all_there(above);
}

// Cut off wherever a queue is filled, the next run goes on: nothing is lost and nothing is there twice.
struct Cut {
  std::size_t batch;
  int calls;
};
class CutMigration : public EmbeddedMigration, public testing::WithParamInterface<Cut> {};

TEST_P(CutMigration, GoesOnWhereItWasCutOff) {
  fill();
  plan_ = plan();
  const base::Sequence above = from_.engine().end();
  prepare();
  const auto cut = migrate(GetParam().batch, GetParam().calls);
  ASSERT_FALSE(cut.ok());
  EXPECT_EQ(cut.error().detail, "cut");
  for (Directory* each : {&from_, &to_}) {
    const auto refused = each->open(false);
    ASSERT_FALSE(refused.ok());
    EXPECT_NE(refused.error().detail.find("is not complete"), std::string::npos) << refused.error().detail;
    ASSERT_TRUE(each->open(true).ok());
  }
  const auto done = migrate(GetParam().batch);
  ASSERT_TRUE(done.ok()) << done.error().detail;
  complete_it();
  expect_all_there(above);
}
INSTANTIATE_TEST_SUITE_P(Everywhere, CutMigration,
                         testing::Values(Cut{1, 0}, Cut{1, 1}, Cut{1, 2}, Cut{1, 4}, Cut{2, 0}, Cut{2, 1}, Cut{2, 2},
                                         Cut{2, 3}, Cut{5, 0}, Cut{5, 1}));

TEST_F(EmbeddedMigration, ADestinationWithEventsOfItsOwnIsRefused) {
  fill();
  plan_ = plan();
  prepare();
  to_.publish(make_event("own", "x"), {});
  const auto refused = migrate(3);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, base::Errc::conflict);
  EXPECT_TRUE(from_.open(false).ok()) << "nothing is marked";
}

TEST_F(EmbeddedMigration, UndoneTheOriginIsServedAgainAndTheDestinationIsNot) {
  fill();
  plan_ = plan();
  prepare();
  ASSERT_TRUE(migrate(3).ok());
  complete_it();
  {
    EmbeddedOrigin origin(from_.engine(), from_.loop());
    EmbeddedDestination real(to_.engine(), to_.loop(), to_.clock());
    ASSERT_TRUE(undo(origin, real, from_.clock()).ok());
  }
  EXPECT_TRUE(from_.open(false).ok());
  EXPECT_FALSE(to_.open(false).ok());
}

// Events that an origin has stored with the same identity, since the first one's window had ended, are two events.
TEST_F(EmbeddedMigration, TwoEventsOfOneIdentityStayTwo) {
  ASSERT_TRUE(from_.open(false).ok());
  for (const engine::QueueSpec& spec : queues()) ids_.push_back(*from_.engine().declare(spec));
  std::vector<engine::PublishItem> old;
  old.emplace_back(engine::PublishEntry{make_event("twice", "a"), "test", {ids_[0]}, {1}});
  from_.clock().set(from_.clock().wall() - std::chrono::hours(24 * 7));
  from_.publish(std::move(old));
  from_.clock().clear();
  EXPECT_EQ(from_.publish(make_event("twice", "a"), {ids_[0]}).verdict, engine::PublishVerdict::accepted);
  plan_ = plan();
  EXPECT_EQ(plan_.survey.queues["crm"].waiting, 2U);
  prepare();
  ASSERT_TRUE(migrate(10).ok());
  complete_it();
}

TEST(MigrationObstacles, EachIsNamedWithItsQueue) {
  Survey counted;
  counted.queues["gone"].waiting = 1;
  counted.queues["turned"].waiting = 2;
  counted.queues["sqs/made"].dead_letters = 3;
  counted.queues["windowed"].parked = 4;
  counted.queues["edited"].waiting = counted.queues["edited"].edited = 5;
  counted.queues["empty"] = {};
  counted.too_large = 6;
  std::vector<OriginQueue> there = {{"gone", event::Order::none},     {"turned", event::Order::none},
                                    {"sqs/made", event::Order::none}, {"windowed", event::Order::agent, true},
                                    {"edited", event::Order::none},   {"empty", event::Order::none}};
  there.push_back({"busy", event::Order::none, false, 0, 7});
  const std::vector<engine::QueueSpec> wanted = {
      spec_of("turned", event::Order::queue), spec_of("windowed", event::Order::agent),
      spec_of("edited", event::Order::none), spec_of("busy", event::Order::none)};
  std::map<std::string, std::uint64_t> found;
  for (const Obstacle& each : obstacles(there, counted, wanted, {1'000, false}, true)) {
    found[each.queue] = each.events;
    EXPECT_EQ(each.fatal, each.queue == "busy");
    EXPECT_EQ(each.stays, each.queue != "busy" && each.queue != "edited" && !each.queue.empty()) << each.queue;
  }
  EXPECT_EQ(found,
            (std::map<std::string, std::uint64_t>{
                {"", 6}, {"busy", 7}, {"edited", 5}, {"gone", 1}, {"sqs/made", 3}, {"turned", 2}, {"windowed", 4}}));
}

}  // namespace
}  // namespace trunkline::migrate
