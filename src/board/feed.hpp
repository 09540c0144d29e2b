#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "board/board.hpp"

namespace trunkline::board {

// What a subscriber wants to see, as bits.
enum Parts : std::uint8_t { kAgents = 1, kQueues = 2, kConversations = 4, kEverything = 7 };
// "agents,queues"; nothing when a word is another one. The empty text is everything.
std::optional<std::uint8_t> parse_parts(std::string_view text);

// One Server-Sent Event, blank line included. Shared, since many subscribers get the same one.
using SseText = std::shared_ptr<const std::string>;

// The board as a numbered stream of Server-Sent Events (WHATWG HTML, section 9.2). Each change has the next number; with
// a number of this feed's epoch that is not too old, a subscriber goes on from there. Pure; not thread-safe.
class Feed {
 public:
  // Of the changes that are kept for those who come back: at four a second a minute, and no more bytes than a
  // snapshot of a large board.
  static constexpr std::size_t kKeptMax = 256;
  static constexpr std::size_t kKeptBytesMax = 4 << 20;

  // `epoch` is a word that no other run of the program has.
  Feed(Board& board, std::string epoch);

  // Numbers what has changed since the last call; false when nothing has.
  bool advance(base::WallTime now);
  std::uint64_t sequence() const { return sequence_; }

  SseText snapshot(std::uint8_t parts, base::WallTime now);
  // The change that advance() has just numbered; null when it is in none of these parts.
  SseText delta(std::uint8_t parts) { return delta(kept_.back(), parts); }
  // What comes behind the event of that id; nothing when the id is of another epoch, or too old.
  std::optional<std::vector<SseText>> since(std::string_view last_event_id, std::uint8_t parts);

 private:
  struct Change {
    std::uint64_t sequence = 0;
    base::WallTime at;
    Shown shown;
    std::size_t bytes = 0;
    SseText texts[kEverything + 1];  // made when first wanted
  };
  SseText delta(Change& change, std::uint8_t parts);
  std::string id(std::uint64_t sequence) const;

  Board& board_;
  const std::string epoch_;
  std::uint64_t sequence_ = 0;
  std::deque<Change> kept_;
  std::size_t kept_bytes_ = 0;
  SseText snapshots_[kEverything + 1];  // of this sequence
};

}  // namespace trunkline::board
