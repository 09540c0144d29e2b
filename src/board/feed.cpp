#include "board/feed.hpp"

#include <fmt/format.h>

#include <charconv>

#include "base/text.hpp"

namespace trunkline::board {

std::optional<std::uint8_t> parse_parts(std::string_view text) {
  if (text.empty()) return kEverything;
  std::uint8_t parts = 0;
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view word = text.substr(0, comma);
    if (word == "agents") {
      parts |= kAgents;
    } else if (word == "queues") {
      parts |= kQueues;
    } else if (word == "conversations") {
      parts |= kConversations;
    } else {
      return std::nullopt;
    }
    if (comma == text.npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

Feed::Feed(Board& board, std::string epoch) : board_(board), epoch_(std::move(epoch)) {
  board_.take_changes();
}

std::string Feed::id(std::uint64_t sequence) const {
  return fmt::format("{}-{}", epoch_, sequence);
}

bool Feed::advance(base::WallTime now) {
  Shown shown = board_.take_changes();
  if (!shown.agents_changed && !shown.queues_changed && !shown.conversations_changed) return false;
  ++sequence_;
  for (SseText& snapshot : snapshots_) snapshot.reset();
  Change& change = kept_.emplace_back();
  change.sequence = sequence_;
  change.at = now;
  // With the text that is made of it, twice that.
  change.bytes = 2 * (shown.agents.size() + shown.queues.size() + shown.conversations.size() +
                      shown.agents_gone.size() + shown.queues_gone.size() + shown.conversations_gone.size());
  change.shown = std::move(shown);
  kept_bytes_ += change.bytes;
  while (kept_.size() > 1 && (kept_.size() > kKeptMax || kept_bytes_ > kKeptBytesMax)) {
    kept_bytes_ -= kept_.front().bytes;
    kept_.pop_front();
  }
  return true;
}

SseText Feed::snapshot(std::uint8_t parts, base::WallTime now) {
  SseText& text = snapshots_[parts];
  if (text) return text;
  const Shown all = board_.all();
  std::string out = fmt::format("id: {}\nevent: snapshot\ndata: {{\"sequence\":{},\"at\":\"{}\"", id(sequence_),
                                sequence_, base::format_time(now));
  const auto add = [&](Parts part, std::string_view name, const std::string& list) {
    if ((parts & part) != 0) fmt::format_to(std::back_inserter(out), ",\"{}\":{}", name, list);
  };
  add(kAgents, "agents", all.agents);
  add(kQueues, "queues", all.queues);
  add(kConversations, "conversations", all.conversations);
  out += "}\n\n";
  text = std::make_shared<const std::string>(std::move(out));
  return text;
}

SseText Feed::delta(Change& change, std::uint8_t parts) {
  const Shown& shown = change.shown;
  const std::uint8_t changed =
      static_cast<std::uint8_t>((shown.agents_changed ? kAgents : 0) | (shown.queues_changed ? kQueues : 0) |
                                (shown.conversations_changed ? kConversations : 0));
  const std::uint8_t wanted = parts & changed;
  if (wanted == 0) return nullptr;
  SseText& text = change.texts[wanted];
  if (text) return text;
  std::string out = fmt::format("id: {}\nevent: delta\ndata: {{\"sequence\":{},\"at\":\"{}\"", id(change.sequence),
                                change.sequence, base::format_time(change.at));
  std::string gone;
  const auto add = [&](Parts part, std::string_view name, const std::string& list, const std::string& gone_list) {
    if ((wanted & part) == 0) return;
    if (list.size() > 2) fmt::format_to(std::back_inserter(out), ",\"{}\":{}", name, list);
    if (gone_list.size() > 2)
      fmt::format_to(std::back_inserter(gone), "{}\"{}\":{}", gone.empty() ? "" : ",", name, gone_list);
  };
  add(kAgents, "agents", shown.agents, shown.agents_gone);
  add(kQueues, "queues", shown.queues, shown.queues_gone);
  add(kConversations, "conversations", shown.conversations, shown.conversations_gone);
  if (!gone.empty()) fmt::format_to(std::back_inserter(out), ",\"gone\":{{{}}}", gone);
  out += "}\n\n";
  text = std::make_shared<const std::string>(std::move(out));
  return text;
}

std::optional<std::vector<SseText>> Feed::since(std::string_view last_event_id, std::uint8_t parts) {
  const std::size_t dash = last_event_id.rfind('-');
  if (dash == last_event_id.npos || last_event_id.substr(0, dash) != epoch_) return std::nullopt;
  const std::string_view digits = last_event_id.substr(dash + 1);
  std::uint64_t seen = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seen);
  if (error != std::errc() || end != digits.data() + digits.size() || seen > sequence_) return std::nullopt;
  std::vector<SseText> texts;
  if (seen == sequence_) return texts;
  if (kept_.empty() || kept_.front().sequence > seen + 1) return std::nullopt;
  for (Change& change : kept_) {
    if (change.sequence <= seen) continue;
    if (SseText text = delta(change, parts)) texts.push_back(std::move(text));
  }
  return texts;
}

}  // namespace trunkline::board
