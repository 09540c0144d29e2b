#include "sinks/adherence_sink.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/manual_loop.hpp"
#include "base/text.hpp"
#include "sinks/fake_sender_test.hpp"

namespace trunkline::sinks {
namespace {

using base::Millis;
using base::WallTime;
using delivery::BatchVerdict;
using delivery::Verdict;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::int64_t kBegin = 1'772'460'000'000;  // 2026-03-02T14:00:00Z

struct Kept final : AgentStore {
  explicit Kept(std::map<std::string, std::string>& in) : agents(in) {}
  base::Result<std::map<std::string, std::string>> load() override { return agents; }
  void save(std::vector<engine::Engine::StateWrite> writes) override {
    for (auto& [id, bytes] : writes) {
      if (bytes) agents[id] = *bytes;
      if (!bytes) agents.erase(id);
    }
  }
  std::map<std::string, std::string>& agents;
};

AdherenceOptions options() {
  AdherenceOptions made;
  made.names = std::make_shared<const TemplateNames>(TemplateNames{{{"authentication_key", "key-123456"}}, {}});
  made.url = "https://wfm.example/Rta/State/Batch";
  made.body =
      R"({"AuthenticationKey":"{{vars.authentication_key}}","IsSnapshot":{{meta.snapshot | raw}},"States":{{meta.states | raw}}})";
  made.state = R"({"UserCode":"{{event.agent}}","StateCode":"{{event.code | truncate:5}}"})";
  return made;
}

struct World {
  explicit World(AdherenceOptions with = options(), bool start = true) {
    AdherenceSink::Parts parts{*wfm::CodeTable::parse("presence,routing,code\nON_QUEUE,INTERACTING,TALK\n"
                                                      "ON_QUEUE,*,READY\nBUSY,*,BUSYBUSY\n",
                                                      "OUT"),
                               std::make_unique<Kept>(kept), std::make_unique<FakeSender>(sent),
                               [this] { return oldest; }, nullptr};
    auto made = AdherenceSink::make(std::move(with), std::move(parts), loop);
    EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().detail);
    if (made.ok()) sink = std::move(*made);
    if (start) {
      sink->rest(false);
      loop.advance(seconds(1));
    }
  }
  static engine::LeasedMessage message(const std::string& agent, std::int64_t at, const std::string& presence,
                                       const std::string& routing) {
    auto record = std::make_shared<engine::Record>();
    record->sequence = base::Sequence{7};
    record->accepted_at = WallTime(Millis(at));
    record->event.event_type = "v2.users.{id}.activity";
    record->event.topic_known = true;
    record->event.user_id = agent;
    const std::string time = base::format_time(WallTime(Millis(at)));
    record->event.raw = R"({"routingStatus":{"status":")" + routing + R"(","startTime":")" + time +
                        R"("},"presence":{"presenceDefinition":{"id":"d","systemPresence":")" + presence +
                        R"("},"modifiedDate":")" + time + R"("}})";
    engine::LeasedMessage made;
    made.record = record;
    return made;
  }
  void send(std::vector<engine::LeasedMessage> messages) {
    delivery::Batch batch;
    batch.consumer = "wfm";
    batch.messages = std::move(messages);
    sink->send(std::move(batch), [this](BatchVerdict verdict) { verdicts.push_back(std::move(verdict)); });
    loop.run();
  }
  void answer(int status, std::string body = {}) {
    auto done = std::move(sent.at(answered++).done);
    done(net::ClientResponse{status, {}, std::move(body)});
    loop.run();
  }
  std::string body() const { return sent.back().request.body; }

  base::ManualClock clock{WallTime(Millis(kBegin))};
  base::ManualLoop loop{clock};
  std::map<std::string, std::string> kept;
  std::vector<FakeSender::Sent> sent;
  std::size_t answered = 0;
  std::optional<WallTime> oldest;
  std::unique_ptr<AdherenceSink> sink;
  std::vector<BatchVerdict> verdicts;
};

TEST(AdherenceSink, tells_the_newest_code_of_each_agent_in_one_request) {
  World world;
  world.send({World::message("anna", kBegin + 1, "ON_QUEUE", "IDLE"), World::message("bob", kBegin + 2, "BUSY", "IDLE"),
              World::message("anna", kBegin + 3, "ON_QUEUE", "INTERACTING")});
  ASSERT_THAT(world.sent, SizeIs(1));
  EXPECT_EQ(world.body(),
            R"({"AuthenticationKey":"key-123456","IsSnapshot":false,"States":[{"UserCode":"anna","StateCode":"TALK"},)"
            R"({"UserCode":"bob","StateCode":"BUSYB"}]})");
  world.answer(200);
  ASSERT_THAT(world.verdicts, SizeIs(1));
  ASSERT_THAT(world.verdicts[0].events, SizeIs(3));
  EXPECT_EQ(world.verdicts[0].events[2].verdict, Verdict::delivered);
}

TEST(AdherenceSink, an_event_that_changes_no_code_costs_no_request) {
  World world;
  world.send({World::message("anna", kBegin + 1, "ON_QUEUE", "IDLE")});
  world.answer(200);
  world.send({World::message("anna", kBegin + 2, "ON_QUEUE", "COMMUNICATING")});
  world.send({World::message("anna", kBegin, "BUSY", "IDLE")});
  EXPECT_THAT(world.sent, SizeIs(1));
  ASSERT_THAT(world.verdicts, SizeIs(3));
  EXPECT_EQ(world.verdicts[2].events[0].verdict, Verdict::delivered);
}

TEST(AdherenceSink, what_was_not_taken_is_told_again_and_shows_no_key) {
  World world;
  world.send({World::message("anna", kBegin + 1, "BUSY", "IDLE")});
  world.answer(503, "key-123456 is busy");
  EXPECT_EQ(world.verdicts[0].events[0].verdict, Verdict::unavailable);
  EXPECT_THAT(world.verdicts[0].events[0].detail, testing::Not(HasSubstr("key-123456")));
  world.send({World::message("anna", kBegin + 1, "BUSY", "IDLE")});
  ASSERT_THAT(world.sent, SizeIs(2));
  world.answer(400, "unknown user");
  EXPECT_EQ(world.verdicts[1].events[0].verdict, Verdict::rejected);
}

TEST(AdherenceSink, a_batch_that_is_refused_is_halved_by_delivery) {
  World world;
  world.send({World::message("anna", kBegin + 1, "BUSY", "IDLE"), World::message("bob", kBegin + 1, "BUSY", "IDLE")});
  world.answer(400);
  EXPECT_TRUE(world.verdicts.at(0).refused);
}

TEST(AdherenceSink, one_request_is_under_way_at_a_time) {
  World world;
  world.send({World::message("anna", kBegin + 1, "BUSY", "IDLE")});
  world.send({World::message("anna", kBegin + 2, "ON_QUEUE", "IDLE")});
  EXPECT_THAT(world.sent, SizeIs(1));
  world.answer(200);
  ASSERT_THAT(world.sent, SizeIs(2));
  EXPECT_THAT(world.body(), HasSubstr("READY"));
}

TEST(AdherenceSink, a_new_process_knows_what_was_told_and_begins_with_a_snapshot) {
  World first;
  first.send(
      {World::message("anna", kBegin + 1, "BUSY", "IDLE"), World::message("bob", kBegin + 1, "ON_QUEUE", "IDLE")});
  first.answer(200);
  World second(options(), false);
  second.kept = first.kept;
  second.sink->rest(false);
  second.send({World::message("anna", kBegin + 2, "BUSY", "INTERACTING")});
  EXPECT_THAT(second.verdicts, IsEmpty());
  second.loop.advance(seconds(2));
  EXPECT_THAT(second.verdicts, SizeIs(1));
  ASSERT_THAT(second.sent, SizeIs(1));
  EXPECT_EQ(second.body(),
            R"({"AuthenticationKey":"key-123456","IsSnapshot":true,"States":[{"UserCode":"anna","StateCode":"BUSYB"},)"
            R"({"UserCode":"bob","StateCode":"READY"}]})");
}

TEST(AdherenceSink, sends_a_snapshot_now_and_then_and_never_one_of_nobody) {
  World world;
  world.loop.advance(minutes(40));
  EXPECT_THAT(world.sent, IsEmpty());
  world.send({World::message("anna", kBegin + 1, "BUSY", "IDLE")});
  world.answer(200);
  ASSERT_THAT(world.sent, SizeIs(2));  // the first one, which was due
  EXPECT_THAT(world.body(), HasSubstr("\"IsSnapshot\":true"));
  world.answer(200);
  world.loop.advance(minutes(14));
  EXPECT_THAT(world.sent, SizeIs(2));
  world.loop.advance(minutes(2));
  EXPECT_THAT(world.sent, SizeIs(3));
}

TEST(AdherenceSink, a_snapshot_that_fails_is_tried_again_after_a_minute) {
  World world;
  world.send({World::message("anna", kBegin + 1, "BUSY", "IDLE")});
  world.answer(200);
  world.loop.advance(minutes(15));
  ASSERT_THAT(world.sent, SizeIs(2));
  world.answer(503);
  world.loop.advance(seconds(50));
  EXPECT_THAT(world.sent, SizeIs(2));
  world.loop.advance(seconds(15));
  EXPECT_THAT(world.sent, SizeIs(3));
}

TEST(AdherenceSink, a_snapshot_waits_for_what_waits_but_not_for_ever) {
  World world;
  world.oldest = WallTime(Millis(kBegin - 3'600'000));
  world.send({World::message("anna", kBegin + 1, "BUSY", "IDLE")});
  world.answer(200);
  world.loop.advance(minutes(19));
  EXPECT_THAT(world.sent, SizeIs(1));
  world.loop.advance(minutes(2));
  EXPECT_THAT(world.sent, SizeIs(2));
}

TEST(AdherenceSink, sends_no_snapshot_while_delivery_rests) {
  World world;
  world.send({World::message("anna", kBegin + 1, "BUSY", "IDLE")});
  world.sink->rest(true);
  world.answer(200);
  world.loop.advance(minutes(60));
  EXPECT_THAT(world.sent, SizeIs(1));
  world.sink->rest(false);
  world.loop.advance(seconds(2));
  EXPECT_THAT(world.sent, SizeIs(2));
}

TEST(AdherenceSink, a_shadow_tells_nobody_and_so_nothing_counts_as_told) {
  AdherenceOptions with = options();
  with.shadow = true;
  with.snapshot_every = Millis(0);
  World world(std::move(with));
  world.send({World::message("anna", kBegin + 1, "BUSY", "IDLE")});
  world.answer(200);
  world.send({World::message("anna", kBegin + 1, "BUSY", "IDLE")});
  EXPECT_THAT(world.sent, SizeIs(2));
}

TEST(AdherenceSink, a_template_that_gives_no_json_is_the_events_fault_and_says_so) {
  AdherenceOptions with = options();
  with.state = R"({"UserCode":{{event.agent | raw}}})";
  with.snapshot_every = Millis(0);
  World world(std::move(with));
  world.send({World::message("anna", kBegin + 1, "BUSY", "IDLE")});
  EXPECT_THAT(world.sent, IsEmpty());
  EXPECT_EQ(world.verdicts.at(0).events.at(0).error_class, "template");
  EXPECT_EQ(world.verdicts.at(0).events.at(0).verdict, Verdict::rejected);
}

TEST(AdherenceSink, a_host_never_comes_from_an_event) {
  AdherenceOptions with = options();
  with.url = "https://{{event.agent}}/x";
  std::vector<FakeSender::Sent> sent;
  std::map<std::string, std::string> kept;
  base::ManualClock clock;
  base::ManualLoop loop{clock};
  AdherenceSink::Parts parts{*wfm::CodeTable::parse("code\nA\n", "B"),
                             std::make_unique<Kept>(kept),
                             std::make_unique<FakeSender>(sent),
                             {},
                             nullptr};
  EXPECT_FALSE(AdherenceSink::make(std::move(with), std::move(parts), loop).ok());
}

}  // namespace
}  // namespace trunkline::sinks
