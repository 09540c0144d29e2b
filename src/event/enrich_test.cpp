#include "event/enrich.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "event/event_testing.hpp"
#include "json/document.hpp"

namespace trunkline::event {
namespace {

constexpr base::WallTime kNow{base::Millis(1'772'460'000'500)};

TEST(Enrich, adds_what_was_found_behind_the_own_bytes) {
  const std::string raw = R"({"topicName":"v2.routing.queues.q-1.users" , "eventBody":{"user":{"id":"u-1"},"x":1.0}})";
  const Event event = testing::decode_event(raw, "org-1");
  EXPECT_EQ(enriched(event, kNow),
            raw.substr(0, raw.size() - 1) +
                R"(,"_processingTimestamp":"2026-03-02T14:00:00.500Z","_eventCategory":"queue","_orgId":"org-1",)"
                R"("_userId":"u-1","_queueId":"q-1"})");
}

TEST(Enrich, adds_names_that_are_known) {
  const Event event =
      testing::decode_event(R"({"topicName":"v2.routing.queues.q-1.users","eventBody":{"user":{"id":"u-1"}}})");
  const auto names = NameTable::parse(R"({"u-1":"Ada \"the first\"","q-2":"other"})");
  ASSERT_TRUE(names) << names.error().detail;
  const std::string text = enriched(event, kNow, &*names);
  json::Document document;
  const auto root = document.parse(text);
  ASSERT_TRUE(root);
  EXPECT_EQ(root->string_at("_userName"), "Ada \"the first\"");
  EXPECT_FALSE(root->find("_queueName"));
}

std::string names_of(std::string_view text) {
  const auto table = NameTable::parse(text);
  if (!table) return table.error().detail;
  return std::string(table->find("1")) + "|" + std::string(table->find("2")) + "|" + std::to_string(table->size());
}

TEST(NameTable, reads_json_and_csv) {
  EXPECT_EQ(names_of(R"({"1":"a","2":"b","3":""})"), "a|b|2");
  EXPECT_EQ(names_of(R"([{"id":"1","name":"a"},{"name":"b","id":"2"},{"id":"3"}])"), "a|b|2");
  EXPECT_EQ(names_of("1,a\n2,b\n"), "a|b|2");
  EXPECT_EQ(names_of("\xEF\xBB\xBF"
                     "id,name\r\n1,a\r\n\r\n2,b"),
            "a|b|2");
  EXPECT_EQ(names_of("name,division,id\na,x,1\n\"b, \"\"c\"\"\nd\",x,2\n"), "a|b, \"c\"\nd|2");
  EXPECT_EQ(names_of(""), "||0");
  EXPECT_EQ(names_of("1,a\n1,later\n"), "later||1");
}

TEST(NameTable, says_where_it_cannot_be_read) {
  EXPECT_EQ(names_of("1,a\n2\n"), "record 2: an id and a name expected");
  EXPECT_EQ(names_of("1,\"a\n"), "record 1: a quote without an end");
  EXPECT_EQ(names_of(R"({"1":7})"), "byte 5: the name is no string");
  EXPECT_EQ(names_of("[7]"), "byte 1: not an object");
  EXPECT_EQ(names_of("{"), "not JSON at byte 1: a member name expected");
  EXPECT_EQ(names_of("1,\x80\n"), "the name table is not UTF-8");
}

TEST(NameTable, loads_a_file) {
  const std::string path = std::filesystem::temp_directory_path() / ("names-" + std::to_string(::getpid()) + ".csv");
  std::ofstream(path) << "1,a\n";
  const auto table = NameTable::load(path);
  std::filesystem::remove(path);
  ASSERT_TRUE(table);
  EXPECT_EQ(table->find("1"), "a");
  const auto missing = NameTable::load(path);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, base::Errc::not_found);
}

}  // namespace
}  // namespace trunkline::event
