#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace trunkline::base {

// An integer that cannot be mixed up with another kind of integer.
template <class Integer, class Tag>
struct Strong {
  Integer value{};
  constexpr auto operator<=>(const Strong&) const = default;
};

using Sequence = Strong<std::uint64_t, struct SequenceTag>;  // place in the event log; first is 1, 0 is "none"
using QueueId = Strong<std::uint32_t, struct QueueIdTag>;    // never used again after a queue is deleted; first is 1
using PolicyVersion = Strong<std::uint32_t, struct PolicyVersionTag>;  // of the set of all filter policies
using OperationId = Strong<std::uint64_t, struct OperationIdTag>;      // a redrive or a replay; first is 1, 0 is "none"
// Hash of a message group's text. Two groups that collide share a lane, which costs speed and never order; at a million
// lanes the chance that any two do is 3e-8.
using GroupKey = Strong<std::uint64_t, struct GroupKeyTag>;

}  // namespace trunkline::base

template <class Integer, class Tag>
struct std::hash<trunkline::base::Strong<Integer, Tag>> {
  std::size_t operator()(trunkline::base::Strong<Integer, Tag> id) const noexcept {
    // Fibonacci hashing: ids are dense or already hashes, and maps use the low bits.
    return static_cast<std::size_t>(static_cast<std::uint64_t>(id.value) * 0x9E3779B97F4A7C15ull);
  }
};
