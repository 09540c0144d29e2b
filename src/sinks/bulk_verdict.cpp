#include "sinks/bulk_verdict.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

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

// Deeper than any answer: causes of causes.
constexpr std::size_t kDepthMax = 64;
// Of type and reason, before secrets are taken out and the detail is cut.
constexpr std::size_t kTextBytesMax = 8'192;

bool is_success(std::int64_t status) {
  return status >= 200 && status < 300;
}

// An error is an object as a rule; older and other servers write a text.
void read_error(json::Value error, BulkItem& item) {
  if (error.is(json::Type::string)) {
    item.reason = error.string().substr(0, kTextBytesMax);
    return;
  }
  item.type = error.string_at("type").substr(0, kTextBytesMax);
  item.reason = error.string_at("reason").substr(0, kTextBytesMax);
  const auto cause = error.find("caused_by");
  const std::string_view why = cause ? cause->string_at("reason") : std::string_view();
  if (!why.empty() && why != item.reason) item.reason += fmt::format(": {}", why.substr(0, kTextBytesMax));
}

BulkItem read_item(json::Value value) {
  BulkItem item;
  const auto result = value.is(json::Type::object) ? value.first() : std::nullopt;
  if (!result) return item;
  const auto status = result->find("status");
  item.status = status ? status->integer().value_or(0) : 0;
  if (const auto error = result->find("error")) read_error(*error, item);
  return item;
}

bool is_setting(std::string_view type) {
  constexpr std::array<std::string_view, 5> kTypes = {"index_closed_exception", "invalid_index_name_exception",
                                                      "cluster_block_exception", "security_exception",
                                                      "index_not_found_exception"};
  return std::ranges::find(kTypes, type) != kTypes.end();
}

// Shards that are away; the cluster, when nothing better is heard of it.
bool is_shard_away(std::int64_t status) {
  return status == 408 || status == 502 || status == 503 || status == 504;
}

Verdict verdict_of_item(const BulkItem& item) {
  if (is_success(item.status) || item.status == 409) return Verdict::delivered;
  if (item.status < 400 || item.status > 599 || is_setting(item.type)) return Verdict::unavailable;
  if (item.status == 429 || is_shard_away(item.status)) return Verdict::retry;
  if (item.status == 401 || item.status == 403 || item.status == 404 || item.status == 405) return Verdict::unavailable;
  return Verdict::rejected;
}

std::string text_of(const BulkItem& item, Secrets secrets) {
  if (item.type.empty() && item.reason.empty()) return fmt::format("status {}", item.status);
  const std::string text = item.type.empty() ? item.reason : fmt::format("{}: {}", item.type, item.reason);
  return detail_text(text, secrets);
}

EventVerdict of_item(const BulkItem& item, std::optional<base::Millis> after, Secrets secrets) {
  EventVerdict verdict;
  verdict.verdict = verdict_of_item(item);
  if (verdict.verdict == Verdict::delivered) return verdict;
  verdict.after = after;
  verdict.error_class = item.status == 0 ? "bulk_no_status" : fmt::format("bulk_{}", item.status);
  verdict.detail = item.status == 0 ? "the answer has no status for this event" : text_of(item, secrets);
  return verdict;
}

BatchVerdict for_all(EventVerdict verdict, std::size_t events) {
  BatchVerdict result;
  result.events.assign(events, verdict);
  return result;
}

EventVerdict foreign(const net::ClientResponse& answer, std::string_view what, Secrets secrets) {
  EventVerdict verdict{Verdict::unavailable, {}, "bulk_no_answer", {}};
  // Cut at the bound of all details alone: whoever scrubs it of values must see that it is cut.
  verdict.detail = detail_text(
      fmt::format("{}: look at the url and at what stands between: {}", what, detail_text(answer.body, secrets)), {});
  return verdict;
}

BatchVerdict of_items(const BulkAnswer& said, std::optional<base::Millis> after, Secrets secrets) {
  BatchVerdict result;
  const bool cluster = std::ranges::all_of(said.items, [](const BulkItem& item) { return is_shard_away(item.status); });
  for (const BulkItem& item : said.items) {
    result.events.push_back(of_item(item, after, secrets));
    if (cluster) result.events.back().verdict = Verdict::unavailable;
  }
  return result;
}

BatchVerdict of_success(const net::ClientResponse& answer, std::size_t events, std::size_t answer_bytes_max,
                        base::WallTime now, Secrets secrets) {
  const auto said = parse_bulk_answer(answer.body, events + 1);
  if (!said) {
    if (answer.body.size() < answer_bytes_max)
      return for_all(foreign(answer, "not an answer of _bulk", secrets), events);
    BatchVerdict result = for_all({Verdict::rejected, {}, "bulk_answer_too_long", "the answer is too long"}, 1);
    result.refused = events > 1;
    return result;
  }
  if (said->items.empty() && !said->errors) return for_all({}, events);
  if (said->items.size() != events)
    return for_all(foreign(answer, "the answer has another number of items than the request", secrets), events);
  std::optional<base::Millis> after;
  if (const auto header = net::find_header(answer.headers, "Retry-After")) after = parse_retry_after(*header, now);
  return of_items(*said, after, secrets);
}

}  // namespace

std::optional<BulkAnswer> parse_bulk_answer(std::string_view body, std::size_t items_max) {
  json::Document document;
  const auto root = document.parse(body, kDepthMax);
  if (!root.ok() || !root->is(json::Type::object)) return std::nullopt;
  const auto errors = root->find("errors");
  if (!errors || !errors->is(json::Type::boolean)) return std::nullopt;
  BulkAnswer answer;
  answer.errors = errors->boolean();
  const auto items = root->find("items");
  if (!items) return answer;
  if (!items->is(json::Type::array)) return std::nullopt;
  for (auto item = items->first(); item && answer.items.size() < items_max; item = item->next())
    answer.items.push_back(read_item(*item));
  return answer;
}

BulkItem parse_bulk_error(std::string_view body) {
  BulkItem item;
  json::Document document;
  const auto root = document.parse(body, kDepthMax);
  if (!root.ok() || !root->is(json::Type::object)) return item;
  if (const auto error = root->find("error")) read_error(*error, item);
  if (item.reason.empty()) item.reason = root->string_at("message").substr(0, kTextBytesMax);  // AWS
  const auto status = root->find("status");
  item.status = status ? status->integer().value_or(0) : 0;
  return item;
}

BatchVerdict bulk_verdict(const base::Result<net::ClientResponse>& answer, std::size_t events,
                          std::size_t answer_bytes_max, base::WallTime now, Secrets secrets) {
  if (answer.ok() && is_success(answer->status)) return of_success(*answer, events, answer_bytes_max, now, secrets);
  BatchVerdict by_status = http_verdict(answer, events, now, secrets);
  if (!answer.ok()) return by_status;
  const BulkItem said = parse_bulk_error(answer->body);
  if (!said.type.empty() || !said.reason.empty()) {
    for (EventVerdict& each : by_status.events) each.detail = text_of(said, secrets);
  }
  const bool setting = answer->status == 406 || answer->status == 415 || is_setting(said.type);
  if (!setting || by_status.events.front().verdict != Verdict::rejected) return by_status;
  EventVerdict verdict = std::move(by_status.events.front());
  verdict.verdict = Verdict::unavailable;
  return for_all(std::move(verdict), events);
}

}  // namespace trunkline::sinks
