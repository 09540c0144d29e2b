#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

namespace trunkline::sim {

// 16 bytes that are written as 8-4-4-4-12 hex digits.
using Id = std::array<std::uint8_t, 16>;

// Appends the 36 characters of the id.
void append_id(std::string& out, const Id& id);
std::string to_text(const Id& id);

// xoshiro256** seeded through splitmix64: the same numbers on every platform, which the distributions of <random> do
// not promise.
class Random {
 public:
  explicit Random(std::uint64_t seed);

  std::uint64_t next() {
    const std::uint64_t result = rotate(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotate(state_[3], 45);
    return result;
  }

  // [0, 1)
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  bool chance(double probability) { return probability > 0 && unit() < probability; }
  // Both ends included.
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(unit() * static_cast<double>(high - low + 1));
  }
  std::size_t below(std::size_t count) { return static_cast<std::size_t>(unit() * static_cast<double>(count)); }
  double exponential(double mean) { return -mean * std::log1p(-unit()); }
  double normal();  // mean 0, deviation 1

  // Any 16 bytes, as EventBridge gives to events: neither a version nor a variant (genesys.md section 1).
  Id any_id();
  // RFC 4122 version 4, as Genesys gives to everything else.
  Id uuid();

 private:
  static std::uint64_t rotate(std::uint64_t value, int bits) { return (value << bits) | (value >> (64 - bits)); }
  std::array<std::uint64_t, 4> state_;
};

}  // namespace trunkline::sim
