#include "sim/event_text.hpp"

#include <charconv>
#include <chrono>

namespace trunkline::sim {
namespace {

void append_digits(std::string& out, std::uint32_t value, std::size_t width) {
  char text[10];
  for (std::size_t i = width; i-- > 0; value /= 10) text[i] = static_cast<char>('0' + value % 10);
  out.append(text, width);
}

}  // namespace

std::string_view name(Fault fault) {
  switch (fault) {
    case Fault::none:
      return "none";
    case Fault::duplicate:
      return "duplicate";
    case Fault::republished:
      return "republished";
    case Fault::late:
      return "late";
    case Fault::reordered:
      return "reordered";
    case Fault::conflict:
      return "conflict";
    case Fault::malformed:
      return "malformed";
  }
  return "unknown";
}

void GeneratedEvent::clear() {
  raw.clear();
  envelope_id.clear();
  topic_name.clear();
  org_id.clear();
  conversation_id.clear();
  user_id.clear();
  queue_id.clear();
  published = 0;
  fault = Fault::none;
}

void append_time(std::string& out, SimTime time, bool milliseconds) {
  constexpr SimTime kDay = 86'400'000;
  const SimTime days = time >= 0 ? time / kDay : -((-time + kDay - 1) / kDay);
  const auto of_day = static_cast<std::uint32_t>(time - days * kDay);
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{days}}};
  append_digits(out, static_cast<std::uint32_t>(static_cast<int>(date.year())), 4);
  out += '-';
  append_digits(out, static_cast<unsigned>(date.month()), 2);
  out += '-';
  append_digits(out, static_cast<unsigned>(date.day()), 2);
  out += 'T';
  append_digits(out, of_day / 3'600'000, 2);
  out += ':';
  append_digits(out, of_day / 60'000 % 60, 2);
  out += ':';
  append_digits(out, of_day / 1000 % 60, 2);
  if (milliseconds) {
    out += '.';
    append_digits(out, of_day % 1000, 3);
  }
  out += 'Z';
}

Members& Members::number(std::string_view name, std::int64_t value) {
  key(name);
  char text[24];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  out_.append(text, end);
  return *this;
}

Members& Members::fraction(std::string_view name, double value, int digits) {
  key(name);
  char text[40];
  const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, digits).ptr;
  out_.append(text, end);
  return *this;
}

Members& Members::id_list(std::string_view name, const Id* value) {
  key(name);
  out_ += '[';
  if (value != nullptr) {
    out_ += '"';
    append_id(out_, *value);
    out_ += '"';
  }
  out_ += ']';
  return *this;
}

EventText::EventText(GeneratedEvent& event, const Integration& integration, std::string_view pattern,
                     std::string_view first_fill, std::string_view second_fill)
    : event_(event), integration_(integration), pattern_(pattern) {
  constexpr std::string_view kHole = "{id}";
  event_.clear();
  std::string_view rest = pattern;
  std::string_view fill = first_fill;
  for (std::size_t hole = rest.find(kHole); hole != std::string_view::npos; hole = rest.find(kHole)) {
    event_.topic_name += rest.substr(0, hole);
    event_.topic_name += fill;
    rest.remove_prefix(hole + kHole.size());
    fill = second_fill;
  }
  event_.topic_name += rest;
}

Members EventText::begin(const Id& envelope_id, SimTime published) {
  event_.published = published;
  append_id(event_.envelope_id, envelope_id);
  append_id(event_.org_id, integration_.org);
  std::string& out = event_.raw;
  out += R"({"version":"0","id":")";
  out += event_.envelope_id;
  out += R"(","detail-type":")";
  out += pattern_;
  out += R"(","source":"aws.partner/genesys.com/cloud/)";
  out += event_.org_id;
  out += '/';
  out += integration_.suffix;
  out += R"(","account":")";
  out += integration_.account;
  out += R"(","time":")";
  append_time(out, published, false);
  out += R"(","region":")";
  out += integration_.region;
  out += R"(","resources":[],"detail":{"topicName":")";
  out += event_.topic_name;
  out += R"(","version":"2","eventBody":{)";
  return Members(out);
}

void EventText::finish(const Id& correlation, std::string_view correlation_suffix) {
  std::string& out = event_.raw;
  out += R"(},"metadata":{"CorrelationId":")";
  append_id(out, correlation);
  out += correlation_suffix;
  out += R"("},"timestamp":")";
  append_time(out, event_.published);
  out += R"("}})";
}

}  // namespace trunkline::sim
