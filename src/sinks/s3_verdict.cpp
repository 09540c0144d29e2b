#include "sinks/s3_verdict.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "net/http_types.hpp"
#include "sinks/detail.hpp"
#include "sinks/http_verdict.hpp"

namespace trunkline::sinks {
namespace {

using base::Errc;
using delivery::EventVerdict;
using delivery::Verdict;

constexpr std::size_t kCodeBytesMax = 64;

std::string_view element(std::string_view body, std::string_view name) {
  const std::string open = fmt::format("<{}>", name);
  const std::size_t begin = body.find(open);
  if (begin == std::string_view::npos) return {};
  const std::string_view rest = body.substr(begin + open.size());
  const std::size_t end = rest.find(fmt::format("</{}>", name));
  return end == std::string_view::npos ? std::string_view() : rest.substr(0, end);
}

bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= kCodeBytesMax && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.';
  });
}

// Its message, and what is told beside it of a bucket that is elsewhere.
std::string detail_of(const S3Error& error, const net::ClientResponse& answer) {
  const auto region = net::find_header(answer.headers, "x-amz-bucket-region");
  if (!region) return error.message;
  return fmt::format("{} (the bucket is in {})", error.message, *region);
}

}  // namespace

S3Error parse_s3_error(std::string_view body) {
  S3Error error;
  const std::string_view code = element(body, "Code");
  if (!is_word(code)) return error;
  error.code = code;
  error.message = element(body, "Message");
  return error;
}

EventVerdict s3_verdict(const base::Result<net::ClientResponse>& answer, base::WallTime now,
                        std::span<const std::string> secrets) {
  EventVerdict verdict = http_verdict(answer, 1, now, secrets).events.front();
  if (!answer.ok()) return verdict;
  if (is_stored(answer)) return verdict;
  verdict.verdict = Verdict::unavailable;
  if (answer->status >= 200 && answer->status < 300) {
    verdict.error_class = "s3_no_answer";
    verdict.detail =
        detail_text(fmt::format("it answers {} without an ETag, which is no answer of S3: look at the url and "
                                "at what stands between: {}",
                                answer->status, answer->body),
                    secrets);
    return verdict;
  }
  const S3Error error = parse_s3_error(answer->body);
  if (answer->status == 413 || error.code == "EntityTooLarge") verdict.verdict = Verdict::rejected;
  if (!error.code.empty()) {
    verdict.error_class = "s3_" + error.code;
    verdict.detail = detail_text(detail_of(error, *answer), secrets);
  }
  return verdict;
}

bool is_stored(const base::Result<net::ClientResponse>& answer) {
  return answer.ok() && answer->status == 200 && net::find_header(answer->headers, "ETag").has_value();
}

bool may_have_stored(const base::Result<net::ClientResponse>& answer) {
  if (answer.ok()) {
    const bool success = answer->status >= 200 && answer->status < 300;
    return success || (answer->status >= 500 && parse_s3_error(answer->body).code != "SlowDown");
  }
  return answer.error().code != Errc::overloaded && answer.error().code != Errc::invalid;
}

S3Presence s3_presence(const base::Result<net::ClientResponse>& answer) {
  if (!answer.ok()) return S3Presence::unknown;
  if ((answer->status == 206 || answer->status == 200) && net::find_header(answer->headers, "ETag"))
    return S3Presence::there;
  const std::string code = parse_s3_error(answer->body).code;
  const bool absent = answer->status == 404 && code != "NoSuchBucket";
  const bool forbidden = answer->status == 403 && (code.empty() || code == "AccessDenied");
  const bool unsupported = answer->status == 405 || answer->status == 501;
  return absent || forbidden || unsupported ? S3Presence::absent : S3Presence::unknown;
}

}  // namespace trunkline::sinks
