#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace trunkline::sinks {

// Objects that were sent and of which nobody knows whether they are stored: the answer was lost, or was a server's error.
// Their events come again in other batches, which would be other objects. So before an event of such an object is sent
// again the store is asked for the object, and where it is there the event is settled by it. In memory: what a hub that was
// killed had under way is not known to its successor. Loop thread only.
class S3InDoubt {
 public:
  // More are forgotten, oldest first: their events may be stored twice.
  static constexpr std::size_t kObjectsMax = 64;  // a breaker opens long before
  static constexpr std::size_t kEventsMax = 200'000;

  void add(std::string key, std::span<const std::uint64_t> sequences);
  // The key of an object to be asked for, since it may hold one of these events; nothing when there is none (any more).
  std::optional<std::string> to_ask(std::span<const std::uint64_t> sequences) const;
  void answered(const std::string& key, bool is_there);
  // Whether it is in an object that is known to be there; forgotten with that.
  bool take(std::uint64_t sequence);

  std::size_t objects() const { return objects_.size(); }

 private:
  struct Object {
    std::string key;
    std::set<std::uint64_t> sequences;
    bool is_there = false;
  };
  std::deque<Object> objects_;
  std::size_t events_ = 0;  // over all objects
};

}  // namespace trunkline::sinks
