#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.hpp"
#include "event/attributes.hpp"
#include "event/decoder.hpp"
#include "event/describe.hpp"
#include "event/enrich.hpp"
#include "event/id_rule.hpp"
#include "event/topic_table.hpp"
#include "json/document.hpp"

namespace {

using namespace trunkline::event;

const TopicTable& topics() {
  static const TopicTable table = std::move(TopicTable::make()).value();
  return table;
}

// Names of ids in the corpus.
const NameTable& names() {
  static const NameTable table = std::move(NameTable::parse("u,A user\nq,A \\ queue\n")).value();
  return table;
}

void check_event(const Event& event, const DecodeContext& context) {
  static Decoder decoder(topics());
  std::vector<Decoded> again;
  decoder.decode(event.raw, context, again);
  const Event* same = again.size() == 1 ? std::get_if<Event>(&again[0]) : nullptr;
  TRUNKLINE_CHECK(same != nullptr, "the kept bytes of an event decode again");
  TRUNKLINE_CHECK(same->raw == event.raw && same->body_hash == event.body_hash, "to the same bytes and body");
  // A bare notification has its envelope id from the CloudEvent or the hand-over around it, and from the latter its
  // organisation, which both identities are scoped by.
  const bool borrowed = !event.envelope_id.empty() && same->envelope_id.empty();
  const bool moved = event.org_id != same->org_id;
  TRUNKLINE_CHECK(!moved || same->org_id == context.default_org, "an organisation that the bytes name is kept");
  TRUNKLINE_CHECK(borrowed || moved || same->envelope_identity == event.envelope_identity, "to the same envelope");
  TRUNKLINE_CHECK(moved || same->content_identity == event.content_identity, "to the same content");
  TRUNKLINE_CHECK(!event.topic_name.empty() && !event.event_type.empty() && !event.category.empty(), "with a type");
  TRUNKLINE_CHECK(attributes(event).size() >= 2, "and attributes");
  for (const Order order : {Order::conversation, Order::agent, Order::queue, Order::topic}) {
    TRUNKLINE_CHECK(!group_text(event, order).empty(), "and a group for every order");
  }
  trunkline::json::Document document;
  const std::string enriched_text = enriched(event, {}, &names());
  const auto parsed = document.parse(enriched_text);
  TRUNKLINE_CHECK(parsed.ok() && parsed->find("_eventCategory"), "what is enriched parses");
}

}  // namespace

// Any payload gives at least one item; an event's own bytes decode to the same event; what is written about an item
// parses. The texts that operators write (id rules, name tables) are read from the same input.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Decoder decoder(topics());
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const DecodeContext context{.default_org = "default"};
  std::vector<Decoded> items;
  decoder.decode(text, context, items);
  TRUNKLINE_CHECK(!items.empty(), "every payload has an item");
  for (const Decoded& item : items) {
    if (const Event* event = std::get_if<Event>(&item)) check_event(*event, context);
    trunkline::json::Document document;
    const std::string described = describe(item);
    TRUNKLINE_CHECK(document.parse(described).ok(), "the description is JSON");
  }
  if (const auto names = NameTable::parse(text); names.ok()) TRUNKLINE_CHECK(names->find("").empty(), "no empty id");
  (void)parse_id_rules(text).ok();
  return 0;
}
