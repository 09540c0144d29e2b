#include "crm/transcript.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "json/document.hpp"

namespace trunkline::crm {
namespace {

using base::Errc;

// Of a JSON of 16 MB, the most that is fetched, there is room for some 100,000.
constexpr std::size_t kPhrasesMax = 200'000;
constexpr std::string_view kCut = "[the rest is left out]\n";

struct Phrase {
  std::int64_t at = 0;
  std::string who;
  std::string text;
};

std::int64_t number_of(json::Value object, std::string_view name) {
  const auto member = object.find(name);
  const auto value = member ? member->integer() : std::nullopt;
  return value && *value >= 0 ? *value : 0;
}

std::string who_of(std::string_view purpose) {
  if (purpose == "external") return "Customer";
  if (purpose == "internal") return "Agent";
  return purpose.empty() ? std::string("Unknown") : std::string(purpose.substr(0, 40));
}

// A line is one phrase, whatever is in it.
std::string one_line(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return out;
}

std::string clock_text(std::int64_t milliseconds) {
  const long long seconds = std::min<long long>(milliseconds / 1'000, 359'999);  // 99:59:59
  char text[32];
  const int size =
      std::snprintf(text, sizeof text, "%02lld:%02lld:%02lld", seconds / 3'600, seconds / 60 % 60, seconds % 60);
  return {text, static_cast<std::size_t>(size)};
}

void read_phrases(json::Value transcript, std::vector<Phrase>& phrases) {
  const auto list = transcript.find("phrases");
  if (!list || !list->is(json::Type::array)) return;
  for (auto each = list->first(); each && phrases.size() < kPhrasesMax; each = each->next()) {
    std::string_view text = each->string_at("decoratedText");
    if (text.empty()) text = each->string_at("text");
    if (text.empty()) continue;
    std::int64_t at = number_of(*each, "startTimeMs");
    if (at == 0) at = number_of(*each, "offsetMs");
    phrases.push_back({at, one_line(who_of(each->string_at("participantPurpose"))), one_line(text)});
  }
}

}  // namespace

base::Result<TranscriptText> transcript_text(std::string_view json, std::size_t bytes_max) {
  json::Document document;
  const auto parsed = document.parse(json);
  if (!parsed.ok()) return {Errc::invalid, "the transcript is no JSON"};
  const auto list = parsed->find("transcripts");
  if (!list || !list->is(json::Type::array)) return {Errc::invalid, "there is no list of transcripts in it"};
  std::vector<Phrase> phrases;
  for (auto each = list->first(); each; each = each->next()) read_phrases(*each, phrases);
  std::ranges::stable_sort(phrases, {}, &Phrase::at);
  TranscriptText made;
  for (const Phrase& phrase : phrases) {
    const std::string line = clock_text(phrase.at - phrases.front().at) + " " + phrase.who + ": " + phrase.text + "\n";
    if (made.text.size() + line.size() + kCut.size() > bytes_max) {
      made.cut = true;
      break;
    }
    made.text += line;
    ++made.phrases;
  }
  if (made.cut) made.text += kCut.substr(0, bytes_max);
  return made;
}

}  // namespace trunkline::crm
