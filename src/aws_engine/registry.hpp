#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "aws_engine/cloud.hpp"
#include "aws_engine/settle.hpp"
#include "engine/engine.hpp"

namespace trunkline::aws_engine {

// Makes and removes what a queue is in AWS: its number, an SQS queue with a dead-letter queue as the last net, and a
// subscription of its topic with a filter policy that its number matches. Every step may be repeated: a worker that dies
// in between leaves what the next one takes over. Blocks; any thread but the engine's own loop.
class Registry {
 public:
  // `prefix` begins the name of everything that is made.
  Registry(Cloud& cloud, std::string prefix) : cloud_(cloud), prefix_(std::move(prefix)) {}

  // The table, where it is not there: for tests and for a first try. It has no point-in-time recovery.
  base::Result<void> create_table();

  // Errc::conflict: the queue is there with another order, which an SQS queue cannot change.
  base::Result<QueueInfo> declare(const engine::QueueSpec& spec);
  base::Result<void> remove(const QueueInfo& queue);

  // Names and orders of all queues that are registered.
  base::Result<std::vector<engine::QueueSpec>> list();

  static event::Order topic_order(event::Order order) {
    return order == event::Order::none ? event::Order::conversation : order;
  }

 private:
  base::Result<Item> registered(const engine::QueueSpec& spec);
  base::Result<std::string> create_queue(const std::string& name, bool fifo, const std::string& dead_letter_arn);
  base::Result<std::string> queue_arn(const std::string& url);
  base::Result<std::string> create_topic(event::Order order);
  base::Result<void> allow(const QueueInfo& queue);
  base::Result<std::string> subscribe(const QueueInfo& queue);
  std::string queue_name(base::QueueId id, const engine::QueueSpec& spec) const;

  Cloud& cloud_;
  const std::string prefix_;
  std::mutex mutex_;  // one at a time
};

}  // namespace trunkline::aws_engine
