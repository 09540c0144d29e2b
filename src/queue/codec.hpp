#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/strong.hpp"
#include "engine/engine.hpp"
#include "engine/record.hpp"
#include "queue/keys.hpp"

// What the values of keys.hpp look like. Every decode of bytes that do not fit is Errc::corrupt, never a guess.
namespace trunkline::queue {

// Times are kept as milliseconds since 1970, UTC.
inline std::int64_t millis(base::WallTime time) {
  return time.time_since_epoch().count();
}

// ---- log

// Encoded before the commit thread has decided on `conflict`; set_conflict patches it.
std::string encode_record(const engine::Record& record);
void set_conflict(std::string& encoded);
base::Result<engine::Record> decode_record(base::Sequence sequence, std::string_view bytes);

// ---- scan

constexpr std::size_t kOrders = 4;  // conversation, agent, queue, topic; see event::Order
struct ScanEntry {
  std::int64_t accepted_ms = 0;
  std::int64_t event_ms = 0;  // engine::event_time(); as accepted_ms where format 2 or an older one wrote it
  std::uint32_t bytes = 0;    // of the raw body
  std::array<base::GroupKey, kOrders> groups{};
  std::vector<base::QueueId> routes;  // ascending
};
std::string encode_scan(const ScanEntry& entry);
base::Result<ScanEntry> decode_scan(std::string_view bytes);
// Whether the encoded scan entry names the queue, without the cost of decoding; true also for bytes that are none, which
// decode_scan then refuses.
bool may_route_to(std::string_view bytes, base::QueueId queue);
std::array<base::GroupKey, kOrders> group_keys(const event::Event& event);
// The lane of an event in a queue of that order; in a standard queue every event is its own.
base::GroupKey group_in(const std::array<base::GroupKey, kOrders>& groups, event::Order order, base::Sequence sequence);

// ---- identity

struct Twin {
  base::Sequence sequence;
  base::Hash128 body_hash{};
  std::int64_t accepted_ms = 0;
};
constexpr std::size_t kTwinsMax = 8;  // bodies remembered per identity; the oldest is forgotten
std::string encode_twins(const std::vector<Twin>& twins);
base::Result<std::vector<Twin>> decode_twins(std::string_view bytes);

// ---- queue

struct QueueTotals {
  std::uint64_t settled = 0;  // delivered, skipped, dropped, expired, purged
  std::uint64_t delivered = 0;
  std::uint64_t expired = 0;
  std::uint64_t rows = 0;
  std::uint64_t parked = 0;
  std::uint64_t dead_letters = 0;  // skipped ones
};
// Every event up to `scanned` that is routed to the queue is settled, or has a row, or is one of `outstanding`.
struct CursorRecord {
  base::Sequence scanned;
  std::vector<base::Sequence> outstanding;  // ascending
  QueueTotals totals;
  // Of a queue with an event-time window: the last order that it has given to an event, at most `scanned`. All that is
  // outstanding is in the window then; what has left it has a row.
  std::optional<std::uint64_t> ordered{};
};
std::string encode_cursor(const CursorRecord& cursor);
base::Result<CursorRecord> decode_cursor(std::string_view bytes);

enum class LaneState : std::uint8_t { ready, backing_off, parked, leased };
// One of the first messages of a lane, which were received together and have a lease each.
struct LeasedEach {
  std::uint64_t lease = 0;  // 0: visible again, while others of them are in flight
  base::Sequence sequence;
  std::int64_t until_ms = 0;  // deadline of the visibility timeout
};
struct LaneHeader {
  LaneState state = LaneState::ready;
  std::uint64_t rows = 0;
  base::Sequence head;  // the event that attempts and error belong to
  std::uint32_t attempts = 0;
  std::int64_t until_ms = 0;  // backing_off: wall time of the next try; leased: deadline of the visibility timeout
  std::int64_t since_ms = 0;  // of the state
  std::uint64_t lease = 0;    // leased (pulled queues)
  std::uint32_t leased = 0;   // how many messages from the head on
  base::Sequence gap_before;  // value 0: none
  std::string error_class;
  std::string error_detail;
  std::vector<LeasedEach> each{};  // leased: as many as `leased`, in order; empty: one lease over all of them
};
std::string encode_lane(const LaneHeader& header);
base::Result<LaneHeader> decode_lane(std::string_view bytes);

// Messages of a standard queue that one receive gave out for the first time, and that nothing has been said of since but
// that some of them are settled: one entry instead of a row and a lane for each.
struct StoredReceive {
  std::int64_t since_ms = 0;
  std::vector<LeasedEach> messages;  // never empty
};
std::string encode_receive(const StoredReceive& receive);
base::Result<StoredReceive> decode_receive(std::string_view bytes);

struct Row {
  std::int64_t accepted_ms = 0;
  std::uint32_t bytes = 0;
  std::uint32_t receive_count = 0;
  bool redriven = false;
  base::OperationId operation{};  // that redrove it, or replays it; 0: none
  bool edited = false;            // another body stands for the event's own, see keys.hpp
  std::uint64_t order = 0;        // given when it left its event-time window; 0: its sequence
  bool late = false;              // it came when later ones had left already
  base::GroupKey tenant{};        // of a queue that is shared, see QueueCore::fair(); 0: none
};
inline Position position_of(base::Sequence sequence, std::uint64_t order) {
  return {order != 0 ? order : sequence.value, sequence};
}
std::string encode_row(const Row& row);
base::Result<Row> decode_row(std::string_view bytes);

struct RowPlace {
  base::GroupKey group;
  std::int64_t accepted_ms = 0;
  base::OperationId operation{};  // of the row,
  bool edited = false;            // likewise
  std::uint64_t order = 0;        // likewise
};
std::string encode_place(const RowPlace& place);
base::Result<RowPlace> decode_place(std::string_view bytes);

// What has left the event-time window of a lane: the latest of it. What comes before that is late.
struct LeftWindow {
  std::int64_t event_ms = 0;
  base::Sequence sequence;
  auto operator<=>(const LeftWindow&) const = default;
};
std::string encode_left(const LeftWindow& left);
base::Result<LeftWindow> decode_left(std::string_view bytes);

struct DeadLetterEntry {
  bool parked = false;
  base::GroupKey group;
  Row row;
  std::uint32_t attempts = 0;
  std::int64_t since_ms = 0;
  std::string error_class;
  std::string error_detail;
};
std::string encode_dead_letter(const DeadLetterEntry& entry);
base::Result<DeadLetterEntry> decode_dead_letter(std::string_view bytes);

enum class Outcome : std::uint8_t { dropped, expired, purged };

// What an operation has done in a queue, and of a replay which events it has given that are not settled: the queue's
// cursor record in small.
struct StoredOperation {
  engine::OperationTally tally;
  bool replay = false;
  bool closed = false;                        // gives nothing any more
  base::Sequence keep_to;                     // while it is not closed the log is kept from tally.reached to here
  std::vector<base::Sequence> outstanding{};  // ascending
};
std::string encode_operation(const StoredOperation& operation);
base::Result<StoredOperation> decode_operation(std::string_view bytes);

// ---- the rest

struct StoredQueue {
  base::QueueId id;
  base::Sequence created_after;  // the end of the log when it was made
  engine::QueueSpec spec;
};
std::string encode_queue(const StoredQueue& queue);
base::Result<StoredQueue> decode_queue(std::string_view bytes);

std::string encode_quarantined(const engine::Quarantined& input);
base::Result<engine::Quarantined> decode_quarantined(std::uint64_t id, std::string_view bytes);

}  // namespace trunkline::queue
