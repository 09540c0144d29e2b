#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "event/event.hpp"

namespace trunkline::simulation {

// One content: the number of an event and which of its bodies. A body of another version comes under the same
// identities, which is a conflict.
struct EventKey {
  std::uint32_t number = 0;
  std::uint32_t version = 0;
  auto operator<=>(const EventKey&) const = default;
};

// What a run knows of an event without asking the product.
struct Traits {
  std::string topic;
  std::string category;
  std::string conversation;  // empty: it names none
  std::string agent;
  std::string queue;

  // What keeps order together: the id, or the topic where the event lacks that id. Empty for Order::none.
  std::string lane(event::Order order) const;
};

// Events made from nothing but their number. Pure.
class Traffic {
 public:
  // `lanes`: how many conversations there are; a few at a time are busy.
  Traffic(std::uint64_t seed, std::uint32_t lanes) : seed_(seed), lanes_(lanes) {}

  Traits traits(std::uint32_t number) const;
  // The bytes of an EventBridge event. `copy` 0 is the first; others are published anew under another envelope id.
  std::string bytes(EventKey key, std::uint32_t copy) const;

 private:
  std::uint64_t seed_;
  std::uint32_t lanes_;
};

// Which event these bytes are; nothing if they are none of Traffic's.
std::optional<EventKey> key_of(std::string_view bytes);

// A filter policy as text, and what it means, said once more.
struct FilterCase {
  std::string_view policy;
  bool (*wants)(const Traits& traits);
};
inline constexpr std::size_t kFilters = 6;
const FilterCase& filter_case(std::size_t index);

}  // namespace trunkline::simulation
