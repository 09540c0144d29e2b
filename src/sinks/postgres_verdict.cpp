#include "sinks/postgres_verdict.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "sinks/detail.hpp"

namespace trunkline::sinks {
namespace {

using delivery::BatchVerdict;
using delivery::EventVerdict;
using delivery::Verdict;
using Kind = postgres::Failure::Kind;

template <std::size_t N>
bool is_one_of(std::string_view state, const std::array<std::string_view, N>& classes) {
  return std::ranges::any_of(classes, [&](std::string_view each) { return state.starts_with(each); });
}

Verdict verdict_of(const postgres::Failure& failure) {
  constexpr std::array<std::string_view, 6> kRow = {"21", "22", "23", "44", "54", "P0"};
  constexpr std::array<std::string_view, 3> kMoment = {"40", "55", "57014"};
  if (failure.kind != Kind::server) return Verdict::unavailable;
  if (is_one_of(failure.sqlstate, kRow)) return Verdict::rejected;
  if (is_one_of(failure.sqlstate, kMoment)) return Verdict::retry;
  return Verdict::unavailable;
}

std::string class_of(const postgres::Failure& failure) {
  if (!failure.sqlstate.empty()) return "sql_" + failure.sqlstate;
  switch (failure.kind) {
    case Kind::unreachable:
      return "connect";
    case Kind::timeout:
      return "timeout";
    case Kind::cancelled:
      return "cancelled";
    case Kind::server:
      return "sql";
  }
  return "sql";
}

}  // namespace

BatchVerdict postgres_verdict(const std::optional<postgres::Failure>& failure, std::size_t events,
                              std::span<const std::string> secrets) {
  BatchVerdict result;
  EventVerdict verdict;
  if (failure) {
    verdict.verdict = verdict_of(*failure);
    verdict.error_class = class_of(*failure);
    verdict.detail = detail_text(failure->message, secrets);
  }
  if (verdict.verdict == Verdict::rejected && events > 1) {
    result.refused = true;
    if (failure->row && *failure->row < events) result.suspect = failure->row;
    result.events.push_back(std::move(verdict));
    return result;
  }
  result.events.assign(events, verdict);
  return result;
}

}  // namespace trunkline::sinks
