#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"

namespace trunkline::put_events {

// One entry of a PutEvents call. A plain value.
struct Entry {
  std::string bus;  // name of the event bus: of its ARN the last part, "default" where none is given
  // What EventBridge itself answers to such an entry; empty: it is good.
  std::string error_code{};
  std::string error_message{};
  std::string event_id{};  // a new one
  std::string envelope{};  // the event as EventBridge hands it on; Detail's bytes as they came
};

struct Where {
  std::string account;
  std::string region;
};

inline constexpr std::size_t kEntriesMax = 10;
inline constexpr std::size_t kBytesMax = 256 << 10;  // over all entries, as EventBridge counts them

// What of the whole request is wrong, in EventBridge's words; else the entries, in order.
struct Call {
  std::optional<std::string> fault{};
  std::vector<Entry> entries{};
};
Call read_entries(std::string_view body, const Where& where, base::WallTime now);

}  // namespace trunkline::put_events
