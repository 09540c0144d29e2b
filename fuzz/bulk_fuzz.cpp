#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/check.hpp"
#include "net/http_client.hpp"
#include "sinks/bulk_verdict.hpp"

namespace {

using trunkline::delivery::BatchVerdict;
using trunkline::delivery::Verdict;
using trunkline::sinks::bulk_verdict;
using trunkline::sinks::parse_bulk_answer;
using trunkline::sinks::parse_bulk_error;

constexpr std::size_t kAnswerMax = 4 << 10;
const std::string kSecret = "c0ffee-c0ffee";

}  // namespace

// The first byte is the status, the rest an answer's body. An event is delivered only by an item of its own that says so,
// or by an answer that says that nothing failed.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const int status = 200 + data[0] % 4 * 100 + data[0] / 4;
  const std::string body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto said = parse_bulk_answer(body, 4);
  TRUNKLINE_CHECK(!said || said->items.size() <= 4, "more items than the bound");
  TRUNKLINE_CHECK(parse_bulk_error(body).type.size() <= 8'192, "a type over its bound");
  for (const std::size_t events : {1, 3}) {
    const BatchVerdict verdict = bulk_verdict(trunkline::net::ClientResponse{status, {{"Retry-After", "1"}}, body},
                                              events, kAnswerMax, {}, std::span(&kSecret, 1));
    TRUNKLINE_CHECK(verdict.events.size() == (verdict.refused ? 1 : events),
                    "a verdict for each event, or one for all");
    TRUNKLINE_CHECK(!verdict.refused || events > 1, "one event cannot be halved");
    for (std::size_t i = 0; i < verdict.events.size(); ++i) {
      const auto& each = verdict.events[i];
      TRUNKLINE_CHECK(each.detail.size() <= 1'024, "a detail over its bound");
      TRUNKLINE_CHECK(each.detail.find(kSecret) == std::string::npos, "the server's word has the credential in it");
      if (each.verdict != Verdict::delivered) continue;
      TRUNKLINE_CHECK(status < 300 && said, "a failure delivers");
      const bool own = said->items.size() == events && said->items[i].status >= 200;
      TRUNKLINE_CHECK(own || (said->items.empty() && !said->errors), "delivered, and nobody has said so");
    }
  }
  return 0;
}
