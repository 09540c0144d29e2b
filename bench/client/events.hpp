#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace trunkline::bench {

constexpr std::size_t kEventBytes = 1024;

struct EventShape {
  std::uint32_t salt = 0;               // tells runs apart
  std::uint64_t per_conversation = 16;  // so many follow one another in one conversation
  std::uint64_t rare_every = 0;         // every so manieth is of an e-mail instead of a call; 0: none
  bool opens = false;                   // agents' sessions that begin, so that conversations are open; else they end
  std::uint64_t agents = 1;             // that take turns
  std::uint64_t queues = 1;             // that take turns
};

// Events of exactly 1,024 bytes as EventBridge sends them: the end, or the begin, of an agent's session. Every event has
// its own envelope id, session and time.
class EventMaker {
 public:
  explicit EventMaker(const EventShape& shape);

  // Appends the event of that number.
  void append(std::string& out, std::uint64_t number);

 private:
  struct Place {
    std::size_t at = 0;
    char mark = 0;
  };
  std::uint64_t value_of(char mark, std::uint64_t number) const;

  EventShape shape_;
  std::string text_;
  std::vector<Place> places_;
  std::size_t time_ = 0;
  std::size_t medium_ = 0;
};

// The number in the envelope id of the first event at or behind `from`; `from` moves behind it. False: there is none.
bool next_number(std::string_view text, std::size_t& from, std::uint64_t& number);

}  // namespace trunkline::bench
