#include "sinks/cef.hpp"

#include <fmt/format.h>

#include "mapping/cef.hpp"
#include "sinks/record_members.hpp"

namespace trunkline::sinks {

std::string cef_of(const engine::LeasedMessage& message, std::string_view version, int severity,
                   std::string_view lane) {
  const engine::Record& record = *message.record;
  const event::Event& event = record.event;
  const std::string_view what = event.event_type.empty() ? event.topic_name : event.event_type;
  mapping::CefLine line("Genesys", "Genesys Cloud", version, what, event.category.empty() ? "unknown" : event.category,
                        severity);
  line.add("rt", static_cast<std::uint64_t>(happened_at(record).time_since_epoch().count()));
  line.add("externalId", event.envelope_id).add("cat", event.category).add("act", event.event_type);
  line.add("suid", event.user_id).add("msg", event.topic_name);
  line.add("deviceExternalId", event.source.empty() ? record.source_name : event.source);
  const auto labelled = [&](std::string_view key, std::string_view label, std::string_view value) {
    if (!value.empty()) line.add(fmt::format("{}Label", key), label).add(key, value);
  };
  labelled("cs1", "conversationId", event.conversation_id);
  labelled("cs2", "queueId", event.queue_id);
  labelled("cs3", "orgId", event.org_id);
  labelled("cs4", "lane", lane);
  line.add("cn1Label", "sequence").add("cn1", record.sequence.value);
  return line.take();
}

}  // namespace trunkline::sinks
