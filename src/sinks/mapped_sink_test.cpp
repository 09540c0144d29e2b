#include "sinks/mapped_sink.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "base/manual_loop.hpp"
#include "mapping/conceal.hpp"

namespace trunkline::sinks {
namespace {

using delivery::BatchVerdict;
using delivery::Verdict;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kNumber = "tel:+15555550100";

// Keeps what it is sent, and answers as it is told.
class RecordingSink final : public delivery::Sink {
 public:
  explicit RecordingSink(std::vector<delivery::Batch>& sent, BatchVerdict& answer) : sent_(sent), answer_(answer) {}
  delivery::SinkLimits limits() const override { return {7, 99}; }
  void send(delivery::Batch batch, base::UniqueFunction<void(BatchVerdict)> done) override {
    sent_.push_back(std::move(batch));
    done(answer_);
  }

 private:
  std::vector<delivery::Batch>& sent_;
  BatchVerdict& answer_;
};

class MappedSinkTest : public testing::Test {
 protected:
  static MappedSinkOptions::MappingPtr mapping(std::vector<std::string> items, bool protect = false) {
    auto compiled = mapping::Mapping::compile({protect, std::move(items), "key"});
    return std::get<MappedSinkOptions::MappingPtr>(std::move(compiled));
  }
  static engine::LeasedMessage message(std::uint64_t sequence, const std::string& body) {
    const auto record = std::make_shared<engine::Record>();
    record->sequence = {sequence};
    record->event.raw = R"({"detail":{"topicName":"t.c1.x","eventBody":)" + body + "}}";
    record->event.topic_name = "t.c1.x";
    record->event.conversation_id = "c1";
    engine::LeasedMessage leased;
    leased.record = record;
    return leased;
  }
  BatchVerdict send(const MappedSinkOptions& options, std::vector<engine::LeasedMessage> messages) {
    MappedSink sink(std::make_unique<RecordingSink>(sent_, answer_), options, loop_);
    std::optional<BatchVerdict> verdict;
    delivery::Batch batch;
    batch.messages = std::move(messages);
    sink.send(std::move(batch), [&](BatchVerdict each) { verdict = std::move(each); });
    loop_.run();
    EXPECT_TRUE(verdict.has_value());
    return verdict.value_or(BatchVerdict());
  }
  static BatchVerdict rejected(std::string detail) {
    return {false, {{Verdict::rejected, {}, "http_400", std::move(detail)}}, {}};
  }

  base::ManualClock clock_;
  base::ManualLoop loop_{clock_};
  std::vector<delivery::Batch> sent_;
  BatchVerdict answer_{false, {{}}, {}};
};

TEST_F(MappedSinkTest, gives_the_inner_sink_mapped_events_and_their_version) {
  const auto rules = mapping({R"({"mask":"ani"})"});
  send({rules, {}, {}}, {message(1, R"({"ani":"tel:+15555550100"})")});
  ASSERT_EQ(sent_.size(), 1u);
  EXPECT_THAT(sent_[0].messages[0].record->event.raw, HasSubstr("************0100"));
  EXPECT_THAT(sent_[0].messages[0].record->event.raw, Not(HasSubstr(std::string(kNumber))));
  EXPECT_EQ(sent_[0].mapping, rules->version());
}

TEST_F(MappedSinkTest, conceals_an_id_wherever_the_event_repeats_it) {
  send({mapping({R"({"hash":"conversationId"})"}), {}, {}}, {message(1, R"({"conversationId":"c1"})")});
  const event::Event& event = sent_[0].messages[0].record->event;
  EXPECT_EQ(event.conversation_id, mapping::hashed("key", "c1"));
  EXPECT_EQ(event.topic_name, "t." + mapping::hashed("key", "c1") + ".x");
}

TEST_F(MappedSinkTest, rejects_alone_what_cannot_be_mapped_and_sends_nothing) {
  const BatchVerdict verdict = send({mapping({R"({"constant":{"a.b":1}})"}), {}, {}}, {message(1, R"({"a":5})")});
  EXPECT_TRUE(sent_.empty());
  ASSERT_EQ(verdict.events.size(), 1u);
  EXPECT_FALSE(verdict.refused);
  EXPECT_EQ(verdict.events[0].verdict, Verdict::rejected);
  EXPECT_EQ(verdict.events[0].error_class, "mapping");
}

TEST_F(MappedSinkTest, names_the_event_of_a_batch_that_cannot_be_mapped) {
  const BatchVerdict verdict = send({mapping({R"({"constant":{"a.b":1}})"}), {}, {}},
                                    {message(1, "{}"), message(2, R"({"a":5})"), message(3, "{}")});
  EXPECT_TRUE(sent_.empty());
  EXPECT_TRUE(verdict.refused);
  EXPECT_EQ(verdict.suspect, 1u);
}

TEST_F(MappedSinkTest, scrubs_what_the_downstream_repeats_for_operators_who_may_not_see_it) {
  answer_ = rejected(R"(bad: {"ani":"tel:+15555550100"})");
  const auto views = mapping({}, true);
  const BatchVerdict verdict =
      send({nullptr, [&] { return views; }, {}}, {message(1, R"({"ani":"tel:+15555550100"})")});
  EXPECT_THAT(sent_[0].messages[0].record->event.raw, HasSubstr(std::string(kNumber)));
  EXPECT_EQ(verdict.events[0].detail, R"(bad: {"ani":"************0100"})");
}

TEST_F(MappedSinkTest, knows_that_an_answer_was_cut_when_a_first_mapping_has_made_it_shorter) {
  const std::string said = std::string(1'000, 'x') + " key-of-the-event tel:+1555";
  answer_ = rejected(said.substr(0, 1'024));
  const auto views = mapping({}, true);
  const auto own = mapping({R"({"hash":"key"})", R"({"keep":"ani"})"});
  const BatchVerdict verdict = send(
      {own, [&] { return views; }, {}},
      {message(1, R"({"key":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","ani":"tel:+15555550100"})")});
  EXPECT_THAT(verdict.events[0].detail, Not(HasSubstr("tel:+")));
  EXPECT_THAT(verdict.events[0].detail, HasSubstr("key-of-the-event"));
}

TEST_F(MappedSinkTest, leaves_what_the_hub_itself_says_of_a_connection) {
  answer_ = {false, {{Verdict::unavailable, {}, "connect", "tel:+15555550100 refused"}}, {}};
  const auto views = mapping({}, true);
  EXPECT_EQ(send({nullptr, [&] { return views; }, {}}, {message(1, R"({"ani":"tel:+15555550100"})")}).events[0].detail,
            "tel:+15555550100 refused");
}

TEST_F(MappedSinkTest, withholds_an_answer_to_more_events_than_it_looks_through) {
  answer_ = rejected("who knows");
  const auto views = mapping({}, true);
  std::vector<engine::LeasedMessage> many;
  for (std::uint64_t i = 1; i <= 201; ++i) many.push_back(message(i, "{}"));
  EXPECT_EQ(send({nullptr, [&] { return views; }, {}}, many).events[0].detail, mapping::kWithheld);
}

TEST_F(MappedSinkTest, has_the_limits_of_the_inner_sink) {
  const MappedSink sink(std::make_unique<RecordingSink>(sent_, answer_), {mapping({}, true), {}, {}}, loop_);
  EXPECT_EQ(sink.limits().max_batch_messages, 7u);
  EXPECT_EQ(sink.limits().max_batch_bytes, 99u);
}

}  // namespace
}  // namespace trunkline::sinks
