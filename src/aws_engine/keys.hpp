#pragma once

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "aws_engine/codec.hpp"
#include "aws_engine/item.hpp"
#include "base/crypto.hpp"
#include "base/hash.hpp"
#include "base/strong.hpp"

// The keys of the one table, partition key `pk` and sort key `sk`, both texts. Every item that ends has `e_ends`, in
// seconds since 1970: the table's TTL attribute. TTL deletes late, so nothing relies on it.
//
//   e#SEQ      0            the event: e_head, e_body, e_chunks, e_nonce (whose write it was)
//   e#SEQ      1, 2, …      more of a body over kChunkBytes
//   i#HASH     -            an identity: e_twins, e_version
//   o#TO#SHARD SEQ[#…]      outbox: e_kind, what has been decided and not been said yet to the topic of order TO, or to a
//                           queue (TO is "one"). Of an event: e_group, its message group there; its shard is the group's
//   m#SEQ      QUEUE        what has become of an event in a queue: e_fate, e_attempts, e_class, e_message (SQS's
//                           id of the copy that was parked), …
//   d#QUEUE    SEQ          dead letter: e_parked, e_group, e_attempts, e_class, e_detail, e_since, e_handle
//   g#QUEUE    GROUP        by its message_group_id(): the event that was skipped last in that lane: e_seq
//   l#QUEUE    LEASE        lease of a pulled queue: e_held, e_deadline
//   s#OWNER    kKEY         state: e_version, e_bytes
//   q          ID           quarantined input: e_chunks
//   q#ID       1, 2, …      its bytes
//   reg        q#NAME       a queue: e_id, e_order, e_url, e_arn, e_subscription, e_subscribed, e_topic
//   reg        counter      e_last: the last queue number that was given
namespace trunkline::aws_engine {

constexpr std::size_t kChunkBytes = 300 << 10;  // an item is 400 KB at most, its attributes' names included
constexpr std::size_t kOutboxShards = 16;

inline std::string hex(std::uint64_t value) {
  return fmt::format("{:016x}", value);
}
// What hex() gave; 0 of anything else.
inline std::uint64_t unhex(std::string_view text) {
  std::uint64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return read.ec == std::errc() && read.ptr == text.data() + text.size() ? value : 0;
}
inline Item event_key(base::Sequence sequence, std::size_t chunk = 0) {
  return {"e#" + hex(sequence.value), std::to_string(chunk)};
}
inline Item identity_key(const base::Hash128& identity) {
  return {"i#" + base::hex_encode(base::view(identity)), "-"};
}
inline std::string outbox_pk(std::string_view to, std::size_t shard) {
  return fmt::format("o#{}#{}", to, shard);
}
inline Item message_key(base::Sequence sequence, base::QueueId queue) {
  return {"m#" + hex(sequence.value), std::to_string(queue.value)};
}
inline std::string dead_letter_pk(base::QueueId queue) {
  return fmt::format("d#{}", queue.value);
}
inline Item dead_letter_key(base::QueueId queue, base::Sequence sequence) {
  return {dead_letter_pk(queue), hex(sequence.value)};
}
inline Item gap_key(base::QueueId queue, std::string_view group) {
  return {fmt::format("g#{}", queue.value), message_group_id(group)};
}
inline Item lease_key(base::QueueId queue, std::uint64_t lease) {
  return {fmt::format("l#{}", queue.value), hex(lease)};
}
inline Item state_key(std::string_view owner, std::string_view key) {
  return {fmt::format("s#{}", owner), fmt::format("k{}", key)};  // a key may be empty, an sk not
}
inline Item registry_key(std::string_view name) {
  return {"reg", fmt::format("q#{}", name)};
}

// Values of e_fate.
namespace fate {
constexpr std::string_view kDelivered = "delivered";
constexpr std::string_view kDropped = "dropped";
constexpr std::string_view kSkipped = "skipped";
constexpr std::string_view kPurged = "purged";
constexpr std::string_view kExpired = "expired";
constexpr std::string_view kRetry = "retry";
constexpr std::string_view kParked = "parked";
constexpr std::string_view kRedriven = "redriven";

inline bool is_settled(std::string_view fate) {
  return fate == kDelivered || fate == kDropped || fate == kSkipped || fate == kPurged || fate == kExpired;
}
}  // namespace fate

}  // namespace trunkline::aws_engine
