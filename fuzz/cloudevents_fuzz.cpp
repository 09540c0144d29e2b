#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.hpp"
#include "event/decoder.hpp"
#include "event/topic_table.hpp"
#include "net/http_types.hpp"
#include "source/cloud_headers.hpp"

namespace {

using namespace trunkline;

net::HttpRequest request_of(std::string_view text) {
  net::HttpRequest request;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.empty()) break;
    const std::size_t colon = line.find(':');
    if (colon != line.npos) request.headers.emplace_back(line.substr(0, colon), line.substr(colon + 1));
  }
  request.body = text;
  return request;
}

std::vector<event::Decoded> decode(std::string_view payload, const event::DecodeContext& context) {
  static const event::TopicTable topics = std::move(event::TopicTable::make()).value();
  static event::Decoder decoder(topics);
  std::vector<event::Decoded> items;
  decoder.decode(payload, context, items);
  TRUNKLINE_CHECK(!items.empty(), "every payload has an item");
  return items;
}

}  // namespace

// "name:value" lines, an empty line, a body. What is no event in binary mode is none in structured mode either, and what
// is one has the same identity there.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const net::HttpRequest request = request_of({reinterpret_cast<const char*>(data), size});
  static_cast<void>(source::is_empty_batch(request));
  const auto headers = source::cloud_headers(request);
  if (!headers) return 0;
  const event::CloudAttributes attributes = headers->for_decoder();
  event::DecodeContext context;
  context.cloud_event = &attributes;
  const auto binary = decode(request.body, context);
  const std::string whole = headers->structured(request.body, "application/json");
  json::Document document;
  TRUNKLINE_CHECK(document.parse(whole).ok(), "the structured form is no JSON");
  const auto structured = decode(whole, {});
  const auto* first = std::get_if<event::Event>(&binary[0]);
  const auto* second = std::get_if<event::Event>(&structured[0]);
  if (first == nullptr) return 0;
  // The structured form has one wrapper more, which may be one too many.
  const auto* rejected = std::get_if<event::Rejected>(&structured[0]);
  if (rejected != nullptr && rejected->reason == event::Reason::too_nested) return 0;
  TRUNKLINE_CHECK(second != nullptr && binary.size() == structured.size(), "an event in one mode only");
  TRUNKLINE_CHECK(first->raw == second->raw && first->envelope_identity == second->envelope_identity, "two events");
  return 0;
}
