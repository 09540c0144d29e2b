#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/function.hpp"
#include "base/result.hpp"
#include "engine/engine.hpp"

namespace trunkline::delivery {

// What the downstream said of one event (DESIGN section 6).
enum class Verdict : std::uint8_t {
  delivered,
  retry,        // not now; no attempt is spent; bounded by retry_for
  rejected,     // this event is bad: one attempt
  unavailable,  // the downstream is; nothing is spent, the breaker opens
};
struct EventVerdict {
  Verdict verdict = Verdict::delivered;
  std::optional<base::Millis> after;  // Retry-After
  std::string error_class;            // stable word: "http_503", "connect", "timeout"
  std::string detail;                 // for people, at most 1 KiB
  // Of a retry: the downstream has answered as it should, what this event needs is not there yet. Its lane counts as one
  // that is served, so that many events that wait for something are no outage.
  bool downstream_is_well = false;
};

// The verdicts of one batch. refused: the batch as a whole was not taken and nobody knows which event is the bad one:
// it is halved until the bad event stands alone; no attempt for the innocent.
struct BatchVerdict {
  bool refused = false;
  std::vector<EventVerdict> events{};  // one per event of the batch; of a refused batch, one that says why
  // Of a refused batch: the place of the event that the downstream names. It is sent alone next, and so are those before
  // it and those behind it together, instead of two halves. Named wrongly it costs requests, no attempt.
  std::optional<std::size_t> suspect{};
};

// A batch is frozen: it is sent again as it is until it has a verdict.
struct Batch {
  std::string consumer;
  std::uint64_t id = 0;                         // unique in the process
  std::uint32_t attempt = 1;                    // how often the head was tried, this one included
  std::vector<engine::LeasedMessage> messages;  // in order within each message group
  // Of each message the number of its lane in this batch; empty for a consumer without order. An event's own ids do not
  // say it: a mapping may have concealed them.
  std::vector<std::uint32_t> lanes{};
  std::string mapping{};  // version of what the messages were mapped by; empty: they are as they came
};

struct SinkLimits {
  std::size_t max_batch_messages = 1;
  std::size_t max_batch_bytes = 1 << 20;
};

// Speaks one downstream's protocol. Lives on one loop; send() and its callback run there, the callback never inside
// send(). Every send ends in exactly one callback within the sink's own time-out. Several sends may be under way.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual SinkLimits limits() const = 0;
  virtual void send(Batch batch, base::UniqueFunction<void(BatchVerdict)> done) = 0;

  // Whether delivery rests: paused, a maintenance window, the end of the program. A sink that sends something of its own
  // (a snapshot, now and then) sends nothing meanwhile, nor before it was told for the first time. On the loop.
  virtual void rest(bool resting) { (void)resting; }

  // For `trunkline check`: tries the target without sending it an event. Says for people what was found ("reachable,
  // certificate valid"), or what is wrong and what to do about it; Errc::unsupported: this kind of sink has nothing to try.
  // The callback runs on the sink's loop exactly once, inside probe() or later, within the sink's own time-out.
  virtual void probe(base::UniqueFunction<void(base::Result<std::string>)> done) {
    done(base::Error{base::Errc::unsupported, "there is nothing to try"});
  }
};

}  // namespace trunkline::delivery
