#include "sinks/kafka_sink.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/manual_loop.hpp"
#include "sinks/bulk_document.hpp"
#include "sinks/kafka_verdict.hpp"

namespace trunkline::sinks {
namespace {

using base::Millis;
using base::WallTime;
using delivery::BatchVerdict;
using delivery::Verdict;
using kafka::Failure;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::SizeIs;

struct FakeCluster final : MessageSender {
  struct Sent {
    std::vector<kafka::Message> messages;
    kafka::Producer::Callback done;
  };
  FakeCluster(std::vector<Sent>& to, kafka::Producer::Look found) : sent(to), look_finds(std::move(found)) {}
  void produce(std::vector<kafka::Message> messages, kafka::Producer::Callback done) override {
    sent.push_back({std::move(messages), std::move(done)});
  }
  void look(base::UniqueFunction<void(kafka::Producer::Look)> done) override { done(look_finds); }
  std::vector<Sent>& sent;
  kafka::Producer::Look look_finds;
};

class KafkaSinkTest : public testing::Test {
 protected:
  KafkaSinkTest() {
    options_.target = "kafka://a:9092/events";
    options_.topic = "events";
    options_.secrets = {"hush"};
    record_.sequence = {42};
    record_.accepted_at = WallTime(Millis(1'772'460'000'007));
    event::Event& event = record_.event;
    event.category = "conversation";
    event.topic_name = "v2.detail.events.conversation.c1.acw";
    event.event_type = "v2.detail.events.conversation.{id}.acw";
    event.org_id = "o";
    event.conversation_id = "c1";
    event.business_time = WallTime(Millis(1'772'459'999'120));
    event.envelope_identity = base::hash128("o e-1");
  }
  std::unique_ptr<KafkaSink> make() {
    const auto renderer = [](const engine::Record& record) {
      return fmt::format(R"({{"enriched":{}}})", record.sequence.value);
    };
    auto sink = KafkaSink::make(options_, renderer, std::make_unique<FakeCluster>(sent_, found_));
    EXPECT_TRUE(sink.ok()) << sink.error().detail;
    return std::move(*sink);
  }
  engine::LeasedMessage message() const { return {std::make_shared<engine::Record>(record_), 0, 1, {}, false}; }
  base::Result<std::string> probed() {
    std::optional<base::Result<std::string>> said;
    make()->probe([&](base::Result<std::string> result) { said = std::move(result); });
    return *said;
  }

  KafkaOptions options_;
  engine::Record record_;
  kafka::Producer::Look found_ = kafka::Found{3, 12};
  std::vector<FakeCluster::Sent> sent_;
};

TEST_F(KafkaSinkTest, a_record_has_its_lane_as_key_the_event_and_headers) {
  options_.order = event::Order::conversation;
  auto one = message();
  one.gap_before = base::Sequence{41};
  one.late = true;
  delivery::Batch batch{"stream", 1, 1, {one}, {7}, "m-1"};
  make()->send(std::move(batch), [](const BatchVerdict&) {});
  ASSERT_THAT(sent_.at(0).messages, SizeIs(1));
  const kafka::Message& sent = sent_[0].messages[0];
  EXPECT_EQ(sent.key, "conversation/o/c1");
  EXPECT_EQ(sent.value, R"({"enriched":42})");
  EXPECT_EQ(sent.lane, 7u);
  EXPECT_THAT(
      sent.headers,
      ElementsAre(Pair("trunkline-id", document_id(record_)), Pair("trunkline-sequence", "42"),
                  Pair("trunkline-consumer", "stream"), Pair("trunkline-occurred-at", "2026-03-02T13:59:59.120Z"),
                  Pair("trunkline-gap-before", "41"), Pair("trunkline-late", "true"), Pair("trunkline-mapping", "m-1"),
                  Pair("eventType", "v2.detail.events.conversation.{id}.acw"), Pair("eventCategory", "conversation"),
                  Pair("orgId", "o"), Pair("conversationId", "c1")));
}

TEST_F(KafkaSinkTest, a_consumer_without_order_has_no_keys_and_no_lanes) {
  make()->send({"stream", 1, 1, {message()}}, [](const BatchVerdict&) {});
  EXPECT_EQ(sent_.at(0).messages[0].key, "");
  EXPECT_EQ(sent_[0].messages[0].lane, kafka::kNoLane);
}

TEST_F(KafkaSinkTest, reports_become_verdicts_even_when_the_sink_has_gone) {
  BatchVerdict said;
  make()->send({"stream", 1, 1, {message(), message()}}, [&](BatchVerdict verdict) { said = std::move(verdict); });
  sent_.at(0).done({std::nullopt, Failure{Failure::Kind::unreachable, "_PURGE_QUEUE", "hush is late"}});
  EXPECT_EQ(said.events.at(0).verdict, Verdict::delivered);
  EXPECT_EQ(said.events.at(1).verdict, Verdict::unavailable);
  EXPECT_EQ(said.events[1].error_class, "kafka__purge_queue");
  EXPECT_EQ(said.events[1].detail, "*** is late");
}

TEST(KafkaVerdict, each_kind_of_failure_has_its_meaning) {
  const auto of = [](Failure::Kind kind) { return kafka_verdict({Failure{kind, "X", "why"}}).events.at(0); };
  EXPECT_EQ(of(Failure::Kind::full).verdict, Verdict::retry);
  EXPECT_EQ(of(Failure::Kind::full).after, Millis(1'000));
  EXPECT_EQ(of(Failure::Kind::behind).verdict, Verdict::retry);
  EXPECT_EQ(of(Failure::Kind::message).verdict, Verdict::rejected);
  EXPECT_EQ(of(Failure::Kind::unreachable).verdict, Verdict::unavailable);
  EXPECT_EQ(of(Failure::Kind::setting).verdict, Verdict::unavailable);
}

TEST(KafkaVerdict, several_that_a_broker_refuses_together_are_halved_and_one_is_named) {
  const Failure bad{Failure::Kind::message, "INVALID_RECORD", "why"};
  const auto together = kafka_verdict({std::nullopt, bad, bad});
  EXPECT_TRUE(together.refused);
  EXPECT_THAT(together.events, SizeIs(1));
  EXPECT_EQ(together.events[0].error_class, "kafka_invalid_record");
  const auto one = kafka_verdict({std::nullopt, bad, std::nullopt});
  EXPECT_FALSE(one.refused);
  EXPECT_EQ(one.events.at(1).verdict, Verdict::rejected);
}

TEST_F(KafkaSinkTest, a_probe_says_what_was_found_and_what_to_do) {
  EXPECT_EQ(*probed(), "kafka://a:9092/events has 3 brokers, the topic 12 partitions");
  found_ = kafka::Found{1, {}};
  EXPECT_THAT(probed().error().detail, HasSubstr("no topic 'events' that this user sees; make it"));
  found_ = Failure{Failure::Kind::unreachable, "_TRANSPORT", "hush"};
  EXPECT_THAT(probed().error().detail, HasSubstr("***; look whether the brokers run"));
}

TEST(ShadowMessages, are_kept_and_not_sent) {
  base::ManualClock clock;
  base::ManualLoop loop(clock);
  auto log = std::make_shared<ShadowLog>(clock.wall());
  ShadowMessageSender sender(loop, log, "kafka://a");
  kafka::Message message;
  message.key = "k";
  message.value = "v";
  std::optional<kafka::Producer::Outcome> said;
  sender.produce({message, message}, [&](kafka::Producer::Outcome outcome) { said = std::move(outcome); });
  EXPECT_FALSE(said);
  loop.run();
  EXPECT_THAT(*said, ElementsAre(std::nullopt, std::nullopt));
  ASSERT_THAT(log->newest(), SizeIs(2));
  EXPECT_EQ(log->newest()[0].body, "v");
  EXPECT_THAT(log->newest()[0].headers, Contains(Pair("key", "k")));
}

TEST_F(KafkaSinkTest, a_topic_s_name_is_checked) {
  for (const char* bad : {"", "a b", "a/b", "\xC3\xA9"}) {
    options_.topic = bad;
    EXPECT_FALSE(validate(options_).ok()) << bad;
  }
  options_.topic = "Genesys.events_v2-x";
  EXPECT_TRUE(validate(options_).ok());
}

}  // namespace
}  // namespace trunkline::sinks
