#include "api/why.hpp"

#include <gtest/gtest.h>

#include "json/document.hpp"

// The sentences of `trunkline why`, each for what an operator has to do next.
namespace trunkline::api {
namespace {

base::WallTime at(std::int64_t seconds) {
  return base::WallTime(std::chrono::seconds(1'800'000'000 + seconds));
}

engine::Record record() {
  engine::Record made;
  made.sequence = {17};
  made.accepted_at = at(0);
  made.policy_version = {3};
  made.event.envelope_id = "e";
  made.event.envelope_identity = base::hash128("e");
  return made;
}

std::string say(WhyConsumer consumer) {
  consumer.name = "crm";
  return sentence(consumer, record());
}
WhyConsumer in(WhyState state) {
  WhyConsumer consumer;
  consumer.state = state;
  return consumer;
}

TEST(WhySentence, of_a_delivery_says_when_and_how_long_it_took) {
  WhyConsumer consumer = in(WhyState::delivered);
  EXPECT_EQ(say(consumer), "delivered; when is not on record");
  consumer.delivered_at = {at(3 * 3'600)};
  EXPECT_EQ(say(consumer), "delivered 2027-01-15T11:00:00.000Z, 3 h 0 min after it was accepted");
  consumer.delivered_at.push_back(at(4 * 3'600));
  consumer.failures.resize(10);
  EXPECT_EQ(
      say(consumer),
      "delivered 2027-01-15T11:00:00.000Z, 3 h 0 min after it was accepted, and again 2027-01-15T12:00:00.000Z (a "
      "crash, a redrive or a replay repeats a delivery), behind more than 10 failed tries");
}

TEST(WhySentence, of_an_event_that_waits_names_what_holds_it) {
  WhyConsumer consumer = in(WhyState::waiting);
  EXPECT_EQ(say(consumer), "waits its turn: it is the next of its lane");
  consumer.before = 1;
  EXPECT_EQ(say(consumer), "waits its turn: 1 event of its lane goes first");
  consumer.breaker = delivery::BreakerState::open;
  consumer.breaker_since = at(0);
  consumer.last_error = "http_503";
  EXPECT_EQ(say(consumer),
            "waits: its downstream is unavailable since 2027-01-15T08:00:00.000Z (http_503); it is probed until it "
            "answers, and no attempt of this event is spent meanwhile");
  consumer.paused = true;
  EXPECT_EQ(say(consumer), "waits: the consumer is paused: `trunkline resume crm` lets it go on");
  WhyConsumer far = in(WhyState::unscanned);
  far.before = 5;
  EXPECT_EQ(say(far), "waits: the queue has 5 events of the log before it");
}

TEST(WhySentence, of_an_event_in_its_window_says_until_when_and_of_a_late_one_that_it_is) {
  WhyConsumer consumer = in(WhyState::in_window);
  consumer.until = at(60);
  EXPECT_EQ(say(consumer),
            "waits in its event-time window until 2027-01-15T08:01:00.000Z, for what may still come before it");
  consumer.before = 2;
  EXPECT_NE(say(consumer).find("; 2 events of its lane go first"), std::string::npos);
  WhyConsumer late = in(WhyState::waiting);
  late.late = true;
  EXPECT_EQ(say(late),
            "came after its event-time window, behind later ones; waits its turn: it is the next of its lane");
}

TEST(WhySentence, of_a_blocked_event_names_the_one_in_front) {
  WhyConsumer consumer = in(WhyState::blocked);
  consumer.head = 4;
  consumer.before = 10'000;
  consumer.before_complete = false;
  consumer.head_state = "backing_off";
  consumer.error_class = "timeout";
  consumer.until = at(60);
  EXPECT_EQ(say(consumer),
            "waits behind event 4, which has failed (timeout) and is tried again at "
            "2027-01-15T08:01:00.000Z; more than 10000 events of its lane go first");
  consumer.head_state = "parked";
  consumer.attempts = 1;
  consumer.error_detail = "no such case";
  EXPECT_NE(
      say(consumer).find("parked after 1 attempt (timeout: no such case): `trunkline dlq redrive crm --sequence 4`"),
      std::string::npos)
      << say(consumer);
}

TEST(WhySentence, of_identity_tells_stored_repeated_and_conflict_apart) {
  WhyEvent event{std::make_shared<engine::Record>(record())};
  EXPECT_EQ(identity_sentence(event), "stored: neither its envelope id nor its content was known");
  event.repeats = WhyEvent::Repeats{2, at(1), at(60), "e"};
  EXPECT_EQ(identity_sentence(event),
            "stored: neither its envelope id nor its content was known; it came again 2 times, "
            "the last at 2027-01-15T08:01:00.000Z, equal, and was suppressed");
  engine::Record other = record();
  other.conflict = true;
  EXPECT_NE(identity_sentence({std::make_shared<engine::Record>(other)}).find("marked `conflict`"), std::string::npos);
  other = record();
  other.event.envelope_identity.reset();
  EXPECT_NE(identity_sentence({std::make_shared<engine::Record>(other)}).find("nothing is known to repeat it"),
            std::string::npos);
}

TEST(WhyJson, is_json_whatever_a_downstream_has_said) {
  WhyReport report;
  report.asked = "\"\n\xFF";
  report.as = "envelope_id";
  WhyConsumer consumer = in(WhyState::parked);
  consumer.error_detail = "\x01\"<script>";
  report.events.push_back({std::make_shared<engine::Record>(record()), std::nullopt, {consumer}});
  report.quarantined.push_back({5, at(0), "genesys", "text/plain", "not_json", "at byte \"0\"", {}});
  json::Document document;
  const std::string text = why_json(report);
  const auto root = document.parse(text);
  ASSERT_TRUE(root.ok()) << text;
  EXPECT_EQ(root->find("events")->first()->find("consumers")->first()->string_at("state"), "parked");
  EXPECT_EQ(root->find("events")->first()->find("consumers")->first()->find("lane")->string_at("error_detail"),
            "\x01\"<script>");
}

}  // namespace
}  // namespace trunkline::api
