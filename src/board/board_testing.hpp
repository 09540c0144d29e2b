#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "board/board.hpp"
#include "event/event_testing.hpp"

// For tests only.
namespace trunkline::board::testing {

constexpr std::int64_t kAccepted = 1'772'460'300'000;

inline engine::Record record_of(std::string_view payload, std::uint64_t sequence, std::int64_t accepted = kAccepted) {
  engine::Record record;
  record.event = event::testing::decode_event(payload);
  record.sequence = {sequence};
  record.accepted_at = base::WallTime(base::Millis(accepted));
  return record;
}

// An event of that topic, published a hundred milliseconds after its eventTime, with one session in it.
inline std::string detail(std::string_view conversation, std::string_view what, std::int64_t at,
                          std::string_view session, const std::string& more = {}) {
  const std::string body = R"({"eventTime":)" + std::to_string(at) + R"(,"conversationId":")" +
                           std::string(conversation) + R"(","participantId":"p","sessionId":")" + std::string(session) +
                           R"(","mediaType":"VOICE","direction":"INBOUND")" + more + "}";
  const std::string topic = "v2.detail.events.conversation." + std::string(conversation) + "." + std::string(what);
  return event::testing::envelope(topic, body);
}

inline std::vector<std::string> samples(std::string_view prefix) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(TRUNKLINE_SOURCE_DIR "/tests/fixtures/genesys")) {
    if (entry.path().filename().string().starts_with(prefix)) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> texts;
  for (const auto& path : paths) {
    std::ifstream file(path);
    texts.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return texts;
}

// The three lists with their items sorted, so that boards can be compared.
inline std::string sorted(const Shown& shown) {
  std::string out;
  for (const std::string* list : {&shown.agents, &shown.queues, &shown.conversations}) {
    json::Document document;
    const auto parsed = document.parse(*list);
    if (!parsed.ok()) return "no JSON: " + *list;
    std::vector<std::string> items;
    for (auto item = parsed->first(); item; item = item->next()) items.emplace_back(item->raw());
    std::sort(items.begin(), items.end());
    for (const std::string& item : items) out += item + "\n";
    out += "\n";
  }
  return out;
}

struct TestBoard {
  explicit TestBoard(BoardOptions options = {}) : board(options) {}
  Board board;
  std::uint64_t next = 1;

  void give(std::string_view payload, std::int64_t accepted = kAccepted) {
    board.apply(record_of(payload, next++, accepted));
  }
  std::string shown() {
    board.take_changes();
    return sorted(board.all());
  }
  // "state queue agent since" of the conversation, the times in milliseconds; "none".
  std::string state(std::string_view conversation) {
    return item(board_list(2), conversation, {"state", "queue", "agent", "since"});
  }
  std::string agent(std::string_view id) {
    return item(board_list(0), id, {"presence", "routingStatus", "conversation", "conversationState"});
  }
  std::string queue(std::string_view id) {
    return item(board_list(1), id, {"waiting", "interacting", "oldestWaitingSince"});
  }
  std::string level(std::string_view id) { return item(board_list(1), id, {"answered", "abandoned", "serviceLevel"}); }
  // Of a conversation and of the queue "q".
  std::string stale(std::string_view conversation) {
    return item(board_list(2), conversation, {"stale"}) + " " + item(board_list(1), "q", {"stale"});
  }

 private:
  std::string board_list(int which) {
    board.take_changes();
    const Shown all = board.all();
    return which == 0 ? all.agents : which == 1 ? all.queues : all.conversations;
  }
  static std::string item(const std::string& list, std::string_view id, std::vector<std::string_view> members) {
    json::Document document;
    const auto parsed = document.parse(list);
    if (!parsed.ok()) return "no JSON: " + list;
    for (auto each = parsed->first(); each; each = each->next()) {
      if (each->string_at("id") != id) continue;
      std::string out;
      for (const std::string_view name : members) {
        const auto member = each->find(name);
        if (!out.empty()) out += " ";
        out += !member ? "?" : member->is(json::Type::string) ? std::string(member->string()) : member->raw();
      }
      return out;
    }
    return "none";
  }
};

}  // namespace trunkline::board::testing
