#include "stack/answers.hpp"

#include <cstdint>
#include <string>

#include "base/check.hpp"
#include "json/document.hpp"
#include "stack/price.hpp"
#include "stack/spec.hpp"

using namespace trunkline;

namespace {

void cloudformation(const std::string& text) {
  const auto state = stack::read_stack(text);
  std::vector<stack::StackResource> resources;
  std::vector<stack::Event> events;
  std::vector<stack::Change> changes;
  std::map<std::string, std::string> subscriptions;
  const bool read = stack::read_resources(text, resources).ok();
  TRUNKLINE_CHECK(read == state.ok() && read == stack::read_events(text, events).ok() &&
                      read == stack::read_changes(text, changes).ok() &&
                      read == stack::read_subscriptions(text, subscriptions).ok(),
                  "one text, two verdicts");
  TRUNKLINE_CHECK(!state.ok() || !*state || (*state)->status != "DELETE_COMPLETE", "a deleted stack is there");
  TRUNKLINE_CHECK(resources.size() + events.size() + changes.size() + subscriptions.size() <= text.size(),
                  "more elements than bytes");
}

void table(const std::string& text) {
  std::map<std::string, stack::RegistryEntry> entries;
  const auto next = stack::read_entries(text, entries);
  const bool read = next.ok();
  TRUNKLINE_CHECK(entries.size() <= text.size(), "more entries than bytes");
  TRUNKLINE_CHECK(read == stack::read_counter(text).ok() && read == stack::read_expires(text).ok(),
                  "one text, two verdicts");
  json::Document document;
  TRUNKLINE_CHECK(!read || next->empty() || document.parse(*next).ok(), "a next page that is no JSON");
  const auto messages = stack::read_messages(text);
  TRUNKLINE_CHECK(!messages.ok() || *messages >= 0, "a queue with less than nothing");
}

// Files that people bring.
void files(const std::string& text) {
  if (const auto prices = stack::read_prices(text); prices.ok()) {
    for (const auto& [name, usd] : prices->usd) TRUNKLINE_CHECK(usd >= 0, "a price below nothing");
    TRUNKLINE_CHECK(stack::read_prices(stack::to_json(*prices)).ok(), "prices that are not read again");
  }
  if (const auto numbers = stack::numbers_of_template(text); numbers.ok()) {
    for (const auto& [id, number] : numbers->of) TRUNKLINE_CHECK(number != 0, "a queue without number");
  }
}

}  // namespace

// First byte: an answer in XML, one in JSON, a file.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0:
      cloudformation(rest);
      break;
    case 1:
      table(rest);
      break;
    default:
      files(rest);
  }
  return 0;
}
