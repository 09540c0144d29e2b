#include "events.hpp"

#include <fmt/format.h>

#include "base/check.hpp"

namespace trunkline::bench {
namespace {

// Seventeen characters with a dash behind the fourth are a number in hexadecimal: `@` of the event, `#` of its
// conversation, `&` of its agent, `*` of its queue. `%` are digits of the salt, `~` of a time, `$` begin or end.
constexpr std::string_view kHead =
    R"({"version":"0","id":"%%%%%%%%-0000-4000-@@@@-@@@@@@@@@@@@","detail-type":"v2.detail.events.conversation.{id}.user.$",)"
    R"("source":"aws.partner/genesys.com/cloud/4d1bbd8c-5e7a-4be2-a9ee-15a8f0f3ac6e/hub","account":"123456789012",)"
    R"("time":"2026-03-02T14:00:00Z","region":"us-east-1","resources":[],"detail":{"topicName":)"
    R"("v2.detail.events.conversation.%%%%%%%%-5a55-4b62-####-############.user.$","version":"2","eventBody":{)"
    R"("eventTime":1772~~~~~~~~~,"conversationId":"%%%%%%%%-5a55-4b62-####-############",)"
    R"("participantId":"1b1a9d4e-5a55-4b62-@@@@-@@@@@@@@@@@@","sessionId":"%%%%%%%%-5a55-4b62-@@@@-@@@@@@@@@@@@",)"
    R"("mediaType":"VOICE","direction":"INBOUND","userId":"3b1a9d4e-5a55-4b62-&&&&-&&&&&&&&&&&&",)"
    R"("queueId":"5b1a9d4e-5a55-4b62-****-************",)";
constexpr std::string_view kOfAnEnd = R"("disconnectType":"CLIENT","connectedDurationMs":184220,"remark":")";
constexpr std::string_view kOfABegin = R"("provider":"Edge","ani":"tel:+15555550100","remark":")";
constexpr std::string_view kTail = R"("},"timestamp":"2026-03-02T14:00:00.128Z"}})";
constexpr std::string_view kMark = R"({"version":"0","id":")";
constexpr std::string_view kMedium = R"("mediaType":")";
constexpr std::size_t kNumberAt = kMark.size() + 19;
constexpr std::size_t kNumberBytes = 17;

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

void put_hex(char* at, std::uint64_t value) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (int i = 16; i-- > 0; value >>= 4) at[i < 4 ? i : i + 1] = kDigits[value & 15];
  at[4] = '-';
}

}  // namespace

EventMaker::EventMaker(const EventShape& shape) : shape_(shape) {
  text_ = std::string(kHead);
  replace_all(text_, "$", shape.opens ? "start" : "end");
  replace_all(text_, "%%%%%%%%", fmt::format("{:08x}", shape.salt));
  text_ += shape.opens ? kOfABegin : kOfAnEnd;
  // Once, here: making an event is a copy with numbers put into it.
  for (std::size_t i = 0; i < text_.size(); ++i) {
    for (const std::string_view begin : {"@@@@-@", "####-#", "&&&&-&", "****-*"}) {
      if (text_.compare(i, begin.size(), begin) == 0) places_.push_back({i, begin[0]});
    }
  }
  TRUNKLINE_CHECK(places_.size() == 7, "seven numbers in the text");
  time_ = text_.find("~~~~~~~~~");
  medium_ = text_.find(kMedium) + kMedium.size();
  TRUNKLINE_CHECK(text_.size() + kTail.size() < kEventBytes, "there is room for the filler");
  text_.append(kEventBytes - text_.size() - kTail.size(), 'x');
  text_.append(kTail);
}

std::uint64_t EventMaker::value_of(char mark, std::uint64_t number) const {
  if (mark == '#') return number / shape_.per_conversation;
  if (mark == '&') return number % shape_.agents;
  if (mark == '*') return number % shape_.queues;
  return number;
}

void EventMaker::append(std::string& out, std::uint64_t number) {
  char* const text = text_.data();
  for (const Place& place : places_) put_hex(text + place.at, value_of(place.mark, number));
  std::uint64_t rest = number;
  for (std::size_t i = 9; i-- > 0; rest /= 10) text[time_ + i] = static_cast<char>('0' + rest % 10);
  if (shape_.rare_every > 0) text_.replace(medium_, 5, number % shape_.rare_every == 0 ? "EMAIL" : "VOICE");
  out.append(text_);
}

bool next_number(std::string_view text, std::size_t& from, std::uint64_t& number) {
  const std::size_t found = text.find(kMark, from);
  if (found == std::string_view::npos || found + kNumberAt + kNumberBytes > text.size()) return false;
  number = 0;
  for (std::size_t i = 0; i < kNumberBytes; ++i) {
    const char c = text[found + kNumberAt + i];
    if (c == '-') continue;
    number = number * 16 + static_cast<std::uint64_t>(c <= '9' ? c - '0' : c - 'a' + 10);
  }
  from = found + kEventBytes / 2;  // an event is at least half of its size behind its first member
  return true;
}

}  // namespace trunkline::bench
