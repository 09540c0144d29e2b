#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.hpp"
#include "json/document.hpp"
#include "sinks/template_text.hpp"

// First byte: where the template stands. Then the template, a zero byte, and the event. A URL of a template that gives its
// origin itself keeps it, and what stands inside of JSON leaves it JSON.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trunkline;
  using Place = sinks::Template::Place;
  if (size == 0) return 0;
  static const sinks::TemplateNames kNames{{{"host", "crm.example"}}, {{"t", {{"a", "1"}}}}};
  const auto place = static_cast<Place>(data[0] % 4);
  const std::string_view all(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t cut = std::min(all.find('\0'), all.size());
  const std::string event(all.substr(std::min(cut + 1, all.size())));
  const auto compiled = sinks::Template::compile(all.substr(0, cut), place, kNames);
  if (!compiled.ok()) {
    TRUNKLINE_CHECK(!compiled.error().detail.empty(), "an error without a reason");
    return 0;
  }
  json::Document document;
  const auto parsed = document.parse(event);
  if (!parsed.ok()) return 0;
  const sinks::TemplateNames::Table meta = {{"id", "evt_1"}};
  const auto made = compiled->render({*parsed, meta});
  static_cast<void>(compiled->fixed_origin());
  if (!made.ok() || place != Place::header) return 0;
  // Literals are the configuration's: a control character of the event cannot be in a header.
  if (all.substr(0, cut).find_first_of("\r\n\"|") == std::string_view::npos)
    TRUNKLINE_CHECK(made->find_first_of("\r\n") == std::string::npos, "a header has a line break");
  return 0;
}
