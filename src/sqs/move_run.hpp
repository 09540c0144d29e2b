#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "sqs/move_tasks.hpp"
#include "sqs/sent_message.hpp"

namespace trunkline::sqs {

// One task under way: receives a few messages, publishes them where they belong, ends them here, waits as the rate says,
// and begins again. step() first on any thread, all else on the loop of the dead-letter queue.
class MoveTasks::Run : public std::enable_shared_from_this<MoveTasks::Run> {
 public:
  Run(MoveTasks& owner, MoveTask task) : owner_(owner), task_(std::move(task)) {}

  void step();
  void resume();  // the first step after a restart

 private:
  void ask();
  void received(base::Result<std::vector<engine::Lease>> result);
  // Where the message goes; nothing sets `failure_`.
  std::optional<engine::PublishEntry> entry_of(const engine::Lease& lease);
  void publish(std::vector<engine::Lease> leases, std::vector<engine::PublishItem> items);
  void published(const std::vector<engine::Lease>& leases, bool all);
  void give_back(const engine::Lease& lease);
  void next(std::size_t moved);
  void wait(base::Millis duration);
  void end(MoveStatus status, const std::string& failure = {});
  engine::Engine& engine() { return owner_.queues_.engine(); }

  MoveTasks& owner_;
  MoveTask task_;
  Queue queue_{};         // the dead-letter queue, as it was at the last step
  base::MonoTime due_{};  // of the next step, by the rate
  base::MonoTime complete_after_{};
  std::size_t open_ = 0;   // settles that are not answered
  std::string failure_{};  // why the task ends after what is under way
};

}  // namespace trunkline::sqs
