#include <gtest/gtest.h>

#include <fstream>
#include <iostream>
#include <sstream>

#include "base/text.hpp"
#include "event/event_testing.hpp"

namespace trunkline::event {
namespace {

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The shared collection; of it, the samples composed from the schema are copied into this repository.
std::optional<std::string> read_sample(const std::string& name) {
  const std::string root = TRUNKLINE_SOURCE_DIR;
  auto text = read_file(root + "/../shared/genesys/samples/" + name);
  return text ? text : read_file(root + "/tests/fixtures/genesys/" + name);
}

std::vector<std::string> columns_of(const std::string& row) {
  std::vector<std::string> columns;
  std::istringstream rest(row);
  for (std::string column; std::getline(rest, column, '\t');) columns.push_back(column);
  columns.resize(14);
  return columns;
}

std::vector<std::string> columns_of(const std::string& file, const Decoded& decoded) {
  std::vector<std::string> columns(14);
  columns[0] = file;
  if (const auto* rejected = std::get_if<Rejected>(&decoded)) {
    columns[1] = name(rejected->reason);
    return columns;
  }
  const Event& event = std::get<Event>(decoded);
  return {file,
          std::string(name(event.form)),
          event.event_type,
          event.category,
          event.org_id,
          event.conversation_id,
          event.user_id,
          event.queue_id,
          event.media_type,
          event.business_time ? base::format_time(*event.business_time) : "",
          event.business_time_has_millis ? "1" : "0",
          event.published_at ? base::format_time(*event.published_at) : "",
          event.content_key,
          event.detail_type_mismatch ? "detail_type_mismatch" : ""};
}

TEST(Samples, decode_to_what_their_sources_say_of_them) {
  std::ifstream vectors(TRUNKLINE_SOURCE_DIR "/src/event/testdata/samples.tsv");
  ASSERT_TRUE(vectors);
  std::size_t seen = 0;
  std::size_t absent = 0;
  for (std::string row; std::getline(vectors, row);) {
    if (row.starts_with('#')) continue;
    const auto expected = columns_of(row);
    const auto text = read_sample(expected[0]);
    if (!text) {
      ++absent;
      continue;
    }
    ++seen;
    const auto decoded = testing::decode_all(*text);
    ASSERT_EQ(decoded.size(), 1u) << expected[0];
    EXPECT_EQ(columns_of(expected[0], decoded[0]), expected);
  }
  EXPECT_EQ(seen + absent, 65u);
  EXPECT_GE(seen, 36u) << "the fixtures in tests/fixtures/genesys are part of the repository";
  if (absent > 0) {
    std::cerr << "NOT RUN: " << absent << " of 65 samples are not here (../shared/genesys/samples is missing)\n";
  }
}

TEST(Samples, name_every_member_that_the_hand_made_negative_lacks) {
  const auto text = read_sample("thirdparty-negative-handmade-transcription.json");
  if (!text) {
    std::cerr << "NOT RUN: the hand-made negative sample is not here\n";
    return;
  }
  EXPECT_EQ(testing::rejection_of(*text),
            "missing_member: missing: account, region, resources, detail.topicName, detail.version");
}

TEST(Samples, keep_the_bytes_of_the_event_without_its_wrapping) {
  const auto wrapped = read_sample("schema-eventgrid-wrapped-audit.json");
  ASSERT_TRUE(wrapped);
  const Event event = testing::decode_event(*wrapped);
  EXPECT_TRUE(event.raw.starts_with("{") && event.raw.ends_with("}"));
  EXPECT_NE(wrapped->find(event.raw), std::string::npos);
  const Event again = testing::decode_event(event.raw);
  EXPECT_EQ(again.form, Form::eventbridge);
  EXPECT_EQ(again.envelope_identity, event.envelope_identity);
  EXPECT_EQ(again.content_identity, event.content_identity);
  EXPECT_EQ(again.body_hash, event.body_hash);
}

}  // namespace
}  // namespace trunkline::event
