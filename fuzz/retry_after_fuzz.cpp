#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.hpp"
#include "sinks/retry_after.hpp"

namespace {

using trunkline::base::Millis;
using trunkline::base::WallTime;
using trunkline::sinks::parse_retry_after;

}  // namespace

// A wait is never negative and never over a year, white space around the value says nothing, and a later clock never
// makes the wait longer.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  constexpr WallTime kNow{Millis(1'772'460'000'000)};
  constexpr Millis kYear = std::chrono::hours(24 * 365);
  const auto wait = parse_retry_after(text, kNow);
  TRUNKLINE_CHECK(!wait || (*wait >= Millis(0) && *wait <= kYear), "a wait outside of its bounds");
  TRUNKLINE_CHECK(parse_retry_after(" \t" + std::string(text) + "\t ", kNow) == wait, "white space changes the wait");
  const auto later = parse_retry_after(text, kNow + std::chrono::seconds(1));
  TRUNKLINE_CHECK(later.has_value() == wait.has_value(), "whether it is a wait depends on the clock");
  TRUNKLINE_CHECK(!wait || *later <= *wait, "a later clock makes the wait longer");
  return 0;
}
