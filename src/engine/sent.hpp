#pragma once

#include <string_view>

#include "engine/engine.hpp"

// Messages that clients send to one queue, through an API that is none of the event sources'. They are records of the log
// like events are, routed to that queue alone; nothing else that looks through the log takes them for events.
namespace trunkline::engine {

// The name of such a queue begins so, and so does the source name of what is in it. No consumer and no source of a
// configuration can have such a name.
inline constexpr std::string_view kSentPrefix = "sqs/";
// The envelope identity of such a message, which its sender chose, has no twin that was accepted longer ago. A content
// identity is the API's own, and has the engine's window.
inline constexpr base::Millis kSentIdentityWindow = std::chrono::minutes(5);

inline bool is_sent(const Record& record) {
  return record.source_name.starts_with(kSentPrefix);
}
// In a standard queue of these a message waits, by itself, until its event_time() has come. It counts as backing off
// meanwhile, and costs some 300 bytes of memory. The event_time() of such a message is its business time, however far
// ahead that is.
inline bool takes_sent(const QueueSpec& queue) {
  return queue.name.starts_with(kSentPrefix);
}

}  // namespace trunkline::engine
