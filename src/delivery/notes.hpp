#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>

#include "base/clock.hpp"
#include "base/strong.hpp"

namespace trunkline::delivery {

// What must be remembered of an event between two deliveries and is not in the engine.
struct Note {
  base::MonoTime first_retry{};   // when `retry` was said first; meaningful if retries > 0
  std::uint32_t retries = 0;      // how often `retry` was said
  std::uint32_t retry_epoch = 0;  // outages before first_retry
  std::uint32_t refund = 0;       // attempts that the engine holds and that were given back since
  bool exhausted = false;         // its last attempt is spent; decided when it comes again
  bool redriven = false;          // it had been redriven when that was spent,
  base::MonoTime exhausted_at{};  // which was then
  std::string error_class;        // of that attempt
  std::string error_detail;
};

// Notes by event, bounded: the oldest is forgotten first. Not thread-safe.
class Notes {
 public:
  explicit Notes(std::size_t max) : max_(max) {}

  bool empty() const { return notes_.empty(); }
  std::size_t size() const { return notes_.size(); }
  Note* find(base::Sequence sequence) {
    if (notes_.empty()) return nullptr;
    const auto found = notes_.find(sequence);
    return found == notes_.end() ? nullptr : &found->second.note;
  }
  Note& make(base::Sequence sequence);
  void erase(base::Sequence sequence) {
    if (!notes_.empty()) notes_.erase(sequence);
  }

 private:
  struct Entry {
    Note note;
    std::uint64_t stamp = 0;
  };
  struct Place {
    base::Sequence sequence;
    std::uint64_t stamp;
  };
  bool stale(const Place& place) const;
  void drop_stale_places();

  std::size_t max_;
  std::uint64_t next_stamp_ = 1;
  std::unordered_map<base::Sequence, Entry> notes_;
  std::deque<Place> order_;  // by age; may hold places of notes that have gone, at most about as many again
};

}  // namespace trunkline::delivery
