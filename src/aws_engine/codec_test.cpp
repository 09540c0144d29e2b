#include "aws_engine/codec.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "aws_engine/keys.hpp"
#include "aws_engine/outbox.hpp"
#include "aws_engine/records.hpp"
#include "aws_engine/sequences.hpp"
#include "engine/contract_fixture.hpp"

namespace trunkline::aws_engine {
namespace {

engine::Record record_of(std::string raw) {
  engine::Record record;
  record.sequence = {7'260'000'000'000'001};
  record.accepted_at = wall(1'772'460'000'123);
  record.source_name = "genesys";
  record.policy_version = {3};
  record.routes = {{1}, {700}};
  record.conflict = true;
  record.event = engine::contract::make_event("e1", "c1");
  record.event.business_time = wall(1'772'460'000'001);
  record.event.content_identity = base::hash128("content");
  record.event.raw = std::move(raw);
  return record;
}

TEST(AwsCodec, an_event_comes_out_of_its_message_as_it_went_in) {
  const engine::Record record = record_of(R"({"id":"e1"})");
  const MessageText text = message_text(record);
  EXPECT_EQ(text.body, record.event.raw) << "whoever reads the queue without Trunkline sees the event";
  EXPECT_EQ(text.routes, R"(["q1","q700"])");
  const auto read = read_message(text.body, text.head);
  ASSERT_TRUE(read.ok());
  EXPECT_FALSE(read->body_in_table);
  EXPECT_EQ(read->record.sequence, record.sequence);
  EXPECT_EQ(read->record.routes, record.routes);
  EXPECT_TRUE(read->record.conflict);
  EXPECT_EQ(read->record.event.raw, record.event.raw);
  EXPECT_EQ(read->record.event.business_time, record.event.business_time);
  EXPECT_EQ(read->record.event.content_identity, record.event.content_identity);
  EXPECT_EQ(encode_head(read->record), encode_head(record));
}

TEST(AwsCodec, what_a_message_cannot_carry_stays_in_the_table) {
  for (const std::string& raw : {std::string(300'000, ' ') + "{}", std::string("{\"x\":\"\xEF\xBF\xBE\"}")}) {
    const MessageText text = message_text(record_of(raw));
    EXPECT_LT(text.body.size(), 100u);
    const auto read = read_message(text.body, text.head);
    ASSERT_TRUE(read.ok());
    EXPECT_TRUE(read->body_in_table);
  }
}

TEST(AwsCodec, a_large_body_is_several_items_that_fit) {
  const engine::Record record = record_of(std::string(2 * kChunkBytes + 1, 'x'));
  const auto writes = event_writes(record, "nonce", 1);
  ASSERT_EQ(writes.size(), 3u);
  EXPECT_EQ(writes[0].item.number("e_chunks"), 2u);
  EXPECT_EQ(writes[2].item.bytes("e_body").size(), 1u);
  EXPECT_EQ(event_writes(record_of(std::string(kChunkBytes, 'x')), "nonce", 1).size(), 1u);
}

// Every cut and every changed byte of what is stored is refused or read as something else, and nothing beyond it is read.
TEST(AwsCodec, damaged_bytes_are_never_read_beyond_their_end) {
  const Held held{{5}, "id", "handle", "group", {4}, 9};
  engine::Quarantined input;
  input.bytes = "{";
  const std::vector<std::string> stored = {encode_head(record_of("{}")), encode_twins({{{5}, {}, 9}}),
                                           encode_held({held}), encode_quarantined(input)};
  const auto read_all = [](const std::string& bytes) {
    return decode_head({1}, bytes).ok() + decode_twins(bytes).ok() + decode_held(bytes).ok() +
           decode_quarantined(1, bytes).ok();
  };
  for (const std::string& bytes : stored) {
    EXPECT_GE(read_all(bytes), 1);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      read_all(bytes.substr(0, i));
      std::string changed = bytes;
      changed[i] = static_cast<char>(~changed[i]);
      read_all(changed);
    }
    EXPECT_EQ(read_all("\x02" + bytes.substr(1)), 0) << "another version";
  }
}

TEST(AwsCodec, a_group_that_sqs_does_not_take_is_hashed) {
  EXPECT_EQ(message_group_id("org/conversation/c1"), "org/conversation/c1");
  for (const std::string& group : {std::string(), std::string(129, 'x'), std::string("a b"), std::string("\xC3\xA9")}) {
    const std::string id = message_group_id(group);
    EXPECT_TRUE(id.starts_with("sha256-")) << group;
    EXPECT_LE(id.size(), 128u);
  }
  EXPECT_NE(message_group_id(std::string(129, 'x')), message_group_id(std::string(130, 'x')));
}

TEST(AwsSequences, ascend_whatever_the_clock_does_and_stay_within_what_json_can_say) {
  Sequences sequences(5);
  base::Sequence last{0};
  for (const std::uint64_t now : {1'772'460'000'000, 1'772'460'000'000, 1'772'459'000'000, 1'772'460'000'001}) {
    for (int i = 0; i < 600; ++i) {
      const base::Sequence next = sequences.next(wall(now));
      EXPECT_GT(next, last);
      last = next;
    }
  }
  EXPECT_LT(last.value, std::uint64_t{1} << 53);
}

TEST(AwsItems, are_read_as_they_were_written) {
  Item item("a", "b");
  item.number("e_n", 18'446'744'073'709'551'615u).bytes("e_b", std::string("\0\xFF", 2)).text("e_t", "\"");
  std::string body = R"({"Item":)";
  json::Writer out(body);
  item.write(out);
  body += "}";
  const auto read = read_item(body);
  ASSERT_TRUE(read.ok() && read->has_value());
  EXPECT_EQ((*read)->number("e_n"), 18'446'744'073'709'551'615u);
  EXPECT_EQ((*read)->bytes("e_b"), std::string("\0\xFF", 2));
  EXPECT_EQ((*read)->text("e_t"), "\"");
  EXPECT_FALSE(read_item("{}")->has_value());
  EXPECT_FALSE(read_item("<html>").ok());
  EXPECT_FALSE(read_page("[]").ok());
  EXPECT_FALSE(read_batch("{}", "t").ok());
}

TEST(AwsOutbox, the_groups_of_a_topic_spread_over_all_shards_and_an_entry_of_a_group_is_always_in_the_same) {
  std::map<std::string, std::set<std::string>> groups;
  for (std::uint64_t i = 0; i < 1'000; ++i) {
    engine::Record record = record_of("{}");
    record.sequence = {i + 1};
    record.event.conversation_id = "c" + std::to_string(i % 500);
    const Item entry = Outbox::event_entry(record, {event::Order::conversation, {}, true}, 1);
    groups[entry.text("pk")].insert(entry.text("e_group"));
  }
  EXPECT_EQ(groups.size(), kOutboxShards);
  std::size_t all = 0;
  for (const auto& [pk, its] : groups) all += its.size();
  EXPECT_EQ(all, 500u) << "each group in one shard";
}

TEST(AwsOutbox, a_topic_is_not_told_of_the_queues_that_get_an_event_directly) {
  const engine::Record record = record_of("{}");  // routed to 1 and 700
  EXPECT_EQ(message_text(record, {{700}}).routes, R"(["q1"])");
  EXPECT_EQ(message_text(record, {{700}}).head, message_text(record).head) << "the event itself knows all its routes";
  const Item entry =
      Outbox::event_entry(record, {event::Order::conversation, {{{700}, event::Order::none, "http://x/q"}}, true}, 1);
  EXPECT_EQ(entry.text("e_young"), "700=http://x/q");
  EXPECT_EQ(entry.number("e_publish"), 1u);
}

}  // namespace
}  // namespace trunkline::aws_engine
