#include <gtest/gtest.h>

#include "queue/embedded_fixture.hpp"

namespace trunkline::queue {
namespace {

using engine::PublishVerdict;
using engine::contract::Ids;
using engine::contract::make_event;

class IdentityWindow : public Contract {
 protected:
  void SetUp() override {
    EmbeddedOptions options;
    options.committer.identity_window = std::chrono::hours(24);
    fixture_ = std::make_unique<EmbeddedFixture>(options, nullptr, &clock_);
  }
  MovableClock clock_;
};

TEST_F(IdentityWindow, a_repeat_is_a_duplicate_within_the_window_and_a_new_event_after_it) {
  const base::QueueId queue = declare(spec("q", event::Order::none));
  const std::uint64_t first = publish(make_event("a", "c"), {queue}).sequence;
  clock_.advance(std::chrono::hours(23));
  for (int opened = 0; opened < 2; ++opened) {
    const engine::PublishResult repeat = publish(make_event("a", "c"), {queue});
    EXPECT_EQ(repeat.verdict, PublishVerdict::duplicate);
    EXPECT_EQ(repeat.sequence, first);
    fixture_->reopen();
    ASSERT_EQ(declare(spec("q", event::Order::none)), queue);
  }
  clock_.advance(std::chrono::hours(2));
  const engine::PublishResult late = publish(make_event("a", "c"), {queue});
  EXPECT_EQ(late.verdict, PublishVerdict::accepted);
  EXPECT_GT(late.sequence, first);
  EXPECT_EQ(publish(make_event("a", "c"), {queue}).sequence, late.sequence) << "the window begins anew";
  EXPECT_EQ(ids(receive(queue, 10)), (Ids{"a", "a"}));
}

// An identity that has left the window is dropped by compaction; one that is in it never is.
TEST_F(IdentityWindow, compaction_drops_what_has_left_the_window_and_nothing_else) {
  const base::QueueId queue = declare(spec("q", event::Order::none));
  publish(make_event("old", "c"), {queue});
  clock_.advance(std::chrono::hours(20));
  const std::uint64_t young = publish(make_event("young", "c"), {queue}).sequence;
  clock_.advance(std::chrono::hours(5));
  EmbeddedEngine& embedded = static_cast<EmbeddedFixture&>(*fixture_).embedded();
  ASSERT_TRUE(embedded.store().compact().ok());
  EXPECT_EQ(publish(make_event("old", "c"), {queue}).verdict, PublishVerdict::accepted);
  const engine::PublishResult repeat = publish(make_event("young", "c"), {queue});
  EXPECT_EQ(repeat.verdict, PublishVerdict::duplicate);
  EXPECT_EQ(repeat.sequence, young);
}

TEST_F(IdentityWindow, a_sent_message_has_a_twin_for_five_minutes_only) {
  const base::QueueId queue = declare(spec("sqs/q", event::Order::none));
  const auto send = [&] {
    return publish_items({engine::PublishEntry{make_event("a", "c"), "sqs/q", {queue}, {1}}}).at(0);
  };
  const std::uint64_t first = send().sequence;
  clock_.advance(std::chrono::minutes(4));
  EXPECT_EQ(send().sequence, first);
  fixture_->reopen();
  ASSERT_EQ(declare(spec("sqs/q", event::Order::none)), queue);
  EXPECT_EQ(send().verdict, PublishVerdict::duplicate) << "a reopen forgets nothing";
  clock_.advance(std::chrono::minutes(2));
  const engine::PublishResult late = send();
  EXPECT_EQ(late.verdict, PublishVerdict::accepted) << "no conflict either";
  EXPECT_EQ(send().sequence, late.sequence) << "the newer one is the twin";
}

}  // namespace
}  // namespace trunkline::queue
