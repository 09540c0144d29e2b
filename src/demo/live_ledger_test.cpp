#include "demo/live_ledger.hpp"

#include <gtest/gtest.h>

namespace trunkline::demo {
namespace {

using std::chrono::seconds;

constexpr std::string_view kCall = "v2.detail.events.conversation.c.customer.start";
const base::MonoTime kStart{std::chrono::hours(1)};

class LiveLedgerTest : public ::testing::Test {
 protected:
  void accept(std::uint64_t sequence, std::string_view conversation, std::string_view topic = kCall,
              std::string_view verdict = "accepted", base::MonoTime at = kStart) {
    sim::AcceptedLine line;
    line.verdict = verdict;
    line.sequence = sequence;
    line.org = "org";
    line.conversation = conversation;
    line.topic = topic;
    ledger.add_accepted(line, at);
  }
  void deliver(std::uint64_t sequence) {
    sim::DeliveredLine line;
    line.sequence = sequence;
    ledger.add_delivered(line);
  }
  LiveLedger ledger{{sim::LaneKind::conversation, {"conversation"}}};
};

TEST_F(LiveLedgerTest, counts_what_was_promised_and_what_arrived) {
  accept(1, "a");
  accept(2, "b");
  deliver(2);
  EXPECT_EQ(ledger.counts().routed, 2u);
  EXPECT_EQ(ledger.counts().delivered, 1u);
  EXPECT_EQ(ledger.missing(), 1u);
}

TEST_F(LiveLedgerTest, leaves_out_what_is_not_meant_for_the_receiver_and_what_was_not_stored_again) {
  accept(1, "", "v2.users.u.presence");
  accept(2, "a", kCall, "duplicate");
  accept(3, "a", kCall, "quarantined");
  EXPECT_EQ(ledger.counts().routed, 0u);
}

TEST_F(LiveLedgerTest, sees_a_lane_out_of_order_and_only_that_lane) {
  for (const std::uint64_t sequence : {1, 2}) accept(sequence, "a");
  accept(3, "b");
  accept(4, "a");
  for (const std::uint64_t sequence : {3, 2, 1, 4}) deliver(sequence);
  EXPECT_EQ(ledger.counts().out_of_order, 1u);
}

TEST_F(LiveLedgerTest, takes_deliveries_that_are_read_before_their_promise) {
  deliver(1);
  accept(2, "a");
  deliver(2);
  accept(1, "a");
  EXPECT_EQ(ledger.counts().delivered, 2u);
  EXPECT_EQ(ledger.counts().out_of_order, 0u);
  EXPECT_EQ(ledger.missing(), 0u);
  deliver(4);
  accept(3, "a");
  deliver(3);
  accept(4, "a");
  EXPECT_EQ(ledger.counts().out_of_order, 1u);
}

TEST_F(LiveLedgerTest, counts_a_repeat_once_each_time_and_not_as_a_delivery) {
  accept(1, "a");
  deliver(1);
  deliver(1);
  deliver(1);
  EXPECT_EQ(ledger.counts().delivered, 1u);
  EXPECT_EQ(ledger.counts().repeated, 2u);
}

TEST_F(LiveLedgerTest, calls_lost_what_the_hub_believes_delivered_and_takes_it_back_when_it_arrives) {
  accept(1, "a", kCall, "accepted", kStart);
  accept(2, "b", kCall, "accepted", kStart + seconds(5));
  ledger.settled_before(kStart);
  EXPECT_EQ(ledger.counts().lost, 0u);
  ledger.settled_before(kStart + seconds(1));
  EXPECT_EQ(ledger.counts().lost, 1u);
  deliver(1);
  ledger.settled_before(kStart + seconds(1));
  EXPECT_EQ(ledger.counts().lost, 0u);
}

TEST_F(LiveLedgerTest, stops_following_beyond_its_bound) {
  accept(LiveLedger::kSequencesMax, "a");
  EXPECT_FALSE(ledger.follows());
}

}  // namespace
}  // namespace trunkline::demo
