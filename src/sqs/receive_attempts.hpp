#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "engine/engine.hpp"

namespace trunkline::sqs {

// What receives of FIFO queues have given under a ReceiveRequestAttemptId, so that one whose answer was lost gets the same
// messages again while nobody has changed anything of them. In memory: after a restart such a receive is a new one. Any
// thread.
class ReceiveAttempts {
 public:
  static constexpr base::Millis kFor = std::chrono::minutes(5);  // AWS's own
  // Ten receives a second over five minutes are 3,000; what they gave is in the log's tail mostly. Beyond either the oldest is
  // forgotten.
  static constexpr std::size_t kMax = 3'000;
  static constexpr std::size_t kBytesMax = 32 << 20;  // of bodies

  struct Given {
    std::vector<engine::Lease> leases{};
    base::WallTime at{};
  };

  void put(base::QueueId queue, const std::string& id, Given given);
  // Nothing when it is longer ago than kFor.
  std::optional<Given> find(base::QueueId queue, const std::string& id, base::WallTime now) const;
  // A message of it was deleted, or its visibility changed.
  void changed(std::uint64_t lease);
  void forget(base::QueueId queue, const std::string& id);

 private:
  using Key = std::pair<base::QueueId, std::string>;
  struct Kept {
    Key key;
    Given given;
    std::size_t bytes = 0;
  };
  void drop(std::list<Kept>::iterator kept);  // with the mutex held

  mutable std::mutex mutex_;
  std::list<Kept> kept_;  // the oldest first
  std::map<Key, std::list<Kept>::iterator> by_key_;
  std::map<std::uint64_t, Key> by_lease_;
  std::size_t bytes_ = 0;
};

}  // namespace trunkline::sqs
