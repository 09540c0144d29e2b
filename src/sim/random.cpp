#include "sim/random.hpp"

#include <cstring>
#include <numbers>

namespace trunkline::sim {
namespace {

constexpr std::array<char, 512> make_hex_pairs() {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<char, 512> pairs{};
  for (std::size_t byte = 0; byte < 256; ++byte) {
    pairs[2 * byte] = kDigits[byte >> 4];
    pairs[2 * byte + 1] = kDigits[byte & 15];
  }
  return pairs;
}
constexpr std::array<char, 512> kHexPairs = make_hex_pairs();

}  // namespace

void append_id(std::string& out, const Id& id) {
  char text[36];
  char* place = text;
  for (std::size_t i = 0; i < id.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *place++ = '-';
    std::memcpy(place, &kHexPairs[2 * id[i]], 2);
    place += 2;
  }
  out.append(text, sizeof text);
}

std::string to_text(const Id& id) {
  std::string text;
  append_id(text, id);
  return text;
}

Random::Random(std::uint64_t seed) : state_{} {
  for (std::uint64_t& word : state_) {
    seed += 0x9E3779B97F4A7C15ull;
    std::uint64_t mixed = seed;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ull;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBull;
    word = mixed ^ (mixed >> 31);
  }
}

double Random::normal() {
  // Box and Muller; one of the pair is thrown away, so that no state hides between calls.
  return std::sqrt(-2.0 * std::log1p(-unit())) * std::cos(2.0 * std::numbers::pi * unit());
}

Id Random::any_id() {
  Id id;
  const std::uint64_t words[2] = {next(), next()};
  for (std::size_t i = 0; i < 16; ++i) id[i] = static_cast<std::uint8_t>(words[i / 8] >> (8 * (i % 8)));
  return id;
}

Id Random::uuid() {
  Id id = any_id();
  id[6] = static_cast<std::uint8_t>((id[6] & 0x0F) | 0x40);
  id[8] = static_cast<std::uint8_t>((id[8] & 0x3F) | 0x80);
  return id;
}

}  // namespace trunkline::sim
