#include "crm/case_fold.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "event/event_testing.hpp"

namespace trunkline::crm {
namespace {

using testing::Eq;

const std::set<std::string, std::less<>> kAttributes = {"language"};

engine::Record record_of(const std::string& text) {
  engine::Record record;
  record.event = event::testing::decode_event(text);
  record.accepted_at = record.event.published_at.value_or(base::WallTime(base::Millis(1'772'460'600'000)));
  return record;
}

std::string file(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<engine::Record> lifecycle() {
  std::vector<engine::Record> records;
  std::vector<std::filesystem::path> paths;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(TRUNKLINE_SOURCE_DIR) + "/tests/fixtures/genesys")) {
    if (entry.path().filename().string().starts_with("schema-lifecycle")) paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  for (const auto& path : paths) records.push_back(record_of(file(path)));
  return records;
}

// The customer calls back after an hour, speaks and leaves.
std::vector<engine::Record> comes_back() {
  std::vector<engine::Record> records;
  const auto add = [&](std::string_view what, std::int64_t at, std::string_view more) {
    const std::string id = "388fa6ad-33a8-439b-a5b7-9085a352469d";
    const std::string topic = "v2.detail.events.conversation.";
    records.push_back(record_of(
        R"({"version":"0","id":"0)" + std::to_string(1'000'000 + at % 1'000'000) +
        R"(-9eef-5527-a997-71f392c88097","detail-type":")" + topic + "{id}." + std::string(what) +
        R"(","source":"aws.partner/genesys.com/cloud/6f1d2c3b-4a59-4e68-9d7c-8b0a1f2e3d4c/x","account":"111122223333",)" +
        R"("time":"2026-03-02T15:00:00Z","region":"us-east-1","resources":[],"detail":{"topicName":")" + topic + id +
        "." + std::string(what) + R"(","version":"2","eventBody":{"eventTime":)" + std::to_string(at) +
        R"(,"conversationId":")" + id + R"(","participantId":"p","sessionId":"s)" + std::to_string(at) + "\"" +
        std::string(more) + R"(},"metadata":{},"timestamp":"2026-03-02T15:00:00.000Z"}})"));
  };
  add("customer.start", 1'772'463'600'000, R"(,"mediaType":"VOICE","direction":"INBOUND","ani":"tel:+15555550100")");
  add("acd.start", 1'772'463'601'000, R"(,"queueId":"q2")");
  return records;
}

std::map<std::string, std::string> shown(const CaseFold& fold) {
  std::map<std::string, std::string> out;
  for (const auto& [name, fact] : fold.facts()) out[name] = fact.json;
  out["created"] = std::to_string(fold.created_at());
  out["closed"] = std::to_string(fold.closed_at());
  out["last"] = std::to_string(fold.last_at());
  return out;
}

// Written by hand from the 17 events.
const std::map<std::string, std::string> kEnded = {
    {"created", "1772460000000"},
    {"closed", "1772460213000"},
    {"last", "1772467200000"},
    {"mediaType", "\"VOICE\""},
    {"direction", "\"INBOUND\""},
    {"ani", "\"tel:+15555550100\""},
    {"dnis", "\"tel:+15555550199\""},
    {"externalContactId", "\"049e3a58-74b7-4859-a680-4909d49051fd\""},
    {"queueId", "\"d5d31e9a-86fb-4a89-a3e6-2273d479986a\""},
    {"agentId", "\"15df8587-1af5-44a5-a848-319159c0ba82\""},
    {"acdOutcome", "\"ANSWERED\""},
    {"disconnectType", "\"ENDPOINT\""},
    {"flowOutcomeId", "\"00580f5a-d026-4030-a10a-56c853a80832\""},
    {"flowOutcome", "\"SUCCESS\""},
    {"wrapupCode", "\"db04b972-5ec7-49fe-a0c0-9ed3de991c83\""},
    {"wrapupNotes", "\"placeholder\""},
    {"sentiment", "-21.5"},
    {"sentimentTrend", "12.0"},
    {"evaluationScore", "82"},
    {"evaluationStatus", "\"Finished\""},
    {"evaluationForm", "\"Form Placeholder\""},
    {"attribute.language", "\"en\""},
};

// Shuffled with repeats, in batches, each behind a restart: the case is written and read again.
CaseFold folded(std::vector<engine::Record> records, std::mt19937& random) {
  const std::size_t count = records.size();
  for (std::size_t i = 0; i < count / 2; ++i) records.push_back(records[random() % count]);
  std::ranges::shuffle(records, random);
  CaseFold fold;
  for (const engine::Record& record : records) {
    fold.apply(record, kAttributes);
    if (random() % 4 != 0) continue;
    auto again = CaseFold::decode(fold.encode());
    EXPECT_TRUE(again.ok());
    fold = std::move(*again);
  }
  return fold;
}

TEST(CaseFold, a_thousand_shuffles_with_repeats_and_restarts_give_the_same_case) {
  const std::vector<engine::Record> records = lifecycle();
  ASSERT_EQ(records.size(), 17U);
  std::mt19937 random(1);
  for (int i = 0; i < 1'000; ++i) {
    const CaseFold fold = folded(records, random);
    ASSERT_THAT(shown(fold), Eq(kEnded)) << i;
    ASSERT_TRUE(fold.created() && fold.closed());
  }
}

TEST(CaseFold, a_conversation_that_comes_back_is_open_again_in_a_thousand_shuffles) {
  std::vector<engine::Record> records = lifecycle();
  for (engine::Record& record : comes_back()) records.push_back(std::move(record));
  std::map<std::string, std::string> open = kEnded;
  open["closed"] = "0";
  open["queueId"] = "\"q2\"";
  std::mt19937 random(2);
  for (int i = 0; i < 1'000; ++i) {
    const CaseFold fold = folded(records, random);
    ASSERT_THAT(shown(fold), Eq(open)) << i;
    ASSERT_FALSE(fold.closed());
  }
}

TEST(CaseFold, facts_without_a_beginning_wait_for_it) {
  CaseFold fold;
  const std::vector<engine::Record> records = lifecycle();
  EXPECT_TRUE(fold.apply(records[13]));  // wrapup
  EXPECT_FALSE(fold.created());
  EXPECT_TRUE(fold.apply(records[6]));  // user.start
  EXPECT_TRUE(fold.created());
  EXPECT_EQ(fold.created_at(), 1'772'460'021'000);
  EXPECT_TRUE(fold.apply(records[0]));  // customer.start, earlier
  EXPECT_EQ(fold.created_at(), 1'772'460'000'000);
}

TEST(CaseFold, an_older_event_changes_nothing_newer) {
  CaseFold fold;
  const std::vector<engine::Record> records = lifecycle();
  EXPECT_TRUE(fold.apply(records[9]));  // the second agent
  EXPECT_TRUE(fold.apply(records[6]));  // the first agent, earlier: only the beginning moves
  EXPECT_EQ(fold.facts().at("agentId").json, "\"15df8587-1af5-44a5-a848-319159c0ba82\"");
  EXPECT_FALSE(fold.apply(records[6]));
}

TEST(CaseFold, what_is_of_no_conversation_changes_nothing) {
  CaseFold fold;
  EXPECT_FALSE(fold.apply(lifecycle()[8]));  // routingStatus
  EXPECT_EQ(fold, CaseFold());
}

TEST(CaseFold, the_founding_guides_events_drive_the_same_life_cycle) {
  const auto flat = [](std::string_view type, std::string_view time, std::string_view more = "") {
    return record_of(R"({"id":")" + std::string(time) + R"(","type":")" + std::string(type) +
                     R"(","conversationId":"c-1","timestamp":")" + std::string(time) + "\"" + std::string(more) + "}");
  };
  CaseFold fold;
  fold.apply(flat("v2.conversations.ended", "2026-03-02T14:05:00Z"));
  EXPECT_FALSE(fold.created());
  fold.apply(flat("v2.conversations.created", "2026-03-02T14:00:00Z", R"(,"queueId":"q-1")"));
  EXPECT_TRUE(fold.created());
  EXPECT_TRUE(fold.closed());
  fold.apply(flat("v2.conversations.updated", "2026-03-02T14:01:00Z", R"(,"agentId":"u-1")"));
  EXPECT_EQ(fold.facts().at("agentId").json, "\"u-1\"");
  EXPECT_EQ(fold.facts().at("queueId").json, "\"q-1\"");
  fold.apply(flat("v2.conversations.created", "2026-03-02T15:00:00Z"));
  EXPECT_FALSE(fold.closed());
}

TEST(CaseFold, refuses_bytes_of_something_else) {
  for (const std::string_view bytes :
       {"", "{}", "[1]", R"({"v":2,"created":1,"opened":1,"closed":0,"last":1,"facts":{}})",
        R"({"v":1,"created":1,"opened":1,"closed":0,"last":1,"facts":{"a":[1]}})"}) {
    EXPECT_EQ(CaseFold::decode(bytes).error().code, base::Errc::corrupt) << bytes;
  }
}

}  // namespace
}  // namespace trunkline::crm
