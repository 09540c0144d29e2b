#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "aws_engine/handed.hpp"
#include "base/hash.hpp"
#include "base/result.hpp"
#include "engine/engine.hpp"
#include "engine/record.hpp"

// What is kept in the table and carried in messages. Every decode of bytes that do not fit is Errc::corrupt, never a guess.
namespace trunkline::aws_engine {

inline std::uint64_t millis(base::WallTime time) {
  return static_cast<std::uint64_t>(time.time_since_epoch().count());
}
inline base::WallTime wall(std::uint64_t millis) {
  return base::WallTime(base::Millis(static_cast<std::int64_t>(millis)));
}

// Everything of a record but the raw body and the sequence.
std::string encode_head(const engine::Record& record);
base::Result<engine::Record> decode_head(base::Sequence sequence, std::string_view bytes);

// The events that an identity stands for.
struct Twin {
  base::Sequence sequence;
  base::Hash128 body_hash{};
  std::uint64_t accepted_ms = 0;
};
constexpr std::size_t kTwinsMax = 8;  // bodies remembered per identity; the oldest is forgotten
std::string encode_twins(const std::vector<Twin>& twins);
base::Result<std::vector<Twin>> decode_twins(std::string_view bytes);

// A message that was received: what is needed to settle it.
struct Held {
  base::Sequence sequence;
  std::string id;      // SQS's own, of this copy of the event
  std::string handle;  // receipt handle
  std::string group;   // its lane's text; empty in a standard queue
  base::Sequence gap;  // the event skipped before it; 0: none
  std::uint64_t received_ms = 0;
  HandedPlace handed{};  // in memory only
};
std::string encode_held(const std::vector<Held>& held);
base::Result<std::vector<Held>> decode_held(std::string_view bytes);

std::string encode_quarantined(const engine::Quarantined& input);
base::Result<engine::Quarantined> decode_quarantined(std::uint64_t id, std::string_view bytes);

// What SQS takes as the text of a message (#x9 #xA #xD #x20-#xD7FF #xE000-#xFFFD #x10000-#x10FFFF): of valid UTF-8.
bool is_message_text(std::string_view text);
// The group as a MessageGroupId: as it is, or its SHA-256 where it is over 128 characters or has others than letters,
// digits and punctuation.
std::string message_group_id(std::string_view group);

}  // namespace trunkline::aws_engine
