#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/strong.hpp"
#include "event/event.hpp"

namespace trunkline::engine {

// One event in the log. Immutable once it is there.
struct Record {
  base::Sequence sequence;
  base::WallTime accepted_at;
  std::string source_name;  // the configured source that took it
  base::PolicyVersion policy_version;
  std::vector<base::QueueId> routes;  // ascending
  bool conflict = false;  // a known identity came with another body, or its two identities point at two events
  event::Event event;
};
using RecordPtr = std::shared_ptr<const Record>;

// What an event-time window sorts by: when it happened where that is known to the millisecond, else when it was sent
// (detail.timestamp), else when it was accepted. A time more than kEventTimeAhead after the acceptance is nobody's word
// for when the event happened (a clock that is wrong, a plan for tomorrow) and is passed over: one such event would make
// all that follow it in its lane late.
inline constexpr base::Millis kEventTimeAhead = std::chrono::minutes(10);
base::WallTime event_time(const Record& record);

// Input that could not be understood, kept until somebody has looked.
struct Quarantined {
  std::uint64_t id = 0;  // given by the engine; first is 1
  base::WallTime received_at;
  std::string source_name;
  std::string content_type;
  std::string reason;  // stable word, for counting: "not_json", "bare_event_body", …
  std::string detail;  // for people
  std::string bytes;   // as received
};

}  // namespace trunkline::engine
