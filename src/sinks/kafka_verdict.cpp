#include "sinks/kafka_verdict.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "sinks/detail.hpp"

namespace trunkline::sinks {
namespace {

using delivery::BatchVerdict;
using delivery::EventVerdict;
using delivery::Verdict;
using Kind = kafka::Failure::Kind;

std::string class_of(const std::string& name) {
  std::string text = "kafka_";
  for (const char c : name) text += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

EventVerdict verdict_of(const std::optional<kafka::Failure>& failure, std::span<const std::string> secrets) {
  EventVerdict verdict;
  if (!failure) return verdict;
  switch (failure->kind) {
    case Kind::full:
      verdict.verdict = Verdict::retry;
      verdict.after = std::chrono::seconds(1);
      break;
    case Kind::behind:
      verdict.verdict = Verdict::retry;
      break;
    case Kind::message:
      verdict.verdict = Verdict::rejected;
      break;
    case Kind::unreachable:
    case Kind::setting:
      verdict.verdict = Verdict::unavailable;
      break;
  }
  verdict.error_class = class_of(failure->name);
  verdict.detail = detail_text(failure->detail, secrets);
  return verdict;
}

}  // namespace

BatchVerdict kafka_verdict(const kafka::Producer::Outcome& outcome, std::span<const std::string> secrets) {
  BatchVerdict result;
  for (const auto& each : outcome) result.events.push_back(verdict_of(each, secrets));
  const auto is_bad = [](const EventVerdict& each) { return each.verdict == Verdict::rejected; };
  if (std::ranges::count_if(result.events, is_bad) < 2) return result;
  EventVerdict why = *std::ranges::find_if(result.events, is_bad);
  result.refused = true;
  result.events.assign(1, std::move(why));
  return result;
}

}  // namespace trunkline::sinks
