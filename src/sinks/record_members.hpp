#pragma once

#include <string_view>

#include "base/clock.hpp"
#include "delivery/sink.hpp"
#include "engine/engine.hpp"
#include "engine/record.hpp"
#include "event/event.hpp"
#include "json/writer.hpp"

// What several sinks say of an event in the same words.
namespace trunkline::sinks {

// When it happened; where the event does not tell, or tells a time before 1970 or after 9999, when it was published,
// else when it was accepted.
base::WallTime happened_at(const engine::Record& record);

// Members of an open object, without the empty ones: sequence, consumer, lane (with an order), gapBefore, redriven, order
// (with an event-time window), late, edited, replay, mapping (its version, where the consumer has one).
void append_delivery_members(json::Writer& writer, const engine::LeasedMessage& message, const delivery::Batch& batch,
                             event::Order order);

// A text member, left out when it is empty.
void append_member(json::Writer& writer, std::string_view name, std::string_view value);

}  // namespace trunkline::sinks
