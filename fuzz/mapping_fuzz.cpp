// Mappings and events from outside. The first byte chooses: bit 0 the list of personal data, bit 1 the flat form, bit 2 a
// path alone. Then a rule as JSON, a zero byte, and the event.
//
// Holds: nothing crashes; a path that is understood is the same after it is written; what leaves is JSON; a value that
// was concealed in an event that says it once is not found in what leaves of it.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.hpp"
#include "json/document.hpp"
#include "mapping/cef.hpp"
#include "mapping/mapping.hpp"
#include "mapping/path.hpp"

namespace {

using namespace trunkline;
using mapping::Mapping;

void check_path(std::string_view text) {
  const auto path = mapping::parse_path(text);
  if (!path.ok()) return;
  const std::string written = mapping::to_text(*path);
  if (written.size() > mapping::kPathBytesMax) return;  // backslashes made it longer
  const auto again = mapping::parse_path(written);
  TRUNKLINE_CHECK(again.ok() && *again == *path, "a path is not what it was once it is written");
}

void check_event(const Mapping& mapping, std::string_view event, const mapping::Subject& subject) {
  static mapping::Scratch scratch;  // used again for every input, as on a loop
  mapping::Hidden hidden;
  const auto result = mapping.apply(event, subject, scratch, &hidden);
  if (!result.ok()) return;
  json::Document document;
  const auto root = document.parse(*result);
  TRUNKLINE_CHECK(root.ok() && root->is(json::Type::object), "what leaves is no JSON object");
  json::Document before;
  TRUNKLINE_CHECK(before.parse(event).ok(), "what is no JSON has left");
  static_cast<void>(hidden.scrub(event));
  static_cast<void>(mapping::cef_line(*result));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::uint8_t choice = data[0];
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  if ((choice & 4) != 0) {
    check_path(rest);
    return 0;
  }
  const std::string_view rule = rest.substr(0, rest.find('\0'));
  const std::string_view event = rest.substr(std::min(rest.size(), rule.size() + 1));
  auto compiled = Mapping::compile({(choice & 1) != 0, {std::string(rule)}, "key"});
  if (const auto* fault = std::get_if<Mapping::Fault>(&compiled)) {
    TRUNKLINE_CHECK(!fault->text.empty(), "a refusal says why");
    return 0;
  }
  const auto& mapping = *std::get<std::shared_ptr<const Mapping>>(compiled);
  const mapping::Subject subject{"v2.audits.entitytype.User.entityid.1", "v2.audits.entitytype.{id}.entityid.{id}",
                                 "audit", (choice & 2) != 0};
  check_event(mapping, event, subject);
  static_cast<void>(mapping.lines(subject));
  static_cast<void>(mapping.member("_userName", event, subject));
  return 0;
}
