#include "sinks/hec_verdict.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "json/document.hpp"
#include "sinks/detail.hpp"
#include "sinks/http_verdict.hpp"

namespace trunkline::sinks {
namespace {

using delivery::BatchVerdict;
using delivery::EventVerdict;
using delivery::Verdict;

using Secrets = std::span<const std::string>;

enum class Meaning : std::uint8_t { success, setting, server, event, internal };
struct Row {
  std::int64_t code;
  Meaning meaning;
  std::string_view advice;
};

constexpr std::string_view kEnable = "enable the token in Splunk (Settings, Data inputs, HTTP Event Collector)";
constexpr std::string_view kToken = "correct the sink's token; it must exist on this Splunk";
constexpr std::string_view kAuthorization = "something between removes or changes the Authorization header";
constexpr std::string_view kChannel = "something between removes or changes the X-Splunk-Request-Channel header";
constexpr std::string_view kWait = "Splunk takes events again when its queues have drained";
constexpr std::string_view kEvent = "Splunk does not take this event";

// Splunk's documentation of the collector's possible status codes.
constexpr std::array kRows = {
    Row{0, Meaning::success, ""},
    Row{1, Meaning::setting, kEnable},
    Row{2, Meaning::setting, kAuthorization},
    Row{3, Meaning::setting, kAuthorization},
    Row{4, Meaning::setting, kToken},
    Row{5, Meaning::event, kEvent},
    Row{6, Meaning::event, kEvent},
    Row{7, Meaning::setting, "allow the index in the token's settings, or correct the sink's index"},
    Row{8, Meaning::internal, "look into splunkd.log"},
    Row{9, Meaning::server, kWait},
    Row{10, Meaning::setting, kChannel},
    Row{11, Meaning::setting, kChannel},
    Row{12, Meaning::event, kEvent},
    Row{13, Meaning::event, kEvent},
    Row{14, Meaning::setting, "enable indexer acknowledgement for the token"},
    Row{15, Meaning::event, kEvent},
    Row{16, Meaning::setting, kAuthorization},
    Row{17, Meaning::setting, "the url leads to the health endpoint; it is the server's address alone"},
    Row{18, Meaning::server, kWait},
    Row{19, Meaning::server, "Splunk's acknowledgement service is out"},
    Row{20, Meaning::server, kWait},
    Row{21, Meaning::setting, kToken},
    Row{22, Meaning::setting, kEnable},
    Row{23, Meaning::server, "Splunk shuts down"},
};

const Row* row_of(std::int64_t code) {
  const auto* row = std::find_if(kRows.begin(), kRows.end(), [code](const Row& each) { return each.code == code; });
  return row == kRows.end() ? nullptr : &*row;
}

bool is_success(int status) {
  return status >= 200 && status < 300;
}

BatchVerdict for_all(EventVerdict verdict, std::size_t events) {
  BatchVerdict result;
  result.events.assign(events, verdict);
  return result;
}

// One event at fault, or nobody knows which.
BatchVerdict for_one(EventVerdict verdict, std::size_t events, std::optional<std::uint64_t> suspect) {
  BatchVerdict result;
  result.refused = events > 1;
  if (result.refused) {
    verdict.verdict = Verdict::rejected;
    if (suspect && *suspect < events) result.suspect = static_cast<std::size_t>(*suspect);
  }
  result.events.push_back(std::move(verdict));
  return result;
}

std::string detail_of(const HecAnswer& said, const Row* row, Secrets secrets) {
  std::string text = fmt::format("{} (code {})", said.text.empty() ? "Splunk gives no text" : said.text, said.code);
  if (said.invalid_event) text += fmt::format(", event {} of the request", *said.invalid_event);
  if (row != nullptr && !row->advice.empty()) text += fmt::format(": {}", row->advice);
  return detail_text(text, secrets);
}

BatchVerdict without_known_code(const net::ClientResponse& answer, std::size_t events, BatchVerdict by_status,
                                Secrets secrets) {
  if (answer.status == 500) {
    EventVerdict verdict = std::move(by_status.events.front());
    verdict.verdict = Verdict::retry;
    return for_one(std::move(verdict), events, std::nullopt);
  }
  if (!is_success(answer.status)) return by_status;
  EventVerdict verdict{Verdict::unavailable, {}, fmt::format("http_{}", answer.status), {}};
  // Cut at the bound of all details alone: whoever scrubs it of values must see that it is cut.
  verdict.detail = detail_text(
      fmt::format("not the answer of a Splunk HTTP Event Collector: look at the url and at what stands between: {}",
                  detail_text(answer.body, secrets)),
      {});
  return for_all(std::move(verdict), events);
}

}  // namespace

std::optional<HecAnswer> parse_hec_answer(std::string_view body) {
  // Deeper than any answer of a collector.
  constexpr std::size_t kDepthMax = 8;
  json::Document document;
  const auto root = document.parse(body, kDepthMax);
  if (!root.ok() || !root->is(json::Type::object)) return std::nullopt;
  const auto code = root->find("code");
  const auto number = code ? code->integer() : std::nullopt;
  if (!number) return std::nullopt;
  HecAnswer answer;
  answer.code = *number;
  answer.text = root->string_at("text");
  const auto invalid = root->find("invalid-event-number");
  const auto place = invalid ? invalid->integer() : std::nullopt;
  if (place && *place >= 0) answer.invalid_event = static_cast<std::uint64_t>(*place);
  const auto ack = root->find("ackId");
  const auto id = ack ? ack->integer() : std::nullopt;
  if (id && *id >= 0) answer.ack_id = static_cast<std::uint64_t>(*id);
  return answer;
}

std::string_view hec_advice(std::int64_t code) {
  const Row* row = row_of(code);
  return row == nullptr ? std::string_view{} : row->advice;
}

BatchVerdict hec_verdict(const base::Result<net::ClientResponse>& answer, std::size_t events, base::WallTime now,
                         Secrets secrets) {
  BatchVerdict by_status = http_verdict(answer, events, now, secrets);
  if (!answer.ok()) return by_status;
  // A redirect is one, whatever it says besides.
  if (answer->status < 200 || (answer->status >= 300 && answer->status < 400)) return by_status;
  const std::optional<HecAnswer> said = parse_hec_answer(answer->body);
  if (!said) return without_known_code(*answer, events, std::move(by_status), secrets);
  const Row* row = row_of(said->code);
  if (said->code == 0 && is_success(answer->status)) return by_status;

  // What http_verdict() gives to 2xx has neither a class nor a detail.
  EventVerdict verdict = by_status.events.front();
  verdict.error_class = fmt::format("hec_{}", said->code);
  verdict.detail = detail_of(*said, row, secrets);
  if (row == nullptr || row->meaning == Meaning::success) {
    BatchVerdict result = without_known_code(*answer, events, std::move(by_status), secrets);
    for (EventVerdict& each : result.events) {
      each.error_class = verdict.error_class;
      each.detail = verdict.detail;
    }
    return result;
  }
  switch (row->meaning) {
    case Meaning::success:
    case Meaning::setting:
    case Meaning::server:
      verdict.verdict = Verdict::unavailable;
      return for_all(std::move(verdict), events);
    case Meaning::event:
      verdict.verdict = Verdict::rejected;
      return for_one(std::move(verdict), events, said->invalid_event);
    case Meaning::internal:
      verdict.verdict = Verdict::retry;
      return for_one(std::move(verdict), events, std::nullopt);
  }
  return for_all(std::move(verdict), events);
}

}  // namespace trunkline::sinks
