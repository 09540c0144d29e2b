#include "base/hash.hpp"

#include <gtest/gtest.h>

#include "base/crypto.hpp"

namespace trunkline::base {
namespace {

// Computed by xxhsum 0.8.1 (-H3 and -H128). What is on disk is found by these values: they may never change.
TEST(Hash, values_are_those_of_xxh3_in_its_canonical_form) {
  EXPECT_EQ(hash64(""), 0x2d06800538d394c2u);
  EXPECT_EQ(hex_encode(view(hash128(""))), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(hash64("trunkline"), 0xc53fa6e8c9730f39u);
  EXPECT_EQ(hex_encode(view(hash128("trunkline"))), "299e41782d25e1747bfce390972bc6c1");
  EXPECT_EQ(hash64(std::string(1000, 'x')), 0xc0a4877b962cba82u);
  EXPECT_EQ(hex_encode(view(hash128(std::string(1000, 'x')))), "50a1af5a5f2dcf01c0a4877b962cba82");
}

TEST(Hash, every_byte_counts) {
  const std::string text(100, 'a');
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string other = text;
    other[i] = 'b';
    EXPECT_NE(hash64(other), hash64(text)) << i;
    EXPECT_NE(hash128(other), hash128(text)) << i;
  }
}

}  // namespace
}  // namespace trunkline::base
