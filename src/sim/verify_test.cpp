#include "sim/verify.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <deque>
#include <filesystem>
#include <fstream>

#include "sim/cli.hpp"

namespace trunkline::sim {
namespace {

// Twenty events of four conversations, sequence 1 to 20, all delivered once and in order.
class World20 {
 public:
  explicit World20(VerifyRules rules = {}) : rules_(std::move(rules)) {
    for (std::uint64_t sequence = 1; sequence <= 20; ++sequence) {
      conversations_.push_back("conversation-" + std::to_string(sequence % 4));
      hashes_.push_back(base::hash128("event " + std::to_string(sequence)));
      promise(sequence, "accepted", hashes_.back());
      deliver(sequence);
    }
  }
  void promise(std::uint64_t sequence, std::string_view verdict, const base::Hash128& hash, bool malformed = false) {
    AcceptedLine line;
    line.verdict = verdict;
    line.sequence = sequence;
    line.org = "org";
    line.topic = sequence % 5 == 0 ? "v2.users.u.presence" : "v2.detail.events.conversation.c.acw";
    if (sequence > 0 && sequence <= conversations_.size()) line.conversation = conversations_[sequence - 1];
    line.hash = hash;
    line.malformed = malformed;
    promised.push_back(line);
  }
  void deliver(std::uint64_t sequence) {
    DeliveredLine line;
    line.arrival = ++tick_;
    line.answered = ++tick_;
    line.sequence = sequence;
    line.hash = sequence <= hashes_.size() ? hashes_[sequence - 1] : base::hash128("stranger");
    delivered.push_back(line);
  }
  VerifyReport verify() {
    Verifier verifier(rules_);
    for (const AcceptedLine& line : promised) verifier.add_accepted(line);
    verifier.finish_accepted();
    for (const DeliveredLine& line : delivered) verifier.add_delivered(line);
    return verifier.finish();
  }
  const base::Hash128& hash(std::uint64_t sequence) const { return hashes_[sequence - 1]; }

  std::vector<AcceptedLine> promised;
  std::vector<DeliveredLine> delivered;

 private:
  VerifyRules rules_;
  std::deque<std::string> conversations_;  // lines hold views into it
  std::vector<base::Hash128> hashes_;
  std::uint64_t tick_ = 0;
};

// Exactly this offence, once.
void expect_only(const VerifyReport& report, Offence offence) {
  EXPECT_FALSE(report.holds);
  for (std::size_t i = 0; i < kOffences; ++i) {
    const auto other = static_cast<Offence>(i);
    EXPECT_EQ(report.count(other), other == offence ? 1u : 0u) << name(other);
  }
  ASSERT_EQ(report.offenders.size(), 1u);
  EXPECT_EQ(report.offenders[0].offence, offence);
}

TEST(CategoryOf, is_the_family_that_topics_tsv_gives) {
  EXPECT_EQ(category_of("v2.users.u.conversationsummary"), "agent");
  EXPECT_EQ(category_of("v2.users.u.conversations.calls"), "conversation");
  EXPECT_EQ(category_of("v2.users.u.workforcemanagement.adherence"), "wfm");
  EXPECT_EQ(category_of("v2.users.u.presence"), "agent");
  EXPECT_EQ(category_of("v2.analytics.queues.q.observations"), "queue");
  EXPECT_EQ(category_of("v2.analytics.conversation.c.metrics"), "analytics");
  EXPECT_EQ(category_of("v2.routing.queues.q.users"), "queue");
  EXPECT_EQ(category_of("v3.new"), "unknown");
}

TEST(Verifier, holds_when_everything_came_once_in_order_and_unchanged) {
  World20 world;
  const VerifyReport report = world.verify();
  EXPECT_TRUE(report.holds);
  EXPECT_EQ(report.stored, 20u);
  EXPECT_EQ(report.delivered, 20u);
  EXPECT_EQ(report.lanes, 4u);
}

TEST(Verifier, finds_a_lost_event) {
  World20 world;
  world.delivered.erase(world.delivered.begin() + 6);
  const VerifyReport report = world.verify();
  expect_only(report, Offence::lost);
  EXPECT_EQ(report.offenders[0].sequence, 7u);
}

TEST(Verifier, finds_a_repeat_and_lets_it_pass_when_allowed) {
  World20 world;
  world.deliver(3);
  expect_only(world.verify(), Offence::repeated);
  World20 allowed({.repeats_allowed = true});
  allowed.deliver(3);
  EXPECT_TRUE(allowed.verify().holds);
}

TEST(Verifier, finds_a_swapped_pair_of_one_lane_but_not_of_two) {
  World20 same_lane;
  std::swap(same_lane.delivered[4].sequence, same_lane.delivered[8].sequence);
  std::swap(same_lane.delivered[4].hash, same_lane.delivered[8].hash);
  expect_only(same_lane.verify(), Offence::out_of_order);
  World20 two_lanes;
  std::swap(two_lanes.delivered[4].sequence, two_lanes.delivered[5].sequence);
  std::swap(two_lanes.delivered[4].hash, two_lanes.delivered[5].hash);
  EXPECT_TRUE(two_lanes.verify().holds);
}

TEST(Verifier, finds_a_flipped_byte) {
  World20 world;
  world.delivered[10].hash[3] = static_cast<char>(world.delivered[10].hash[3] ^ 1);
  expect_only(world.verify(), Offence::changed);
}

TEST(Verifier, finds_a_foreign_event) {
  World20 world;
  world.deliver(99);
  expect_only(world.verify(), Offence::foreign);
}

TEST(Verifier, finds_two_events_of_a_lane_under_way_at_the_same_time) {
  World20 world;
  world.delivered[4].answered = world.delivered[8].arrival + 1;  // 9 follows 5 in its lane
  expect_only(world.verify(), Offence::overlapping);
  World20 one_request;
  one_request.delivered[8].arrival = one_request.delivered[4].arrival;
  EXPECT_TRUE(one_request.verify().holds);
}

TEST(Verifier, wants_only_what_the_filter_routes_and_nothing_else) {
  World20 world({.topics = {"v2.users."}});
  EXPECT_EQ(world.verify().count(Offence::misrouted), 16u);
  std::erase_if(world.delivered, [](const DeliveredLine& line) { return line.sequence % 5 != 0; });
  const VerifyReport report = world.verify();
  EXPECT_TRUE(report.holds);
  EXPECT_EQ(report.routed, 4u);
  World20 by_category({.categories = {"agent"}});
  std::erase_if(by_category.delivered, [](const DeliveredLine& line) { return line.sequence % 5 != 0; });
  EXPECT_TRUE(by_category.verify().holds);
}

TEST(Verifier, takes_a_duplicates_twin_for_promised_and_asks_for_no_second_delivery) {
  World20 world;
  world.promise(4, "duplicate", world.hash(4));
  world.promise(4, "duplicate", base::hash128("republished with another id"));
  const VerifyReport report = world.verify();
  EXPECT_TRUE(report.holds);
  EXPECT_EQ(report.duplicates, 2u);
  EXPECT_EQ(report.stored, 20u);
}

TEST(Verifier, accepts_either_twin_where_the_first_answer_was_lost) {
  World20 world;
  std::erase_if(world.promised, [](const AcceptedLine& line) { return line.sequence == 4; });
  world.promise(4, "duplicate", base::hash128("republished with another id"));
  world.promise(4, "duplicate", world.hash(4));
  EXPECT_TRUE(world.verify().holds);
  world.delivered[3].hash = base::hash128("neither");
  expect_only(world.verify(), Offence::changed);
}

TEST(Verifier, finds_one_sequence_number_given_to_two_events) {
  World20 world;
  world.promise(4, "accepted", base::hash128("another"));
  expect_only(world.verify(), Offence::ambiguous);
}

TEST(Verifier, wants_malformed_events_and_no_others_in_quarantine) {
  World20 world;
  world.promise(0, "quarantined", base::hash128("broken"), true);
  EXPECT_TRUE(world.verify().holds);
  world.promise(0, "quarantined", base::hash128("well-formed"), false);
  expect_only(world.verify(), Offence::quarantined);
  World20 stored;
  stored.promise(0, "ignored", base::hash128("broken"), true);
  expect_only(stored.verify(), Offence::not_quarantined);
}

TEST(Verifier, does_not_call_foreign_what_was_sent_and_never_answered) {
  World20 world;
  world.promise(0, "given_up", base::hash128("stranger"));
  world.deliver(99);
  const VerifyReport report = world.verify();
  EXPECT_TRUE(report.holds);
  EXPECT_EQ(report.unconfirmed, 1u);
}

TEST(Verifier, finds_events_by_their_bytes_where_no_sequence_is_told) {
  World20 world;
  for (DeliveredLine& line : world.delivered) line.sequence = 0;
  EXPECT_TRUE(world.verify().holds);
  std::swap(world.delivered[0].hash, world.delivered[4].hash);
  expect_only(world.verify(), Offence::out_of_order);
}

TEST(Verifier, lets_redriven_events_come_late_only_where_skips_are_allowed) {
  const auto late = [](World20& world) {
    std::rotate(world.delivered.begin() + 4, world.delivered.begin() + 5, world.delivered.end());
    world.delivered.back().arrival = 1'000;
    world.delivered.back().answered = 1'001;
    world.delivered.back().redriven = true;
  };
  World20 strict;
  late(strict);
  expect_only(strict.verify(), Offence::out_of_order);
  World20 skipping({.skips_allowed = true});
  late(skipping);
  EXPECT_TRUE(skipping.verify().holds);
}

TEST(Verifier, keeps_lanes_of_events_without_the_id_by_topic) {
  Verifier verifier({.order = LaneKind::agent});
  for (const std::uint64_t sequence : {1, 2}) {
    AcceptedLine line;
    line.verdict = "accepted";
    line.sequence = sequence;
    line.topic = "v2.outbound.campaigns.c.progress";
    line.hash = base::hash128(std::to_string(sequence));
    verifier.add_accepted(line);
  }
  verifier.finish_accepted();
  for (const std::uint64_t sequence : {2, 1}) {
    DeliveredLine line;
    line.sequence = sequence;
    line.hash = base::hash128(std::to_string(sequence));
    verifier.add_delivered(line);
  }
  expect_only(verifier.finish(), Offence::out_of_order);
}

class VerifyFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    directory_ = std::filesystem::temp_directory_path() /
                 (std::string("trunkline-") + test->name() + std::to_string(::getpid()));
    std::filesystem::create_directories(directory_);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string path(const char* name) const { return (directory_ / name).string(); }

  std::filesystem::path directory_;
};

TEST_F(VerifyFiles, reads_the_hubs_JSON_lines_file_enriched_or_raw) {
  const std::string raw = R"({"version":"0","id":"a","detail":{"eventBody":{"note":",\"_processingTimestamp\""}}})";
  const std::string other = R"({"version":"0","id":"b","detail":{}})";
  auto ledger = LedgerWriter::open(path("accepted"), kAcceptedHeader);
  ASSERT_TRUE(ledger.ok());
  ledger->add(
      AcceptedLine{.verdict = "accepted", .sequence = 1, .envelope_id = "a", .topic = "t", .hash = base::hash128(raw)});
  ledger->add(AcceptedLine{
      .verdict = "accepted", .sequence = 2, .envelope_id = "b", .topic = "t", .hash = base::hash128(other)});
  ASSERT_TRUE(ledger->flush(true).ok());
  const std::string spliced = R"(,"_processingTimestamp":"2026-03-02T14:00:00.000Z","_sequence":1})";
  std::ofstream(path("delivered")) << raw.substr(0, raw.size() - 1) << spliced << "\n" << other << "\n";
  VerifyOptions options{.accepted = path("accepted"), .delivered = path("delivered"), .order = "topic"};
  EXPECT_EQ(run_verify(options), 0);
  std::ofstream(path("delivered")) << other << "\n" << raw << "\n";
  EXPECT_EQ(run_verify(options), 1);
  const auto report = verify_files({.order = LaneKind::topic}, path("accepted"), path("delivered"));
  ASSERT_TRUE(report.ok());
  expect_only(*report, Offence::out_of_order);
  EXPECT_EQ(report->offenders[0].envelope_id, "a t");
}

TEST_F(VerifyFiles, refuses_a_ledger_with_a_broken_line_and_says_where) {
  std::ofstream(path("accepted")) << kAcceptedHeader << "accepted\tseven\n";
  std::ofstream(path("delivered")) << kDeliveredHeader;
  const auto report = verify_files({}, path("accepted"), path("delivered"));
  ASSERT_FALSE(report.ok());
  EXPECT_NE(report.error().detail.find("accepted:2"), std::string::npos) << report.error().detail;
  EXPECT_EQ(run_verify({.accepted = path("accepted"), .delivered = path("delivered")}), 2);
  EXPECT_EQ(run_verify({.accepted = path("nowhere"), .delivered = path("delivered")}), 2);
}

}  // namespace
}  // namespace trunkline::sim
