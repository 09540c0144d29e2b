#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "event/event.hpp"

namespace trunkline::event {

struct Attribute {
  std::string_view name;
  std::string_view value;
};

// The message attributes that filter policies see: eventType, eventCategory, orgId, conversationId, userId, queueId,
// mediaType, source, in this order; those without a value are left out. Views into the event.
class Attributes {
 public:
  explicit Attributes(const Event& event);
  const Attribute* begin() const { return items_.data(); }
  const Attribute* end() const { return items_.data() + size_; }
  std::size_t size() const { return size_; }

 private:
  std::array<Attribute, 8> items_;
  std::size_t size_ = 0;
};
inline Attributes attributes(const Event& event) {
  return Attributes(event);
}

}  // namespace trunkline::event
