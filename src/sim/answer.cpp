#include "sim/answer.hpp"

#include <optional>

namespace trunkline::sim {
namespace {

constexpr std::string_view kNames[] = {"accepted", "duplicate", "conflict", "quarantined", "ignored", "failed"};

std::optional<Verdict> parse_verdict(std::string_view text) {
  for (std::size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == text) return static_cast<Verdict>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view name(Verdict verdict) {
  return kNames[static_cast<std::size_t>(verdict)];
}

base::Result<std::vector<ItemAnswer>> AnswerReader::read(std::string_view body) {
  using base::Errc;
  TRUNKLINE_TRY(const json::Value root, document_.parse(body));
  const auto results = root.find("results");
  if (!results || !results->is(json::Type::array)) return {Errc::invalid, "the answer has no results"};
  std::vector<ItemAnswer> items;
  for (auto item = results->first(); item; item = item->next()) {
    const auto verdict = parse_verdict(item->string_at("verdict"));
    if (!verdict) return {Errc::invalid, "unknown verdict in the answer"};
    const auto sequence = item->find("sequence");
    const auto number = sequence ? sequence->integer() : std::nullopt;
    const bool stored =
        *verdict == Verdict::accepted || *verdict == Verdict::duplicate || *verdict == Verdict::conflict;
    if (stored && (!number || *number <= 0)) return {Errc::invalid, "a stored event without its sequence number"};
    items.push_back({*verdict, number && *number > 0 ? static_cast<std::uint64_t>(*number) : 0});
  }
  return items;
}

}  // namespace trunkline::sim
