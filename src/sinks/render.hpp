#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "engine/record.hpp"

namespace trunkline::sinks {

// Makes the body of one event: one JSON object. Called on the sink's loop or on its own thread, so it must be safe on
// any.
using Renderer = std::function<std::string(const engine::Record&)>;

// The event's own bytes as they came.
std::string render_raw(const engine::Record& record);

// The same JSON on one line: line breaks in JSON can stand between tokens only (RFC 8259 section 7), and become spaces.
void to_one_line(std::string& json);

enum class Body : std::uint8_t { enriched, raw };
std::optional<Body> parse_body(std::string_view text);
// `enriched` is the program's renderer.
Renderer renderer_for(Body body, Renderer enriched);

}  // namespace trunkline::sinks
