#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/function.hpp"
#include "base/loop.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"
#include "engine/delivery_window.hpp"
#include "engine/operations.hpp"
#include "engine/record.hpp"

namespace trunkline::engine {

// ---- Queues

enum class OnFull : std::uint8_t { refuse, expire };

// What a queue is. Changing `order` of a queue that holds messages is refused (Errc::conflict).
struct QueueSpec {
  std::string name;
  event::Order order = event::Order::none;  // none: a standard queue; else FIFO by that message group
  base::Millis max_wait = std::chrono::hours(24 * 14);
  OnFull on_full = OnFull::refuse;
  bool pulled = false;                                         // leases and receive counts are durable
  base::Millis visibility_timeout = std::chrono::seconds(30);  // of a pulled lease
  std::uint32_t max_receive_count = 5;                         // of a pulled message, then it is dead-lettered
  bool park_on_max_receive = false;                            // pulled: hold the lane instead of going on
  // FIFO, Capability::event_time_window: an event waits this long after its acceptance, and goes out in the order of
  // event_time(), then of sequence, among those of its lane that came meanwhile. 0: none, the order is the sequence.
  base::Millis event_time_window{0};
};

// A lane that holds something up: its head backs off or is parked.
struct Blocker {
  base::Sequence head;
  bool parked = false;  // else it backs off
  base::GroupKey group;
  std::string group_text;    // empty where it is not known (yet), or where the queue has no order
  std::uint64_t behind = 0;  // events that wait behind the head
  std::uint32_t attempts = 0;
  std::string error_class;
  base::WallTime since;                  // of the last attempt
  std::optional<base::WallTime> next{};  // of the next attempt; nothing when parked
};
inline constexpr std::size_t kBlockersMax = 10;

struct QueueStatistics {
  std::uint64_t waiting = 0;  // accepted, not settled, nothing below; includes those behind a blocked lane
  std::uint64_t in_flight = 0;
  std::uint64_t backing_off = 0;                 // heads of lanes that wait for a retry
  std::uint64_t parked = 0;                      // heads of parked lanes; each is one dead letter
  std::uint64_t dead_letters = 0;                // skipped ones, in the dead-letter queue
  std::uint64_t lanes = 0;                       // non-empty lanes held in memory
  std::uint64_t replaying = 0;                   // given once more by a replay, not delivered yet; in none of the above
  std::uint64_t delivered = 0;                   // since start
  std::uint64_t expired = 0;                     // since start
  std::uint64_t in_window = 0;                   // of those that wait: in their event-time window
  std::uint64_t late = 0;                        // since the process began: came after their event-time window
  std::uint64_t left_early = 0;                  // likewise: had to leave it early since too many were in it
  std::optional<base::WallTime> oldest_waiting;  // accepted_at of the oldest that is not settled
  RecentDeliveries minute;                       // of the last minute, and of the last 15
  RecentDeliveries quarter;
  std::vector<Blocker> blockers;  // most events behind them first, kBlockersMax at most; a few seconds old

  // What would be given up with the queue.
  std::uint64_t held() const { return waiting + in_flight + backing_off + parked + dead_letters; }
};

// ---- Publish

struct PublishEntry {
  event::Event event;
  std::string source_name;
  std::vector<base::QueueId> routes;  // ascending
  base::PolicyVersion policy_version;
};
using PublishItem = std::variant<PublishEntry, Quarantined>;

enum class PublishVerdict : std::uint8_t {
  accepted,
  duplicate,    // `sequence` is the stored twin's
  conflict,     // stored, marked: same identity, another body
  quarantined,  // `sequence` is the quarantine id
  failed,       // nothing stored for this item; `error` says why
};
struct PublishResult {
  PublishVerdict verdict = PublishVerdict::failed;
  std::uint64_t sequence = 0;
  std::optional<base::Error> error;
};
using PublishCallback = base::UniqueFunction<void(std::vector<PublishResult>)>;  // one result per item, in order

// ---- Delivery

struct LeasedMessage {
  RecordPtr record;
  std::uint32_t attempts = 0;                // deliveries that ended in *rejected* so far
  std::uint32_t receive_count = 1;           // of this queue, this receive included
  std::optional<base::Sequence> gap_before;  // the event of this lane that was skipped just before this one
  bool redriven = false;
  bool late = false;    // later events of its lane had left the event-time window already; it goes behind them
  bool edited = false;  // the record's raw body is not the event's own: an operator has replaced it
  std::optional<base::OperationId> replay{};  // given once more by this operation; stands outside of the lane's order
  std::uint64_t order = 0;  // ascends in its lane where an event-time window has ordered it; 0: the sequence does
};

// Messages of one message group, in order. While a lease is out, its group gives out no other.
struct Lease {
  base::QueueId queue;
  std::uint64_t id = 0;
  base::GroupKey group;
  std::optional<base::WallTime> deadline;  // pulled queues: the visibility timeout; push leases end with the process
  std::vector<LeasedMessage> messages;
};

struct ReceiveLimits {
  std::size_t max_messages = 1;  // over all leases
  std::size_t max_messages_per_group = 1;
  std::size_t max_bytes = 1 << 20;  // of raw bodies; one message is given even when it is larger
  std::size_t max_groups = SIZE_MAX;
  // A standard queue gives a lease of its own for each message instead of one for all, so that each can be settled and
  // extended by itself. A FIFO queue does the same with max_messages_per_group = 1.
  bool lease_each = false;
  base::Millis visibility_timeout{0};  // pulled: 0 takes the queue's
  // Pulled: a message that is received more often than that is the receiver's for `hold` at least, however short the timeout
  // is: it has to be moved elsewhere, and must not be anybody else's until it has left. 0: none is.
  std::uint32_t hold_beyond = 0;
  base::Millis hold{0};
  base::Millis wait = std::chrono::hours(24);  // how long to wait for the first message; then an empty answer
};
using ReceiveCallback = base::UniqueFunction<void(base::Result<std::vector<Lease>>)>;

enum class Fate : std::uint8_t {
  delivered,
  retry,    // the lane backs off for `delay`, later events wait behind it
  park,     // the lane stops until a redrive
  skip,     // to the dead-letter queue; the lane goes on and its next event says gap_before
  drop,     // settled without delivery, recorded as skipped
  release,  // untouched: back to the front of its lane
};
struct MessageFate {
  Fate fate = Fate::delivered;
  base::Millis delay{0};       // retry
  std::uint32_t attempts = 0;  // to be kept with the message (retry, park, skip)
  std::string error_class;     // stable word: "http_500", "timeout"; kept with the message
  std::string error_detail;    // at most 1 KiB is kept
  // release, of a pulled message that has not reached anybody: this receive is not counted.
  bool uncounted = false;
};
using DoneCallback = base::UniqueFunction<void(base::Result<void>)>;

// ---- Dead letters, quarantine, state

struct DeadLetter {
  base::Sequence sequence;
  bool parked = false;  // true: it holds its lane; false: it was skipped
  base::GroupKey group;
  std::string group_text;
  std::uint32_t attempts = 0;
  std::string error_class;
  std::string error_detail;
  base::WallTime since;
  RecordPtr record;                     // null where the body is gone
  std::optional<std::string> edited{};  // the body that is delivered instead of the record's
};
struct Page {
  std::uint64_t after = 0;  // sequence or quarantine id; 0 starts
  std::size_t limit = 100;  // at most 1,000
};

enum class Capability : std::uint8_t { lanes_in_engine, park, event_time_window, state, quarantine, operations };

// What the pipeline needs of a broker. Callbacks go to loops that the engine was given when it was made, and to no
// other. Publishing and administration: any loop's thread, the callback is posted to the loop that was given. Receiving
// and settling: only on loop_of(queue), where the callbacks run, too. Callbacks are never run inside the call. After
// stop() every callback still waiting gets Errc::cancelled.
class Engine {
 public:
  virtual ~Engine() = default;

  virtual std::vector<Capability> capabilities() const = 0;

  // Creates the queue or takes over the one of that name. A new queue starts at the end of the log.
  virtual base::Result<base::QueueId> declare(const QueueSpec& spec) = 0;
  // Forgets the queue and all that waits in it. Its id is never used again. After Errc::unavailable it may be gone or
  // there, and is what it was before or not found; called again it answers Errc::not_found where it is gone.
  virtual base::Result<void> remove(base::QueueId queue) = 0;
  virtual base::Loop& loop_of(base::QueueId queue) = 0;

  // All items of one call are in one atomic write. The callback runs when the write is on disk (fsynced) or has failed.
  virtual void publish(std::vector<PublishItem> items, base::Loop& reply_on, PublishCallback done) = 0;

  // At most one receive is outstanding per push queue; a pulled queue may have 1,000.
  virtual void receive(base::QueueId queue, const ReceiveLimits& limits, ReceiveCallback done) = 0;
  // Drops the outstanding receives of a push queue; their callbacks get Errc::cancelled.
  virtual void cancel_receive(base::QueueId queue) = 0;
  // One fate per message of the lease, in order. In a FIFO queue the lane is cut at the first message that was not
  // delivered: everything after it must be release. `done`, where given, runs when the outcome is on disk; a push
  // settle without it is on disk within 50 ms.
  virtual void settle(base::QueueId queue, std::uint64_t lease, std::vector<MessageFate> fates,
                      DoneCallback done = {}) = 0;
  // Pulled queues: the lease lasts that long from now on, longer or shorter than before. `done` runs when that is on
  // disk. Errc::not_found: it has ended; Errc::unsupported.
  virtual void extend(base::QueueId queue, std::uint64_t lease, base::Millis visibility_timeout, DoneCallback done);

  virtual QueueStatistics statistics(base::QueueId queue) = 0;  // any thread; about a second old at most

  virtual void dead_letters(base::QueueId queue, Page page, base::Loop& reply_on,
                            base::UniqueFunction<void(base::Result<std::vector<DeadLetter>>)> done) = 0;
  // Parked lanes go on with the parked event, then its successors; skipped events go to the front of their lane, in
  // order.
  virtual void redrive(base::QueueId queue, RedriveFilter filter, base::Loop& reply_on,
                       base::UniqueFunction<void(base::Result<std::uint64_t>)> done) = 0;
  // Dead letters that match are settled as purged; a parked lane goes on with its successors.
  virtual void purge_dead_letters(base::QueueId queue, RedriveFilter filter, base::Loop& reply_on,
                                  base::UniqueFunction<void(base::Result<std::uint64_t>)> done) = 0;

  // Another body for a dead letter: it is what is delivered from now on, marked, until the event is settled; the log
  // keeps the event's own, and everything else about the event stays as it was. Errc::not_found.
  virtual void edit_dead_letter(base::QueueId queue, base::Sequence sequence, std::string body, base::Loop& reply_on,
                                DoneCallback done);

  // ---- operations (Capability::operations; without it every one is Errc::unsupported)

  using StepCallback = base::UniqueFunction<void(base::Result<StepResult>)>;
  virtual void summarize_dead_letters(base::QueueId queue, RedriveFilter filter, base::Loop& reply_on,
                                      base::UniqueFunction<void(base::Result<DeadLetterSummary>)> done);
  // The answer says what is on disk: all of the step, or nothing. Errc::overloaded: the queue remembers too many.
  virtual void redrive_step(base::QueueId queue, RedriveStep step, base::Loop& reply_on, StepCallback done);
  virtual void replay_step(base::QueueId queue, ReplayStep step, base::Loop& reply_on, StepCallback done);
  // An operation that has not made a step has an empty tally.
  virtual void operation_tally(base::QueueId queue, base::OperationId operation, base::Loop& reply_on,
                               StepCallback done);
  // What a replay has given and what is not in flight is taken back; redriven events stay where they are. `forget`: the
  // tally goes, too, once nothing of it is open.
  virtual void end_operation(base::QueueId queue, base::OperationId operation, bool forget, base::Loop& reply_on,
                             StepCallback done);

  virtual void quarantine_list(Page page, base::Loop& reply_on,
                               base::UniqueFunction<void(base::Result<std::vector<Quarantined>>)> done) = 0;
  virtual void quarantine_remove(std::vector<std::uint64_t> ids, base::Loop& reply_on, DoneCallback done) = 0;

  // Small durable state by (owner, key): at most 64 KiB, versioned. put with a version that is not the stored one is
  // Errc::conflict; version 0 means "not there yet".
  struct StateValue {
    std::uint64_t version = 0;
    std::string bytes;
  };
  virtual base::Result<std::optional<StateValue>> get_state(const std::string& owner, const std::string& key) = 0;
  virtual void put_state(const std::string& owner, const std::string& key, std::uint64_t version, std::string bytes,
                         base::Loop& reply_on, DoneCallback done) = 0;
  // Several keys of an owner that writes from one place only, in one write.
  struct StateWrite {
    std::string key;
    std::optional<std::string> bytes;  // nothing removes the key
  };
  virtual void update_state(const std::string& owner, std::vector<StateWrite> writes, base::Loop& reply_on,
                            DoneCallback done);
  // All of an owner, by key.
  virtual base::Result<std::map<std::string, std::string>> list_state(const std::string& owner) = 0;
  // Forgets all of an owner; on disk when it returns. What write_state() was given before and no settle has taken along
  // yet may still come: remove the queue first, or replace what writes.
  virtual base::Result<void> remove_state(const std::string& owner) = 0;
  // State that follows from what a queue delivers, of an owner that writes nowhere else: it is on disk in the same
  // commit as the settles of that queue that come after this call, or in an earlier one, so that what is settled is in
  // the state. After a commit that failed the events come again, and their state is to be written again. Only on
  // loop_of(queue). A value beyond 64 KiB is left out, as the check of the caller's own bounds that it is.
  virtual void write_state(base::QueueId queue, const std::string& owner, std::vector<StateWrite> writes) = 0;
};

}  // namespace trunkline::engine
