#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/check.hpp"
#include "net/http_client.hpp"
#include "sinks/hec_acks.hpp"
#include "sinks/hec_verdict.hpp"

namespace {

using trunkline::delivery::BatchVerdict;
using trunkline::delivery::Verdict;
using trunkline::sinks::hec_advice;
using trunkline::sinks::hec_verdict;
using trunkline::sinks::parse_hec_answer;

void check(const BatchVerdict& verdict, std::size_t events) {
  TRUNKLINE_CHECK(verdict.events.size() == (verdict.refused ? 1 : events), "a verdict for each event, or one for all");
  TRUNKLINE_CHECK(!verdict.refused || events > 1, "one event cannot be halved");
  TRUNKLINE_CHECK(!verdict.suspect || (verdict.refused && *verdict.suspect < events), "a suspect outside of its batch");
  for (const auto& each : verdict.events) TRUNKLINE_CHECK(each.detail.size() <= 1'024, "a detail over its bound");
}

const std::string kSecret = "c0ffee-c0ffee";

}  // namespace

// The first byte is the status, the rest an answer's body. Only 2xx with the code 0 delivers, and then all.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const int status = 200 + data[0] % 4 * 100 + data[0] / 4;
  const std::string body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto said = parse_hec_answer(body);
  TRUNKLINE_CHECK(!said || hec_advice(said->code).size() < 200, "advice is a sentence");
  const auto acks = trunkline::sinks::parse_hec_acks(body, 2);
  TRUNKLINE_CHECK(!acks || acks->size() <= 2, "more acknowledgements than were asked for");
  const bool success = status < 300 && said && said->code == 0;
  for (const std::size_t events : {1, 3}) {
    const BatchVerdict verdict = hec_verdict(trunkline::net::ClientResponse{status, {{"Retry-After", "1"}}, body},
                                             events, {}, std::span(&kSecret, 1));
    check(verdict, events);
    for (const auto& each : verdict.events)
      TRUNKLINE_CHECK(each.detail.find(kSecret) == std::string::npos, "the server's word has the credential in it");
    for (const auto& each : verdict.events)
      TRUNKLINE_CHECK((each.verdict == Verdict::delivered) == success, "a success is one, and nothing else is");
  }
  return 0;
}
