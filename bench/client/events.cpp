#include "events.hpp"

#include <fmt/format.h>

#include <array>

#include "base/check.hpp"

namespace trunkline::bench {
namespace {

// `@` and `#` are hexadecimal digits of the event's and the conversation's number, `%` of the salt, `~` of a time.
constexpr std::string_view kHead =
    R"({"version":"0","id":"%%%%%%%%-0000-4000-@@@@-@@@@@@@@@@@@","detail-type":"v2.detail.events.conversation.{id}.user.end",)"
    R"("source":"aws.partner/genesys.com/cloud/4d1bbd8c-5e7a-4be2-a9ee-15a8f0f3ac6e/hub","account":"123456789012",)"
    R"("time":"2026-03-02T14:00:00Z","region":"us-east-1","resources":[],"detail":{"topicName":)"
    R"("v2.detail.events.conversation.%%%%%%%%-5a55-4b62-####-############.user.end","version":"2","eventBody":{)"
    R"("eventTime":1772~~~~~~~~~,"conversationId":"%%%%%%%%-5a55-4b62-####-############",)"
    R"("participantId":"1b1a9d4e-5a55-4b62-@@@@-@@@@@@@@@@@@","sessionId":"%%%%%%%%-5a55-4b62-@@@@-@@@@@@@@@@@@",)"
    R"("disconnectType":"CLIENT","mediaType":"VOICE","direction":"INBOUND","userId":"3b1a9d4e-5a55-4b62-b5d0-0a4b7f8c9d10",)"
    R"("queueId":"5b1a9d4e-5a55-4b62-b5d0-0a4b7f8c9d10","connectedDurationMs":184220,"remark":")";
constexpr std::string_view kTail = R"("},"timestamp":"2026-03-02T14:00:00.128Z"}})";
constexpr std::string_view kMark = R"({"version":"0","id":")";
constexpr std::size_t kNumberAt = kMark.size() + 19;

void put_digits(std::string& text, char mark, std::string_view pattern, std::string_view digits) {
  std::size_t next = 0;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == mark) text[i] = digits[next++ % digits.size()];
  }
}

// The places of one kind of digit, found once.
void put_hex(char* at, std::uint64_t value) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (int i = 16; i-- > 0; value >>= 4) at[i < 4 ? i : i + 1] = kDigits[value & 15];
  at[4] = '-';
}

}  // namespace

EventMaker::EventMaker(std::uint32_t salt) {
  static_assert(kHead.size() + kTail.size() < kEventBytes);
  text_ = std::string(kHead);
  put_digits(text_, '%', kHead, fmt::format("{:08x}", salt));
  text_.append(kEventBytes - kHead.size() - kTail.size(), 'x');
  text_.append(kTail);
  TRUNKLINE_CHECK(text_.size() == kEventBytes, "the filler makes the size");
}

void EventMaker::append(std::string& out, std::uint64_t number) {
  static const auto places = [] {
    std::array<std::size_t, 5> found{};
    std::size_t next = 0;
    for (std::size_t i = 0; i < kHead.size() && next < found.size();) {
      const bool begins = kHead.compare(i, 6, "@@@@-@") == 0 || kHead.compare(i, 6, "####-#") == 0;
      if (begins) found[next++] = i;
      i += begins ? 17 : 1;
    }
    TRUNKLINE_CHECK(next == found.size(), "five numbers in the text");
    return found;
  }();
  static const std::size_t time = kHead.find("~~~~~~~~~");
  char* const text = text_.data();
  for (const std::size_t place : places) {
    put_hex(text + place, kHead[place] == '#' ? number / 16 : number);
  }
  std::uint64_t rest = number;
  for (std::size_t i = 9; i-- > 0; rest /= 10) text[time + i] = static_cast<char>('0' + rest % 10);
  out.append(text_);
}

bool next_number(std::string_view text, std::size_t& from, std::uint64_t& number) {
  const std::size_t found = text.find(kMark, from);
  if (found == std::string_view::npos || found + kNumberAt + 17 > text.size()) return false;
  number = 0;
  for (std::size_t i = 0; i < 17; ++i) {
    const char c = text[found + kNumberAt + i];
    if (c == '-') continue;
    number = number * 16 + static_cast<std::uint64_t>(c <= '9' ? c - '0' : c - 'a' + 10);
  }
  from = found + kEventBytes / 2;  // an event is at least half of its size behind its first member
  return true;
}

}  // namespace trunkline::bench
