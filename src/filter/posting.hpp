#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace trunkline::filter {

// A set of policy numbers as the words of a bit set that are not zero. Numbers are added in ascending order.
class Posting {
 public:
  void add(std::uint32_t number) {
    const std::uint32_t word = number / 64;
    if (words_.empty() || words_.back().first != word) words_.emplace_back(word, 0);
    words_.back().second |= std::uint64_t{1} << (number % 64);
  }
  bool empty() const { return words_.empty(); }

  void add_to(std::span<std::uint64_t> set) const {
    for (const auto& [word, bits] : words_) set[word] |= bits;
  }
  // Adds to `to` what of this posting is not in `excluded`, and takes this posting's numbers out of `excluded`.
  void add_rest(std::span<std::uint64_t> excluded, std::span<std::uint64_t> to) const {
    for (const auto& [word, bits] : words_) to[word] |= bits & ~std::exchange(excluded[word], 0);
  }

 private:
  std::vector<std::pair<std::uint32_t, std::uint64_t>> words_;
};

}  // namespace trunkline::filter
