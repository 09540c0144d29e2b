#include "sinks/render.hpp"

#include <utility>

namespace trunkline::sinks {

std::string render_raw(const engine::Record& record) {
  return record.event.raw;
}

void to_one_line(std::string& json) {
  for (std::size_t at = json.find_first_of("\r\n"); at != std::string::npos; at = json.find_first_of("\r\n", at))
    json[at] = ' ';
}

std::optional<Body> parse_body(std::string_view text) {
  if (text == "enriched") return Body::enriched;
  if (text == "raw") return Body::raw;
  return std::nullopt;
}

Renderer renderer_for(Body body, Renderer enriched) {
  return body == Body::raw ? Renderer(render_raw) : std::move(enriched);
}

}  // namespace trunkline::sinks
