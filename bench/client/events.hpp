#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace trunkline::bench {

constexpr std::size_t kEventBytes = 1024;

// Events of exactly 1,024 bytes as EventBridge sends them: the end of an agent's session. Every event has its own
// envelope id, session and time, sixteen follow one another in one conversation. `salt` tells runs apart.
class EventMaker {
 public:
  explicit EventMaker(std::uint32_t salt);

  // Appends the event of that number.
  void append(std::string& out, std::uint64_t number);

 private:
  std::string text_;
};

// The number in the envelope id of the first event at or behind `from`; `from` moves behind it. False: there is none.
bool next_number(std::string_view text, std::size_t& from, std::uint64_t& number);

}  // namespace trunkline::bench
