#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.hpp"
#include "mapping/mapping.hpp"
#include "sqs/definition.hpp"

namespace trunkline::sqs {

// A consumer without a sink, or a queue that was made through the API.
struct Queue {
  std::string consumer{};  // empty: made through the API
  base::QueueId id{};
  engine::QueueSpec spec{};
  bool paused = false;                                // gives out nothing meanwhile
  std::shared_ptr<const mapping::Mapping> mapping{};  // what it gets of events; null: all, as they came
  std::shared_ptr<const Definition> definition{};     // shared by all who hold the queue; null: a consumer's

  bool fifo() const { return spec.order != event::Order::none; }
  // FIFO queues end in ".fifo", as AWS and its clients want it; a consumer's name has no dot.
  std::string name() const {
    if (definition) return definition->name;
    return fifo() ? consumer + ".fifo" : consumer;
  }
};

// What the API needs of the running program. Any thread; must not block for longer than a look into memory.
class Queues {
 public:
  virtual ~Queues() = default;
  virtual std::vector<Queue> all() = 0;
  virtual std::optional<Queue> find(std::string_view consumer) = 0;
  virtual engine::Engine& engine() = 0;
};

}  // namespace trunkline::sqs
