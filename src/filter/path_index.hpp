#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "filter/condition.hpp"
#include "filter/index_tables.hpp"

namespace trunkline::filter {

// Which of the policies that are reached through one path may hold, given the values there. Built once, then read by
// any number of threads.
class PathIndex {
 public:
  struct Buffers {
    std::vector<std::uint64_t> excluded;  // all zero between calls; as long as the candidate set
    std::string folded;
  };

  // Reaches `number` through this clause. A number may come several times, one after the other.
  void add(const Clause& clause, std::uint32_t number);
  void finish();

  // A value at the path: adds the policies it may satisfy.
  void visit(const Scalar& value, std::span<std::uint64_t> candidates, Buffers& buffers) const;
  // Nothing at the path.
  void visit_absence(std::span<std::uint64_t> candidates) const { absent_.add_to(candidates); }
  bool wants_absence() const { return !absent_.empty(); }

 private:
  void add_condition(const Condition& condition, std::uint32_t number);
  void add_wildcard(const Wildcard& wildcard, std::uint32_t number);
  void add_anything_but(const Condition& condition, std::uint32_t number);
  void visit_string(std::string_view text, std::span<std::uint64_t> candidates, std::string& folded_text) const;
  void visit_anything_but(const Scalar& value, std::span<std::uint64_t> candidates, Buffers& buffers) const;

  Posting present_;  // any value
  Posting absent_;
  Posting true_;
  Posting false_;
  Posting null_;
  ExactTable exact_;
  ExactTable exact_folded_;
  AffixTable<false> prefixes_;
  AffixTable<true> suffixes_;
  AffixTable<false> prefixes_folded_;
  AffixTable<true> suffixes_folded_;
  WildcardTable wildcards_;
  RangeTable<Decimal> numbers_;
  RangeTable<IpAddress> addresses_;
  // anything-but: all policies, and which of them a value excludes. One condition of a policy at most; with a second
  // one the policy stands in present_, too, since a value that the one excludes may satisfy the other.
  Posting but_all_;
  std::uint32_t but_last_ = UINT32_MAX;  // the number added last
  ExactTable but_strings_;
  AffixTable<false> but_prefixes_;
  RangeTable<Decimal> but_numbers_;
};

}  // namespace trunkline::filter
