#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/check.hpp"
#include "net/http_client.hpp"
#include "sinks/hub_verdict.hpp"

namespace {

using trunkline::delivery::BatchVerdict;
using trunkline::delivery::Verdict;
using trunkline::sinks::hub_verdict;

const std::string kSecret = "c0ffee-c0ffee";

}  // namespace

// The first byte is the status, the rest an answer's body. An event is delivered only by a result of its own.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const int status = data[0] == 'u' ? 503 : 200 + data[0] % 4 * 100;
  const std::string body(reinterpret_cast<const char*>(data) + 1, size - 1);
  for (const std::size_t events : {1, 2}) {
    const BatchVerdict verdict = hub_verdict(trunkline::net::ClientResponse{status, {{"Retry-After", "1"}}, body},
                                             events, {}, std::span(&kSecret, 1));
    TRUNKLINE_CHECK(verdict.events.size() == (verdict.refused ? 1 : events),
                    "a verdict for each event, or one for all");
    for (const auto& each : verdict.events) {
      TRUNKLINE_CHECK(each.detail.size() <= 1'024, "a detail over its bound");
      TRUNKLINE_CHECK(each.detail.find(kSecret) == std::string::npos, "the hub's word has the credential in it");
      if (each.verdict != Verdict::delivered) continue;
      TRUNKLINE_CHECK(status == 200 || status == 503, "a failure delivers");
      TRUNKLINE_CHECK(body.find("verdict") != std::string::npos || body.find('\\') != std::string::npos,
                      "delivered, and nobody has said so");
    }
  }
  return 0;
}
