#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.hpp"
#include "crm/transcript.hpp"

// First byte: the bound, in 64 bytes. What is made stays within it, and has a line for each phrase.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trunkline;
  if (size == 0) return 0;
  const std::size_t bytes_max = std::size_t{data[0]} * 64;
  const auto made = crm::transcript_text({reinterpret_cast<const char*>(data) + 1, size - 1}, bytes_max);
  if (!made.ok()) return 0;
  TRUNKLINE_CHECK(made->text.size() <= bytes_max, "a text beyond its bound");
  std::size_t lines = 0;
  for (const char c : made->text) lines += c == '\n' ? 1 : 0;
  TRUNKLINE_CHECK(lines >= made->phrases, "a phrase without a line");
  return 0;
}
