#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/hash.hpp"
#include "filter/posting.hpp"
#include "filter/text_match.hpp"

namespace trunkline::filter {

// The look-up structures of one path. All are filled with add, closed with finish where there is one, and read by any
// number of threads from then on; visit(value, see) calls see(const Posting&) for each posting the value may hit,
// without allocating.

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return base::hash64(text); }
};

// Whole values, by hash.
class ExactTable {
 public:
  void add(std::string_view text, std::uint32_t number) {
    postings_[std::string(text)].add(number);
    sizes_ |= size_bit(text.size());
  }
  bool empty() const { return sizes_ == 0; }
  // False only when no text of that size is there: spares most values the hash.
  bool may_hold(std::size_t size) const { return (sizes_ & size_bit(size)) != 0; }

  template <class See>
  void visit(std::string_view value, See see) const {
    if (!may_hold(value.size())) return;
    if (const auto found = postings_.find(value); found != postings_.end()) see(found->second);
  }

 private:
  static std::uint64_t size_bit(std::size_t size) { return std::uint64_t{1} << std::min<std::size_t>(size, 63); }

  std::unordered_map<std::string, Posting, TextHash, std::equal_to<>> postings_;
  std::uint64_t sizes_ = 0;  // bit n: a text of n bytes, bit 63: of 63 or more
};

// Prefixes (or, read from behind, suffixes): sorted, each with a link to the longest other one that it begins with.
// Those that a value begins with all lie on the chain of links from the greatest one that is not above the value.
template <bool kFromBehind>
class AffixTable {
 public:
  void add(std::string_view text, std::uint32_t number) { building_[std::string(text)].add(number); }
  bool empty() const { return entries_.empty(); }

  void finish() {
    for (auto& [text, posting] : building_) entries_.push_back({text, std::move(posting), -1});
    building_.clear();
    std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) { return less(a.text, b.text); });
    for (std::size_t i = 1; i < entries_.size(); ++i) {
      auto parent = static_cast<std::int32_t>(i) - 1;
      while (parent >= 0 && !begins(entries_[i].text, at(parent).text)) parent = at(parent).parent;
      entries_[i].parent = parent;
    }
  }

  template <class See>
  void visit(std::string_view value, See see) const {
    const auto above = std::upper_bound(entries_.begin(), entries_.end(), value,
                                        [](std::string_view v, const Entry& entry) { return less(v, entry.text); });
    auto next = static_cast<std::int32_t>(above - entries_.begin()) - 1;
    while (next >= 0 && !begins(value, at(next).text)) next = at(next).parent;
    for (; next >= 0; next = at(next).parent) see(at(next).posting);
  }

 private:
  struct Entry {
    std::string text;
    Posting posting;
    std::int32_t parent;
  };
  const Entry& at(std::int32_t index) const { return entries_[static_cast<std::size_t>(index)]; }
  static bool less(std::string_view a, std::string_view b) {
    if constexpr (kFromBehind) return std::lexicographical_compare(a.rbegin(), a.rend(), b.rbegin(), b.rend());
    return a < b;
  }
  static bool begins(std::string_view text, std::string_view affix) {
    return kFromBehind ? text.ends_with(affix) : text.starts_with(affix);
  }

  std::map<std::string, Posting> building_;
  std::vector<Entry> entries_;
};

// Ranges with open, closed or no ends. The distinct ends cut the line into points and gaps; a segment tree over them
// holds each range in O(log n) nodes, and a value reads the nodes above its own place.
template <class Key>
class RangeTable {
 public:
  struct Range {
    std::optional<Key> bottom;
    std::optional<Key> top;
    bool bottom_open = false;
    bool top_open = false;
  };

  void add(Range range, std::uint32_t number) { building_.emplace_back(std::move(range), number); }
  bool empty() const { return nodes_.empty(); }

  void finish() {
    if (building_.empty()) return;
    for (const auto& [range, number] : building_) {
      if (range.bottom) ends_.push_back(*range.bottom);
      if (range.top) ends_.push_back(*range.top);
    }
    std::sort(ends_.begin(), ends_.end());
    ends_.erase(std::unique(ends_.begin(), ends_.end()), ends_.end());
    places_ = 2 * ends_.size() + 1;
    nodes_.resize(2 * places_);
    for (const auto& [range, number] : building_) insert(range, number);
    building_ = {};
  }

  template <class See>
  void visit(const Key& value, See see) const {
    for (std::size_t node = place(value) + places_; node > 0; node /= 2) {
      if (!nodes_[node].empty()) see(nodes_[node]);
    }
  }

 private:
  // Place 2i + 1 is the end i itself, place 2i the gap below it.
  std::size_t place(const Key& value) const {
    const auto found = std::lower_bound(ends_.begin(), ends_.end(), value);
    const auto index = static_cast<std::size_t>(found - ends_.begin());
    return 2 * index + (found != ends_.end() && *found == value ? 1 : 0);
  }

  void insert(const Range& range, std::uint32_t number) {
    std::size_t low = range.bottom ? place(*range.bottom) + (range.bottom_open ? 1 : 0) : 0;
    std::size_t high = range.top ? place(*range.top) + (range.top_open ? 0 : 1) : places_;
    for (low += places_, high += places_; low < high; low /= 2, high /= 2) {
      if (low % 2 == 1) nodes_[low++].add(number);
      if (high % 2 == 1) nodes_[--high].add(number);
    }
  }

  std::vector<std::pair<Range, std::uint32_t>> building_;
  std::vector<Key> ends_;
  std::size_t places_ = 0;
  std::vector<Posting> nodes_;
};

// Wildcards with text inside: a value can match only if it contains the pattern's rarest three bytes. May name patterns
// that do not match. Patterns without three bytes in a row are tried one by one.
class WildcardTable {
 public:
  void add(const Wildcard& wildcard, std::uint32_t number) {
    std::optional<std::uint32_t> rarest;
    std::size_t least = SIZE_MAX;
    for (const std::string& piece : wildcard.pieces()) {
      for (std::size_t i = 0; i + 3 <= piece.size(); ++i) {
        const auto load = loads_.find(key_at(piece, i));
        const std::size_t count = load == loads_.end() ? 0 : load->second;
        if (count >= least) continue;
        least = count;
        rarest = key_at(piece, i);
      }
    }
    if (!rarest) {
      short_ones_.emplace_back(wildcard, Posting());
      short_ones_.back().second.add(number);
      return;
    }
    ++loads_[*rarest];
    postings_[*rarest].add(number);
    all_.add(number);
    filter_[slot(*rarest) / 64] |= std::uint64_t{1} << (slot(*rarest) % 64);
  }
  bool empty() const { return all_.empty() && short_ones_.empty(); }

  template <class See>
  void visit(std::string_view value, See see) const {
    for (const auto& [wildcard, posting] : short_ones_) {
      if (wildcard.matches(value)) see(posting);
    }
    if (all_.empty()) return;
    // Looking up every byte of a huge value would cost more than to try the patterns.
    constexpr std::size_t kLookedUpBytesMax = 4096;
    if (value.size() > kLookedUpBytesMax) return see(all_);
    for (std::size_t i = 0; i + 3 <= value.size(); ++i) {
      const std::uint32_t key = key_at(value, i);
      const std::uint32_t bit = slot(key);
      if ((filter_[bit / 64] >> (bit % 64) & 1) == 0) continue;
      if (const auto found = postings_.find(key); found != postings_.end()) see(found->second);
    }
  }

 private:
  static std::uint32_t key_at(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t i) { return std::uint32_t{static_cast<unsigned char>(text[at + i])}; };
    return byte(0) << 16 | byte(1) << 8 | byte(2);
  }
  static std::uint32_t slot(std::uint32_t key) { return key * 0x9E3779B1u >> 20; }  // 12 bits

  std::unordered_map<std::uint32_t, Posting> postings_;
  std::unordered_map<std::uint32_t, std::size_t> loads_;
  std::array<std::uint64_t, 64> filter_{};
  std::vector<std::pair<Wildcard, Posting>> short_ones_;
  Posting all_;
};

}  // namespace trunkline::filter
