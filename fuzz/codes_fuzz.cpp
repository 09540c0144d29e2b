#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.hpp"
#include "wfm/code_table.hpp"
#include "wfm/csv.hpp"
#include "wfm/timeline.hpp"

// First byte, even: a table of codes, which has an answer for every state or says what is wrong. Odd: lines of a timeline,
// which come out again as they went in once they were read.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trunkline;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0) {
    const auto table = wfm::CodeTable::parse(text, "OTHER");
    if (!table.ok()) {
      TRUNKLINE_CHECK(!table.error().detail.empty(), "an error without a reason");
      return 0;
    }
    TRUNKLINE_CHECK(!table->code("ON_QUEUE", "IDLE", "x").empty(), "a state without a code");
    return 0;
  }
  const auto timeline = wfm::Timeline::restore({}, text);
  if (!timeline.ok()) return 0;
  const std::string lines = timeline->lines();
  const auto again = wfm::Timeline::restore({}, lines);
  TRUNKLINE_CHECK(again.ok() && again->lines() == lines, "a timeline that is not read as it was written");
  return 0;
}
