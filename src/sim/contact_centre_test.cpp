#include "sim/contact_centre.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>

#include "base/hash.hpp"
#include "base/text.hpp"
#include "json/document.hpp"
#include "sim/lifecycle_test.hpp"
#include "sim/verify.hpp"

namespace trunkline::sim {
namespace {

ContactCentreOptions small_day(std::uint64_t seed, double interactions = 1'500) {
  ContactCentreOptions options;
  options.world.seed = seed;
  options.world.day.interactions_per_day = interactions;
  return options;
}

std::uint64_t digest(const ContactCentreOptions& options) {
  ContactCentre centre(options);
  GeneratedEvent event;
  std::uint64_t sum = 0;
  while (centre.next(event)) sum = sum * 31 + base::hash64(event.raw);
  return sum;
}

TEST(ContactCentre, gives_the_same_bytes_for_the_same_seed_and_others_for_another) {
  const std::uint64_t first = digest(small_day(7));
  EXPECT_EQ(first, digest(small_day(7)));
  EXPECT_NE(first, digest(small_day(8)));
}

std::vector<std::string> member_names(const json::Value& object) {
  std::vector<std::string> names;
  for (auto member = object.first(); member; member = member->next()) names.emplace_back(member->name());
  return names;
}

TEST(ContactCentre, writes_every_event_in_the_envelope_that_EventBridge_uses) {
  ContactCentre centre(small_day(1));
  json::Document document;
  GeneratedEvent event;
  std::set<std::string> ids;
  const std::vector<std::string> outer = {"version", "id",     "detail-type", "source", "account",
                                          "time",    "region", "resources",   "detail"};
  const std::vector<std::string> inner = {"topicName", "version", "eventBody", "metadata", "timestamp"};
  while (centre.next(event)) {
    const auto root = document.parse(event.raw);
    ASSERT_TRUE(root.ok()) << root.error().detail << "\n" << event.raw;
    ASSERT_EQ(member_names(*root), outer) << event.raw;
    const json::Value detail = *root->find("detail");
    ASSERT_EQ(member_names(detail), inner) << event.raw;
    ASSERT_EQ(root->string_at("version"), "0");
    ASSERT_EQ(root->string_at("id"), event.envelope_id);
    ASSERT_TRUE(ids.insert(event.envelope_id).second) << "an envelope id is given twice";
    ASSERT_EQ(root->string_at("source"), "aws.partner/genesys.com/cloud/" + event.org_id + "/trunkline-sim");
    ASSERT_EQ(detail.string_at("topicName"), event.topic_name);
    ASSERT_EQ(detail.find("metadata")->string_at("CorrelationId").substr(8, 1), "-");
    const auto published = base::parse_time(detail.string_at("timestamp"));
    ASSERT_TRUE(published);
    ASSERT_EQ(published->time_since_epoch().count(), event.published);
    const auto time = base::parse_time(root->string_at("time"));
    ASSERT_EQ(time->time_since_epoch().count(), event.published / 1000 * 1000);
  }
  EXPECT_GT(ids.size(), 10'000u);
}

TEST(ContactCentre, fills_the_pattern_of_detail_type_into_topicName) {
  ContactCentre centre(small_day(2, 400));
  json::Document document;
  GeneratedEvent event;
  while (centre.next(event)) {
    const auto root = document.parse(event.raw);
    std::string_view pattern = root->string_at("detail-type");
    std::string_view topic = event.topic_name;
    while (!pattern.empty()) {
      const std::size_t dot = std::min(pattern.find('.'), pattern.size());
      const std::size_t topic_dot = std::min(topic.find('.'), topic.size());
      const std::string_view segment = pattern.substr(0, dot);
      ASSERT_TRUE(segment == "{id}" || segment == topic.substr(0, topic_dot)) << event.topic_name;
      pattern.remove_prefix(std::min(pattern.size(), dot + 1));
      topic.remove_prefix(std::min(topic.size(), topic_dot + 1));
    }
    ASSERT_TRUE(topic.empty()) << event.topic_name;
    ASSERT_NE(category_of(event.topic_name), "unknown") << event.topic_name;
  }
}

TEST(ContactCentre, plays_every_conversation_in_an_order_that_Genesys_can_send_and_to_its_end) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    ContactCentre centre(small_day(seed));
    LifecycleChecker checker;
    GeneratedEvent event;
    while (centre.next(event)) {
      if (event.conversation_id.empty()) continue;
      ASSERT_EQ(checker.add(event), "") << "seed " << seed << "\n" << event.raw;
    }
    EXPECT_EQ(checker.finish(), "") << "seed " << seed;
    EXPECT_EQ(centre.open_interactions(), 0u);
    EXPECT_GE(checker.conversations(), 1'200u);
    for (const char* kind : {"outbound", "contact", "attributes", "flow.outcome", "voicemail.end", "wrapup", "acw",
                             "acd.end ABANDON", "acd.end ANSWERED", "user.end SYSTEM", "user.end TRANSFER",
                             "user.end CONSULT_TRANSFER", "user.end PEER", "user.end CLIENT"}) {
      EXPECT_TRUE(checker.seen().contains(kind)) << kind << " never happened, seed " << seed;
    }
  }
}

TEST(ContactCentre, tells_that_an_agent_who_let_it_ring_is_not_responding) {
  ContactCentre centre(small_day(4));
  GeneratedEvent event;
  std::size_t unanswered = 0;
  std::size_t not_responding = 0;
  while (centre.next(event)) {
    unanswered +=
        event.topic_name.ends_with(".user.end") && event.raw.find(R"("disconnectType":"SYSTEM")") != std::string::npos;
    not_responding += event.raw.find(R"("status":"NOT_RESPONDING")") != std::string::npos;
  }
  EXPECT_GT(unanswered, 10u);
  EXPECT_EQ(unanswered, not_responding);
}

TEST(ContactCentre, follows_the_curve_of_a_day_with_its_peak_at_three_times_the_mean) {
  ContactCentreOptions options = small_day(5, 24'000);
  ContactCentre centre(options);
  GeneratedEvent event;
  std::array<double, 24> hours{};
  std::size_t events = 0;
  std::size_t bytes = 0;
  while (centre.next(event)) {
    ++events;
    bytes += event.raw.size();
    const auto hour = static_cast<std::size_t>((event.published - options.start) / 3'600'000);
    if (hour < 24 && event.topic_name.ends_with(".customer.start")) ++hours[hour];
  }
  // 1,000 an hour in the mean; four deviations of a Poisson count of 3,000 are 219, reopened messages and the curve's
  // bend within the hour add some.
  EXPECT_NEAR(hours[10], 2'950, 300);
  EXPECT_LT(hours[2], 120);
  EXPECT_NEAR(static_cast<double>(centre.interactions()), 24'000, 700);
  EXPECT_NEAR(static_cast<double>(events) / static_cast<double>(centre.interactions()), 10, 1.5);
  EXPECT_NEAR(static_cast<double>(bytes) / static_cast<double>(events), 1'050, 150);
}

TEST(ContactCentre, multiplies_arrivals_by_ten_in_an_incident) {
  ContactCentreOptions options = small_day(6, 24'000);
  options.world.day.incident_from = options.start + 3 * 3'600'000;
  options.world.day.incident_for = 3'600'000;
  ContactCentre centre(options);
  GeneratedEvent event;
  std::size_t in_incident = 0;
  while (centre.next(event) && centre.now() < options.start + 4 * 3'600'000) {
    const bool inside = event.published >= *options.world.day.incident_from;
    in_incident += inside && event.topic_name.ends_with(".customer.start");
  }
  EXPECT_NEAR(static_cast<double>(in_incident), 10'000, 600);
}

TEST(ContactCentre, observes_a_queue_at_most_once_a_second) {
  ContactCentreOptions options = small_day(9, 20'000);
  options.observation_gap = 0;
  options.arrivals_until = options.start + 12 * 3'600'000LL;
  ContactCentre centre(options);
  GeneratedEvent event;
  std::map<std::string, SimTime> last;
  std::size_t observations = 0;
  while (centre.next(event)) {
    if (!event.topic_name.ends_with(".observations") || event.raw.find("\"oWaiting\"") == std::string::npos) continue;
    ++observations;
    SimTime& before = last[event.queue_id];
    ASSERT_GE(event.published - before, 1000);
    before = event.published;
  }
  EXPECT_GT(observations, 1'000u);
}

TEST(ContactCentre, keeps_no_more_than_what_is_under_way) {
  ContactCentre centre(small_day(3, 40'000));
  GeneratedEvent event;
  std::size_t most = 0;
  while (centre.next(event)) most = std::max(most, centre.open_interactions());
  EXPECT_LT(most, 4'000u);
}

}  // namespace
}  // namespace trunkline::sim
