#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"
#include "engine/operations.hpp"

namespace trunkline::operation {

enum class Kind : std::uint8_t { redrive, replay };
enum class State : std::uint8_t {
  running,
  paused,   // by somebody
  stopped,  // by itself; the reason says why
  done,
  cancelled,
};
std::string_view name(Kind kind);
std::string_view name(State state);
inline bool ended(State state) {
  return state == State::done || state == State::cancelled;
}

// What of the log a replay gives again.
struct ReplayRange {
  base::WallTime from{};  // accepted from this time on,
  base::WallTime to{};    // and before this one
  std::string event_type{};
  std::string conversation{};
  bool all_routed = false;  // what went to the consumer when it was accepted, instead of what its filter of now matches
  base::Sequence first{};   // the part of the log that these times are in; found when the operation begins
  base::Sequence last{};
};

// What somebody asks for.
struct Request {
  Kind kind = Kind::redrive;
  std::string consumer{};
  base::QueueId queue{};
  std::string by{};                // who asks: the name of a key
  engine::RedriveFilter filter{};  // of a redrive
  ReplayRange range{};             // of a replay
  double rate = 100;               // events a second
  double stop_share = 0.2;         // stops by itself when more of the latest outcomes are failures
};

struct Operation {
  base::OperationId id;
  Request request{};
  State state = State::running;
  std::string reason{};  // of the state, for people
  base::WallTime created_at{};
  base::WallTime changed_at{};  // of the state
  std::uint64_t total = 0;      // of a redrive: dead letters that matched when it began
  engine::OperationTally tally{};
  double rate_now = 0;  // not kept
};

// What is kept of it in the engine's state. Errc::corrupt: bytes that do not fit, a newer version among them.
std::string encode(const Operation& operation);
base::Result<Operation> decode(std::string_view bytes);

std::string describe(const engine::RedriveFilter& filter);
// One line about what it gives, for people and for the audit record: "error_class=http_500 type=v2.x".
std::string describe(const Request& request);

// What somebody did, or had done.
struct AuditEntry {
  std::uint64_t id = 0;  // given by the audit; first is 1
  base::WallTime at{};
  std::string by{};
  std::string action{};  // stable word: "redrive", "replay", "pause", "purge", "edit", …
  std::string consumer{};
  base::OperationId operation{};  // 0: none
  std::string what{};
  std::string outcome{};  // empty: not known, the hub ended before it was
};
std::string encode(const AuditEntry& entry);
base::Result<AuditEntry> decode_audit(std::string_view bytes);

}  // namespace trunkline::operation
