#include "sinks/http_verdict.hpp"

#include <fmt/format.h>

#include "sinks/detail.hpp"
#include "sinks/retry_after.hpp"

namespace trunkline::sinks {
namespace {

using base::Errc;
using delivery::BatchVerdict;
using delivery::EventVerdict;
using delivery::Verdict;

using Secrets = std::span<const std::string>;

Verdict verdict_of_status(int status) {
  if (status >= 200 && status < 300) return Verdict::delivered;
  if (status < 400) return Verdict::unavailable;
  switch (status) {
    case 408:
    case 425:
    case 429:
      return Verdict::retry;
    case 401:
    case 402:
    case 403:
    case 404:
    case 405:
    case 407:
    case 410:
    case 421:
    case 502:
    case 503:
    case 504:
    case 511:
    case 529:
    case 530:
      return Verdict::unavailable;
    default:
      break;
  }
  if (status >= 520 && status <= 527) return Verdict::unavailable;
  return Verdict::rejected;
}

EventVerdict of_answer(const net::ClientResponse& response, base::WallTime now, Secrets secrets) {
  EventVerdict verdict;
  verdict.verdict = verdict_of_status(response.status);
  if (verdict.verdict == Verdict::delivered) return verdict;
  verdict.error_class = fmt::format("http_{}", response.status);
  if (response.status >= 300 && response.status < 400) {
    const auto location = net::find_header(response.headers, "Location").value_or("nowhere");
    verdict.detail = detail_text(fmt::format("redirects to {}; redirects are not followed", location), secrets);
  } else {
    verdict.detail = detail_text(response.body, secrets);
  }
  if (const auto after = net::find_header(response.headers, "Retry-After"))
    verdict.after = parse_retry_after(*after, now);
  return verdict;
}

EventVerdict of_error(const base::Error& error, Secrets secrets) {
  EventVerdict verdict{Verdict::unavailable, {}, "connect", detail_text(error.detail, secrets)};
  switch (error.code) {
    case Errc::timeout:
      verdict.error_class = "timeout";
      break;
    case Errc::invalid:
      verdict.error_class = "forbidden_address";
      break;
    case Errc::unauthenticated:
      verdict.error_class = "oauth";
      break;
    case Errc::cancelled:
      verdict.error_class = "cancelled";
      break;
    case Errc::overloaded:
      verdict.verdict = Verdict::retry;
      verdict.error_class = "client_full";
      verdict.after = std::chrono::seconds(1);
      break;
    default:
      if (error.detail.starts_with("oauth:")) verdict.error_class = "oauth";
      break;
  }
  return verdict;
}

}  // namespace

BatchVerdict http_verdict(const base::Result<net::ClientResponse>& answer, std::size_t events, base::WallTime now,
                          Secrets secrets) {
  EventVerdict verdict = answer.ok() ? of_answer(*answer, now, secrets) : of_error(answer.error(), secrets);
  BatchVerdict result;
  result.refused = verdict.verdict == Verdict::rejected && events > 1;
  result.events.assign(result.refused ? 1 : events, verdict);
  return result;
}

}  // namespace trunkline::sinks
