#include "event/topic_table.hpp"

#include <gtest/gtest.h>

#include "event/event_testing.hpp"
#include "event/topic_data.hpp"

namespace trunkline::event {
namespace {

std::string match_of(const TopicTable& table, std::string_view topic_name) {
  const auto match = table.match(split_topic(topic_name));
  return std::string(match.topic ? match.topic->pattern : "-") + " " + std::string(match.category);
}

std::string match_of(std::string_view topic_name) {
  return match_of(testing::topics(), topic_name);
}

TEST(TopicTable, knows_all_242_patterns_with_ids_filled_in) {
  EXPECT_EQ(testing::topics().size(), 242u);
  std::string_view rest = kTopicsTable;
  std::size_t rows = 0;
  while (!rest.empty()) {
    const std::string_view row = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(row.size() + 1);
    const std::string pattern(row.substr(0, row.find('\t')));
    const std::string family(row.substr(pattern.size() + 1, row.find('\t', pattern.size() + 1) - pattern.size() - 1));
    std::string topic = pattern;
    for (std::size_t at = topic.find("{id}"); at != std::string::npos; at = topic.find("{id}"))
      topic.replace(at, 4, "i-1");
    EXPECT_EQ(match_of(topic), pattern + " " + family);
    EXPECT_EQ(match_of(pattern), pattern + " " + family);
    ++rows;
  }
  EXPECT_EQ(rows, 242u);
}

TEST(TopicTable, prefers_the_literal_and_goes_back_when_it_leads_nowhere) {
  EXPECT_EQ(match_of("v2.users.u.conversations.summaries"), "v2.users.{id}.conversations.summaries assist");
  EXPECT_EQ(match_of("v2.users.u.conversations.c.recordings"), "v2.users.{id}.conversations.{id}.recordings recording");
  EXPECT_EQ(match_of("v2.users.u.conversations.calls.recordings"),
            "v2.users.{id}.conversations.{id}.recordings recording");
  EXPECT_EQ(match_of("v2.taskmanagement.workitems.queues.q"), "v2.taskmanagement.workitems.queues.{id} task");
}

TEST(TopicTable, takes_no_empty_id) {
  EXPECT_EQ(match_of("v2.users..presence"), "- agent");
  EXPECT_EQ(match_of("v2.users.u.presence."), "- agent");
  EXPECT_EQ(match_of(""), "- unknown");
  EXPECT_EQ(match_of("."), "- unknown");
}

TEST(TopicTable, gives_an_unknown_topic_the_family_of_the_longest_known_prefix) {
  EXPECT_EQ(match_of("v2.conversations.created"), "- conversation");
  EXPECT_EQ(match_of("v2.conversations.c.suggestions.new"), "- assist");
  EXPECT_EQ(match_of("v2.users.u.newthing"), "- agent");
  EXPECT_EQ(match_of("v2.users.u.workforcemanagement.newthing"), "- wfm");
  EXPECT_EQ(match_of("v2.users.u.conversations.newthing"), "- conversation");
  EXPECT_EQ(match_of("v2.routing.queues.q.newthing"), "- queue");
  EXPECT_EQ(match_of("v2.analytics.queues.q.newthing"), "- queue");
  EXPECT_EQ(match_of("v2.analytics.newthing"), "- analytics");
  EXPECT_EQ(match_of("v2.detail.events.conversation.c.newthing"), "- conversation");
  EXPECT_EQ(match_of("v2.detail.events.agent.a.newthing"), "- agent");
  EXPECT_EQ(match_of("v2.outbound.newthing.x"), "- outbound");
  EXPECT_EQ(match_of("v2.quality.newthing"), "- quality");
  EXPECT_EQ(match_of("v2.brandnew.x"), "- unknown");
  EXPECT_EQ(match_of("v3.users.u.presence"), "- unknown");
  EXPECT_EQ(match_of("v2"), "- unknown");
}

TEST(TopicTable, leaves_names_of_more_than_32_segments_unmatched) {
  std::string topic = "v2";
  for (int i = 0; i < 40; ++i) topic += ".x";
  EXPECT_EQ(match_of(topic), "- unknown");
  EXPECT_FALSE(fits_pattern(split_topic(topic), topic));
}

TEST(TopicTable, takes_rows_from_the_configuration) {
  const TopicRow extra[] = {{"v2.mine.{id}.things", "mine", "conversation=eventBody.call.id"},
                            {"v2.users.{id}.presence", "presence", "agent=topicName segment 3"}};
  const auto table = TopicTable::make(extra);
  ASSERT_TRUE(table) << table.error().detail;
  EXPECT_EQ(table->size(), 243u);
  EXPECT_EQ(match_of(*table, "v2.mine.1.things"), "v2.mine.{id}.things mine");
  EXPECT_EQ(match_of(*table, "v2.mine.1.others"), "- mine");
  EXPECT_EQ(match_of(*table, "v2.users.u.presence"), "v2.users.{id}.presence presence");
}

TEST(TopicTable, names_the_row_it_cannot_read) {
  const auto error = [](TopicRow row) {
    const auto table = TopicTable::make({&row, 1});
    return table.ok() ? "accepted" : table.error().detail;
  };
  EXPECT_EQ(error({"v2.a.b", "", "none"}), "topic v2.a.b has no family");
  EXPECT_EQ(error({"v2..b", "f", "none"}), "a topic pattern with an empty segment: 'v2..b'");
  EXPECT_EQ(error({"v2.a.b", "f", "user=eventBody.id"}),
            "ids of topic v2.a.b: 'user=eventBody.id' does not begin with conversation=, agent= or queue=");
  std::string long_pattern = "v2";
  for (int i = 0; i < 40; ++i) long_pattern += ".x";
  EXPECT_EQ(error({long_pattern, "f", "none"}), "a topic pattern of more than 32 segments: " + long_pattern);
}

TEST(FitsPattern, compares_segment_by_segment) {
  EXPECT_TRUE(fits_pattern(split_topic("v2.users.u.x"), "v2.users.{id}.x"));
  EXPECT_FALSE(fits_pattern(split_topic("v2.users.u.y"), "v2.users.{id}.x"));
  EXPECT_FALSE(fits_pattern(split_topic("v2.users.u"), "v2.users.{id}.x"));
  EXPECT_FALSE(fits_pattern(split_topic("v2.users..x"), "v2.users.{id}.x"));
}

}  // namespace
}  // namespace trunkline::event
