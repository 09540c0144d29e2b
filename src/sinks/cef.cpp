#include "sinks/cef.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sinks/record_members.hpp"

namespace trunkline::sinks {
namespace {

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

void append_header(std::string& out, std::string_view text) {
  out += '|';
  for (const char c : text) {
    if (c == '\\' || c == '|') out += '\\';
    out += is_control(c) ? ' ' : c;
  }
}

}  // namespace

CefLine::CefLine(std::string_view vendor, std::string_view product, std::string_view version,
                 std::string_view signature_id, std::string_view name, int severity)
    : line_("CEF:0") {
  for (const std::string_view field : {vendor, product, version, signature_id, name}) append_header(line_, field);
  line_ += fmt::format("|{}|", std::clamp(severity, 0, 10));
}

void CefLine::key(std::string_view name) {
  if (!first_) line_ += ' ';
  first_ = false;
  line_ += name;
  line_ += '=';
}

CefLine& CefLine::add(std::string_view name, std::string_view value) {
  if (value.empty()) return *this;
  key(name);
  for (const char c : value) {
    if (c == '\n') {
      line_ += "\\n";
    } else if (c == '\r') {
      line_ += "\\r";
    } else if (c == '\\' || c == '=') {
      line_ += '\\';
      line_ += c;
    } else {
      line_ += is_control(c) ? ' ' : c;
    }
  }
  return *this;
}

CefLine& CefLine::add(std::string_view name, std::uint64_t value) {
  return add(name, fmt::format("{}", value));
}

std::string cef_of(const engine::LeasedMessage& message, std::string_view version, int severity,
                   std::string_view lane) {
  const engine::Record& record = *message.record;
  const event::Event& event = record.event;
  const std::string_view what = event.event_type.empty() ? event.topic_name : event.event_type;
  CefLine line("Genesys", "Genesys Cloud", version, what, event.category.empty() ? "unknown" : event.category,
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
