#include "sinks/hub_verdict.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "json/document.hpp"
#include "sinks/detail.hpp"
#include "sinks/http_verdict.hpp"
#include "sinks/retry_after.hpp"

namespace trunkline::sinks {
namespace {

using delivery::BatchVerdict;
using delivery::EventVerdict;
using delivery::Verdict;
using Secrets = std::span<const std::string>;

constexpr std::size_t kDepthMax = 8;

EventVerdict of_result(json::Value result, std::optional<base::Millis> after, Secrets secrets) {
  constexpr std::array<std::string_view, 4> kStored = {"accepted", "duplicate", "conflict", "ignored"};
  const std::string_view word = result.string_at("verdict");
  EventVerdict verdict;
  if (std::ranges::find(kStored, word) != kStored.end()) return verdict;
  if (word == "quarantined") {
    verdict.verdict = Verdict::rejected;
    verdict.error_class = "hub_quarantined";
    verdict.detail = "the other hub could not read it as an event, and keeps it in its quarantine";
    return verdict;
  }
  verdict.verdict = Verdict::unavailable;
  verdict.error_class = "hub_failed";
  verdict.after = after;
  verdict.detail = detail_text(fmt::format("{}: {}", result.string_at("error"), result.string_at("message")), secrets);
  return verdict;
}

// Nothing if it is no answer of a hub to so many events.
std::optional<BatchVerdict> of_results(const net::ClientResponse& answer, std::size_t events, base::WallTime now,
                                       Secrets secrets) {
  json::Document document;
  const auto root = document.parse(answer.body, kDepthMax);
  if (!root.ok() || !root->is(json::Type::object)) return std::nullopt;
  const auto results = root->find("results");
  if (!results || !results->is(json::Type::array) || results->size() != events) return std::nullopt;
  std::optional<base::Millis> after;
  if (const auto header = net::find_header(answer.headers, "Retry-After")) after = parse_retry_after(*header, now);
  BatchVerdict batch;
  for (auto each = results->first(); each; each = each->next()) {
    if (!each->is(json::Type::object)) return std::nullopt;
    batch.events.push_back(of_result(*each, after, secrets));
  }
  return batch;
}

}  // namespace

BatchVerdict hub_verdict(const base::Result<net::ClientResponse>& answer, std::size_t events, base::WallTime now,
                         Secrets secrets) {
  const bool may_tell = answer.ok() && ((answer->status >= 200 && answer->status < 300) || answer->status == 503);
  if (!may_tell) return http_verdict(answer, events, now, secrets);
  if (auto told = of_results(*answer, events, now, secrets)) return std::move(*told);
  if (answer->status == 503) return http_verdict(answer, events, now, secrets);
  EventVerdict verdict{Verdict::unavailable, {}, "hub_no_answer", {}};
  verdict.detail = fmt::format("not a hub's answer to these events: look at the url and at what stands between: {}",
                               detail_text(answer->body, secrets, kDetailBytesMax / 2));
  BatchVerdict result;
  result.events.assign(events, verdict);
  return result;
}

}  // namespace trunkline::sinks
