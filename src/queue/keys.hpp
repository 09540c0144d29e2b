#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/strong.hpp"
#include "store/store.hpp"

// Every key on disk, in one table. Numbers are big-endian, so that key order is number order. Never reorder families
// and never change a layout without raising kFormatVersion.
//
// family      key                   value
// log         sequence              record (codec.hpp)
// scan        sequence              scan entry: routes, groups, size, time: what a queue reads instead of bodies
// identity    16 bytes hash         twins: (sequence, body hash, accepted at), newest last
// queue       queue 'C'             cursor record
//             queue 'L' group       lane header, while the lane has rows
//             queue 'R' group seq.  row: one unsettled event at or below the cursor
//             queue 'R' group order seq.  the same where its place in the lane is not its sequence (see Position)
//             queue 'V' sequence    messages of a standard queue that were received together, without a row; of the first one
//             queue 'W' group       what has left the lane's event-time window: the latest (event time, sequence)
//             queue 'S' sequence    the same rows by sequence: group, accepted at
//             queue 'D' sequence    dead letter
//             queue 'E' sequence    body that stands for a dead letter's own until it is settled
//             queue 'P' operation   what a redrive or a replay has done here, and what it has out
//             queue 'O' sequence    outcome other than delivered: skipped, expired, purged
//             queue 'A' seq. slot   a failed delivery of the event (history.hpp)
//             queue 'T' seq. time   events delivered in one commit; seq. is the highest of them
// quarantine  id                    quarantined input
// meta        'q' name              queue spec with its id
//             'n' word              counters: next queue id, swept-to, routed counts, end
//             'd' sequence          repeats of the event that were suppressed
//             'v' sequence          a record that outlived the sweep, because something still needed it
// state       owner 0x00 key        version, bytes
namespace trunkline::queue {

// 1 had no operations, 2 no event-time windows, 3 no messages that clients sent, 4 no leases of several messages of a lane,
// 5 no receives without rows: what they wrote reads as it is.
constexpr std::uint32_t kFormatVersion = 6;
// In meta: no sequence number up to these is given again, whatever the log still holds.
inline constexpr std::string_view kEndKey = "nend";      // written where numbers are left out
inline constexpr std::string_view kSweptKey = "nswept";  // the last one that a sweep has looked at

enum class Table : store::FamilyHandle { log, scan, identity, queue, quarantine, meta, state };
constexpr store::FamilyHandle handle(Table table) {
  return static_cast<store::FamilyHandle>(table);
}
// In the order of Table. `identity_expired` is given to the identity family.
std::vector<store::Family> families(std::function<bool(std::string_view, std::string_view)> identity_expired);

// The newest sequence number that was given out, or 0.
base::Result<base::Sequence> newest_sequence(const store::Store& store);

inline std::string sequence_key(base::Sequence sequence) {
  std::string key;
  base::put_u64(key, sequence.value);
  return key;
}
inline base::Sequence sequence_of(std::string_view key) {
  return {base::ByteReader(key.substr(key.size() - 8)).u64()};
}

inline std::string queue_prefix(base::QueueId queue, char list) {
  std::string key;
  base::put_u32(key, queue.value);
  key.push_back(list);
  return key;
}
inline std::string cursor_key(base::QueueId queue) {
  return queue_prefix(queue, 'C');
}
inline std::string lane_key(base::QueueId queue, base::GroupKey group) {
  std::string key = queue_prefix(queue, 'L');
  base::put_u64(key, group.value);
  return key;
}
// The place of an event in its lane. Its order is its sequence but for events that an event-time window has put in
// another one; no two events of a queue have the same.
struct Position {
  std::uint64_t order = 0;
  base::Sequence sequence;
  auto operator<=>(const Position&) const = default;
};
inline std::string row_key(base::QueueId queue, base::GroupKey group, Position at) {
  std::string key = queue_prefix(queue, 'R');
  base::put_u64(key, group.value);
  base::put_u64(key, at.order);
  if (at.order != at.sequence.value) base::put_u64(key, at.sequence.value);
  return key;
}
// Between the row at that place and the next one.
inline std::string behind_row_key(base::QueueId queue, base::GroupKey group, Position at) {
  std::string key = row_key(queue, group, at);
  key.push_back('\0');
  return key;
}
inline std::string left_key(base::QueueId queue, base::GroupKey group) {
  std::string key = queue_prefix(queue, 'W');
  base::put_u64(key, group.value);
  return key;
}
inline std::string by_sequence_key(base::QueueId queue, char list, base::Sequence sequence) {
  std::string key = queue_prefix(queue, list);
  base::put_u64(key, sequence.value);
  return key;
}
inline std::string repeats_key(base::Sequence sequence) {
  std::string key = "d";
  base::put_u64(key, sequence.value);
  return key;
}
inline std::string operation_key(base::QueueId queue, base::OperationId operation) {
  std::string key = queue_prefix(queue, 'P');
  base::put_u64(key, operation.value);
  return key;
}
// The first key behind every key that starts with `prefix`.
std::string prefix_end(std::string prefix);

}  // namespace trunkline::queue
