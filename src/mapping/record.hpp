#pragma once

#include <memory>

#include "base/result.hpp"
#include "engine/record.hpp"
#include "mapping/mapping.hpp"

namespace trunkline::mapping {

Subject subject_of(const event::Event& event);

// The record as a consumer with this mapping gets it: its body, and whatever else of it repeats a concealed value (ids,
// the topic's name, keys). Fails as Mapping::apply() does; then nothing of the record may leave.
base::Result<engine::RecordPtr> mapped(const engine::Record& record, const Mapping& mapping, Scratch& scratch,
                                       Hidden* hidden = nullptr);

// The same for views, and never fails: of a record that cannot be mapped only its place, times, type and category are
// left, and `hidden` has overflowed.
engine::RecordPtr shown(const engine::Record& record, const Mapping& mapping, Scratch& scratch,
                        Hidden* hidden = nullptr);

// `error_class` of an event that cannot be mapped.
inline constexpr std::string_view kUnmappable = "mapping";

}  // namespace trunkline::mapping
