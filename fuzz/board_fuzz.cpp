// Events from outside, folded into a board; and bytes that may be a stored part of one.
//
// Holds: nothing crashes; what is shown parses; the same events the other way round and twice give the same board, where
// no bound is met; a board that is stored and restored shows the same; damaged bytes are refused or taken, and then
// shown.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/check.hpp"
#include "board/board.hpp"
#include "board/feed.hpp"
#include "event/decoder.hpp"
#include "event/topic_table.hpp"
#include "json/document.hpp"

namespace {

using namespace trunkline;

const event::TopicTable& topics() {
  static const event::TopicTable table = std::move(event::TopicTable::make()).value();
  return table;
}

std::vector<engine::Record> records_of(std::string_view payload) {
  static event::Decoder decoder(topics());
  std::vector<event::Decoded> items;
  decoder.decode(payload, {.default_org = "org"}, items);
  std::vector<engine::Record> records;
  for (event::Decoded& item : items) {
    if (!std::holds_alternative<event::Event>(item) || records.size() >= 64) continue;
    engine::Record& record = records.emplace_back();
    record.event = std::get<event::Event>(std::move(item));
    record.sequence = {records.size()};
    record.accepted_at = base::WallTime(base::Millis(1'772'460'300'000));
  }
  return records;
}

// Sorted items of each list.
std::vector<std::string> shown(board::Board& board) {
  board.take_changes();
  const board::Shown all = board.all();
  std::vector<std::string> items;
  for (const std::string* list : {&all.agents, &all.queues, &all.conversations}) {
    json::Document document;
    const auto parsed = document.parse(*list);
    TRUNKLINE_CHECK(parsed.ok(), "what is shown parses");
    for (auto item = parsed->first(); item; item = item->next()) items.emplace_back(item->raw());
  }
  std::sort(items.begin(), items.end());
  return items;
}

bool meets_no_bound(const std::vector<engine::Record>& records) {
  std::size_t facts = 0;
  for (const engine::Record& record : records) {
    json::Document document;
    board::Facts found;
    board::read_facts(record, document, found);
    facts += found.sessions.size() + found.queues.size();
  }
  return facts <= 16;
}

void check_board(const std::vector<engine::Record>& records) {
  board::Board straight({});
  for (const engine::Record& record : records) straight.apply(record);
  const auto expected = shown(straight);
  if (meets_no_bound(records)) {
    board::Board back({});
    for (auto record = records.rbegin(); record != records.rend(); ++record) back.apply(*record);
    for (const engine::Record& record : records) back.apply(record);
    TRUNKLINE_CHECK(shown(back) == expected, "neither order nor repeats matter");
  }
  board::Board restored({});
  for (const auto& stored : straight.take_unstored()) {
    if (stored.bytes) TRUNKLINE_CHECK(restored.restore(stored.key, *stored.bytes), "what was stored is readable");
  }
  TRUNKLINE_CHECK(shown(restored) == expected, "a restored board shows the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_board(records_of(text));
  board::Board board({});
  for (const char* key : {"a/x", "q/x", "c/x"}) board.restore(key, text);
  shown(board);
  board::Feed feed(board, "e");
  feed.since(text, board::kEverything);
  board::parse_parts(text);
  return 0;
}
