#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/check.hpp"
#include "net/http_client.hpp"
#include "sinks/s3_verdict.hpp"

namespace {

using trunkline::base::Errc;
using trunkline::base::Error;
using trunkline::base::Result;
using trunkline::delivery::Verdict;
using trunkline::net::ClientResponse;
using trunkline::sinks::S3Presence;

const std::string kSecret = "c0ffee-c0ffee";

void check(const Result<ClientResponse>& answer) {
  const auto verdict = trunkline::sinks::s3_verdict(answer, {}, std::span(&kSecret, 1));
  const bool stored = trunkline::sinks::is_stored(answer);
  TRUNKLINE_CHECK((verdict.verdict == Verdict::delivered) == stored, "delivered is what is stored, and nothing else");
  TRUNKLINE_CHECK(!stored || answer->status == 200, "a failure is stored");
  TRUNKLINE_CHECK(verdict.detail.size() <= 1'024, "a detail over its bound");
  TRUNKLINE_CHECK(verdict.detail.find(kSecret) == std::string::npos, "the store's word has the credential in it");
  TRUNKLINE_CHECK(verdict.error_class.size() <= 64 + 3, "a class over its bound");
  const bool there = trunkline::sinks::s3_presence(answer) == S3Presence::there;
  TRUNKLINE_CHECK(!there || (answer.ok() && answer->status < 300), "an error says that it is there");
  const bool may = trunkline::sinks::may_have_stored(answer);
  TRUNKLINE_CHECK(!may || !answer.ok() || answer->status < 300 || answer->status >= 500, "a refusal stores nothing");
}

}  // namespace

// The first byte says the status, the second which headers there are; the rest is the body.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::array kStatuses = {200, 201, 206, 301, 307, 400, 403, 404, 408, 409, 413, 429, 500, 503};
  constexpr std::array kErrors = {Errc::timeout, Errc::unavailable, Errc::overloaded, Errc::invalid};
  if (size < 2) return 0;
  const std::string body(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t which = data[0] % (kStatuses.size() + kErrors.size());
  if (which >= kStatuses.size()) {
    check(Error{kErrors[which - kStatuses.size()], body});
    return 0;
  }
  ClientResponse answer{kStatuses[which], {}, body};
  if ((data[1] & 1) != 0) answer.headers.emplace_back("ETag", "\"0\"");
  if ((data[1] & 2) != 0) answer.headers.emplace_back("x-amz-bucket-region", body);
  check(answer);
  TRUNKLINE_CHECK(trunkline::sinks::parse_s3_error(body).code.size() <= 64, "a code over its bound");
  return 0;
}
