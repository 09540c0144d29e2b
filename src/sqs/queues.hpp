#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.hpp"
#include "mapping/mapping.hpp"

namespace trunkline::sqs {

// A consumer without a sink, as this API sees it.
struct Queue {
  std::string consumer;
  base::QueueId id;
  engine::QueueSpec spec;
  bool paused = false;                                // gives out nothing meanwhile
  std::shared_ptr<const mapping::Mapping> mapping{};  // what it gets of events; null: all, as they came

  bool fifo() const { return spec.order != event::Order::none; }
  // FIFO queues end in ".fifo", as AWS and its clients want it; a consumer's name has no dot.
  std::string name() const { return fifo() ? consumer + ".fifo" : consumer; }
};

// What the API needs of the running program. Any thread; must not block for longer than a look into memory.
class Queues {
 public:
  virtual ~Queues() = default;
  virtual std::vector<Queue> all() = 0;
  virtual std::optional<Queue> find(std::string_view consumer) = 0;
  virtual engine::Engine& engine() = 0;
};

// By the name that the API gives it; nothing where there is none.
std::optional<Queue> find_queue(Queues& queues, std::string_view name);

}  // namespace trunkline::sqs
