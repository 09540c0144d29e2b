#include "demo/receiver.hpp"

#include <gtest/gtest.h>

#include <filesystem>

namespace trunkline::demo {
namespace {

using std::chrono::seconds;

const base::MonoTime kStart{std::chrono::hours(1)};

class ReceiverTest : public ::testing::Test {
 protected:
  ReceiverTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "trunkline-receiver-XXXXXX").string();
    directory = ::mkdtemp(pattern.data());
  }
  ~ReceiverTest() override { std::filesystem::remove_all(directory); }

  std::unique_ptr<Receiver> make(Kind kind) {
    auto made = Receiver::make(loop, {"it", kind, {sim::LaneKind::agent, {"agent"}}}, directory);
    EXPECT_TRUE(made.ok());
    return std::move(*made);
  }
  static void accept(Receiver& receiver, std::uint64_t sequence, std::string_view topic = "v2.users.u.presence") {
    sim::AcceptedLine line;
    line.verdict = "accepted";
    line.sequence = sequence;
    line.topic = topic;
    receiver.add_accepted(line, kStart);
  }

  std::string directory;
  net::IoLoop loop{"test"};
};

TEST_F(ReceiverTest, a_board_is_held_against_the_senders_ledger_by_the_hubs_count) {
  const auto board = make(Kind::board);
  for (const std::uint64_t sequence : {1, 2, 3}) accept(*board, sequence);
  accept(*board, 4, "v2.detail.events.conversation.c.customer.start");
  board->hub_says({false, 0, {}}, kStart);
  EXPECT_EQ(board->counts().delivered, 0u);
  board->hub_says({false, 2, {}}, kStart + seconds(1));
  EXPECT_EQ(board->counts().routed, 3u);
  EXPECT_EQ(board->counts().delivered, 2u);
  EXPECT_EQ(board->missing(), 1u);
  EXPECT_FALSE(board->emptied());
  const auto outcome = board->verify("unused");
  ASSERT_TRUE(outcome.ok());
  EXPECT_FALSE(outcome->holds());
  EXPECT_EQ(outcome->report.count(sim::Offence::lost), 1u);
}

TEST_F(ReceiverTest, a_board_has_lost_what_the_hub_does_not_count_and_has_no_more) {
  const auto board = make(Kind::board);
  accept(*board, 1);
  accept(*board, 2);
  board->hub_says({true, 1, {}}, kStart);
  EXPECT_EQ(board->counts().lost, 0u) << "the figure may be from before the event";
  board->hub_says({true, 1, {}}, kStart + seconds(4));
  EXPECT_EQ(board->counts().lost, 1u);
  board->hub_says({true, 2, {}}, kStart + seconds(5));
  EXPECT_EQ(board->counts().lost, 0u);
  EXPECT_EQ(board->missing(), 0u);
  EXPECT_TRUE(board->verify("unused")->holds());
}

TEST_F(ReceiverTest, only_a_downstream_with_a_listener_can_be_broken) {
  const auto hook = make(Kind::hook);
  EXPECT_EQ(hook->mode(), "ok");
  EXPECT_FALSE(hook->set_mode("nonsense").ok());
  EXPECT_FALSE(hook->was_broken());
  EXPECT_TRUE(hook->set_mode("slow").ok());
  EXPECT_EQ(hook->mode(), "slow");
  EXPECT_TRUE(hook->was_broken());
  const auto pulled = make(Kind::pulled);
  EXPECT_FALSE(pulled->breakable());
  EXPECT_FALSE(pulled->set_mode("503").ok());
}

TEST_F(ReceiverTest, repeats_are_a_failure_unless_it_was_broken_and_losses_always_are) {
  Outcome outcome{"it", {}, false};
  EXPECT_TRUE(outcome.holds());
  outcome.report.offences[static_cast<std::size_t>(sim::Offence::foreign)] = 1;
  EXPECT_TRUE(outcome.holds()) << "somebody else's event";
  outcome.report.offences[static_cast<std::size_t>(sim::Offence::repeated)] = 1;
  EXPECT_FALSE(outcome.holds());
  outcome.repeats_allowed = true;
  EXPECT_TRUE(outcome.holds());
  outcome.report.offences[static_cast<std::size_t>(sim::Offence::out_of_order)] = 1;
  EXPECT_FALSE(outcome.holds());
}

}  // namespace
}  // namespace trunkline::demo
