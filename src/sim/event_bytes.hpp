#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace trunkline::sim {

// Reads what the hub delivers without the hub's own code: the simulator is an independent witness.

// The events of a request body: the elements of a JSON array, the lines of NDJSON, objects one behind the other, or the
// one object. Views into
// `body`, without white space around them. Broken JSON gives what could be told apart.
std::vector<std::string_view> split_events(std::string_view body);

struct OwnBytes {
  std::string_view head;       // the event's own bytes are this…
  bool closed = false;         // …and a closing brace, if members that the hub spliced in were taken off
  std::uint64_t sequence = 0;  // `_sequence` among the spliced members; 0: none
};
// Takes off what the hub adds at the end of an event: from the last `,"_processingTimestamp"` or `,"_sequence":` to the
// closing brace, whichever comes first.
OwnBytes own_bytes(std::string_view event);
std::string joined(const OwnBytes& bytes);

// The first "id" string of the outermost object; empty if there is none.
std::string_view envelope_id(std::string_view event);

}  // namespace trunkline::sim
