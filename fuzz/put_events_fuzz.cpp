#include <cstdint>
#include <string>

#include "base/check.hpp"
#include "json/document.hpp"
#include "put_events/entries.hpp"

using namespace trunkline;

// The body of a PutEvents call. What is taken is an envelope that can be read.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string body(reinterpret_cast<const char*>(data), size);
  const put_events::Call call = put_events::read_entries(body, {"111122223333", "eu-west-1"}, base::WallTime{});
  TRUNKLINE_CHECK(call.fault.has_value() == call.entries.empty(), "neither a fault nor entries");
  TRUNKLINE_CHECK(call.entries.size() <= put_events::kEntriesMax, "more entries than the bound");
  for (const put_events::Entry& entry : call.entries) {
    TRUNKLINE_CHECK(entry.envelope.empty() != entry.error_code.empty(), "neither an event nor an error");
    if (entry.envelope.empty()) continue;
    json::Document document;
    const auto parsed = document.parse(entry.envelope);
    // One deeper than its detail, which has a bound of its own.
    TRUNKLINE_CHECK(parsed.ok() || parsed.error().code == base::Errc::too_large, "an envelope that is no JSON");
    if (parsed.ok()) TRUNKLINE_CHECK(parsed->string_at("id") == entry.event_id, "another id");
  }
  return 0;
}
