#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "board/facts.hpp"
#include "engine/record.hpp"
#include "json/document.hpp"

namespace trunkline::wfm {

using board::Time;

// That an agent was of this presence, or of this routing status, from a moment on. Texts are at most 100 bytes and without
// control characters.
struct StateFact {
  enum class Kind : std::uint8_t { presence, routing };
  static constexpr std::size_t kTextBytesMax = 100;

  std::string agent;
  Time at = 0;
  Kind kind = Kind::presence;
  std::string value;
  std::string reason{};  // of a presence: the id of its definition

  auto operator<=>(const StateFact&) const = default;
};

// What is known of an agent at one moment. The newest fact of each kind counts, the greater text of two of one moment, so
// that the same facts give the same state in any order and with any repeats.
struct AgentState {
  std::string presence;
  std::string reason;
  std::string routing;
  Time presence_at = 0;
  Time routing_at = 0;

  bool known() const { return presence_at != 0 || routing_at != 0; }
  bool has(const StateFact& fact) const;
  // Whether anything has changed.
  bool apply(const StateFact& fact);
  bool operator==(const AgentState&) const = default;
};

// Of v2.users.{id}.presence (of the primary source), .routingStatus and .activity, and of the flat form with a user; of every
// other event nothing. A time more than engine::kEventTimeAhead after the acceptance is a clock that is wrong: then it is
// that of the acceptance.
class FactReader {
 public:
  // Valid until the next call.
  const std::vector<StateFact>& read(const engine::Record& record);

 private:
  json::Document document_;
  board::Facts facts_;
  std::vector<StateFact> found_;
};

}  // namespace trunkline::wfm
