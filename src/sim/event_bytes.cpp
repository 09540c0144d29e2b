#include "sim/event_bytes.hpp"

#include <algorithm>
#include <charconv>

namespace trunkline::sim {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const std::size_t from = text.find_first_not_of(kSpace);
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(kSpace) - from + 1);
}

// Behind the string that starts at `place` (a quote); the end of the text if it does not end.
std::size_t string_end(std::string_view text, std::size_t place) {
  for (++place; place < text.size(); ++place) {
    if (text[place] == '\\') {
      ++place;
    } else if (text[place] == '"') {
      return place + 1;
    }
  }
  return text.size();
}

std::vector<std::string_view> elements(std::string_view body) {
  std::vector<std::string_view> events;
  std::size_t depth = 0;
  std::size_t from = 1;
  for (std::size_t place = 0; place < body.size();) {
    const char letter = body[place];
    if (letter == '"') {
      place = string_end(body, place);
      continue;
    }
    if (letter == '[' || letter == '{') ++depth;
    if ((letter == ']' || letter == '}') && depth > 0) --depth;
    const bool ends_element = (letter == ',' && depth == 1) || (letter == ']' && depth == 0);
    if (ends_element) {
      const std::string_view element = trimmed(body.substr(from, place - from));
      if (!element.empty()) events.push_back(element);
      from = place + 1;
    }
    if (letter == ']' && depth == 0) break;
    ++place;
  }
  return events;
}

}  // namespace

std::vector<std::string_view> split_events(std::string_view body) {
  body = trimmed(body);
  if (body.empty()) return {};
  if (body.front() == '[') return elements(body);
  std::vector<std::string_view> events;
  // A value never holds a raw newline inside a string, but may between its tokens: a line that ends in the middle of an
  // object is joined with those behind it.
  std::size_t depth = 0;
  std::size_t from = 0;
  for (std::size_t place = 0; place < body.size();) {
    const char letter = body[place];
    if (letter == '"') {
      place = string_end(body, place);
      continue;
    }
    const bool closes = (letter == ']' || letter == '}') && depth > 0;
    if (letter == '[' || letter == '{') ++depth;
    if (closes) --depth;
    ++place;
    if (depth == 0 && (letter == '\n' || closes)) {
      const std::string_view line = trimmed(body.substr(from, place - from));
      if (!line.empty()) events.push_back(line);
      from = place;
    }
  }
  const std::string_view last = trimmed(body.substr(from));
  if (!last.empty()) events.push_back(last);
  return events;
}

OwnBytes own_bytes(std::string_view event) {
  constexpr std::string_view kSpliced = R"(,"_processingTimestamp")";
  constexpr std::string_view kSequence = R"(,"_sequence":)";
  OwnBytes own{event, false, 0};
  // The spliced members are the last of the object, so the last occurrence is the hub's, whatever the event itself
  // holds. A raw body may be followed by the sequence alone.
  const std::size_t number = event.rfind(kSequence);
  const std::size_t place = std::min(event.rfind(kSpliced), number);
  if (place == std::string_view::npos || event.back() != '}') return own;
  own.head = event.substr(0, place);
  own.closed = true;
  if (number == std::string_view::npos) return own;
  const char* from = event.data() + number + kSequence.size();
  const char* end = event.data() + event.size();
  if (from != end && *from == '"') ++from;
  std::from_chars(from, end, own.sequence);
  return own;
}

std::string joined(const OwnBytes& bytes) {
  std::string text(bytes.head);
  if (bytes.closed) text += '}';
  return text;
}

std::string_view envelope_id(std::string_view event) {
  constexpr std::string_view kId = R"("id")";
  std::size_t depth = 0;
  for (std::size_t place = 0; place < event.size();) {
    const char letter = event[place];
    if (letter != '"') {
      if (letter == '[' || letter == '{') ++depth;
      if (letter == ']' || letter == '}') --depth;
      ++place;
      continue;
    }
    const std::size_t end = string_end(event, place);
    const std::string_view text = event.substr(place, end - place);
    place = end;
    if (depth != 1 || text != kId) continue;
    place = event.find_first_not_of(kSpace, place);
    if (place == std::string_view::npos || event[place] != ':') continue;
    place = event.find_first_not_of(kSpace, place + 1);
    if (place == std::string_view::npos || event[place] != '"') return {};
    return event.substr(place + 1, string_end(event, place) - place - 2);
  }
  return {};
}

}  // namespace trunkline::sim
