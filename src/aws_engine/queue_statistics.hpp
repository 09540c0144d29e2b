#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "aws_engine/cloud.hpp"
#include "aws_engine/queue_worker.hpp"
#include "engine/engine.hpp"

namespace trunkline::aws_engine {

// What SQS and the table say of queues, asked for at most once a second and only while somebody reads it; SQS's own
// numbers are approximate and lag for up to a minute. refresh: on the engine's loop; the others: any thread.
class StatisticsCache {
 public:
  explicit StatisticsCache(Cloud& cloud) : cloud_(cloud) {}

  engine::QueueStatistics get(const QueueInfo& queue);
  void refresh(base::QueueId queue, const QueueCounts& counts);
  void forget(base::QueueId queue);

 private:
  struct Entry {
    std::string url;
    engine::QueueStatistics statistics;
    base::MonoTime asked;
    base::MonoTime letters_at{};  // of the last count of dead letters
    bool under_way = false;
  };

  void ask_sqs(base::QueueId queue, const std::string& url);
  void count_letters(base::QueueId queue, std::optional<Item> start, std::uint64_t parked, std::uint64_t skipped,
                     int pages);
  void change(base::QueueId queue, const std::function<void(Entry&)>& how);

  Cloud& cloud_;
  std::mutex mutex_;  // of entries_
  std::map<base::QueueId, Entry> entries_;
};

}  // namespace trunkline::aws_engine
