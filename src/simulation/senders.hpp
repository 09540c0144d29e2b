#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "simulation/hub_process.hpp"
#include "simulation/oracle.hpp"
#include "simulation/plan.hpp"
#include "simulation/random.hpp"

namespace trunkline::simulation {

// What publishes to the hub, and sends again what was not answered, for as long as it takes: as EventBridge does for
// 24 hours.
class Senders {
 public:
  Senders(const Plan& plan, const Traffic& traffic, Machine& machine, Oracle& oracle)
      : traffic_(traffic), machine_(machine), oracle_(oracle), random_(plan.seed, "senders") {}

  // The process that takes requests now; null: none does, and nobody will answer what was asked before.
  void hub_is(HubProcess* hub);
  void send(std::vector<Item> items);
  // Nothing is on its way or waits to be sent again.
  bool idle() const { return open_.empty() && waiting_ == 0; }

 private:
  void send_later(std::vector<Item> items);
  engine::PublishItem prepare(const Item& item, std::uint64_t& floor);
  void answered(std::uint64_t call, std::vector<engine::PublishResult> results);

  struct Call {
    std::vector<Item> items;
    std::vector<std::uint64_t> floors;
  };
  const Traffic& traffic_;
  Machine& machine_;
  Oracle& oracle_;
  Random random_;
  HubProcess* hub_ = nullptr;
  std::map<std::uint64_t, Call> open_;
  std::uint64_t next_call_ = 1;
  std::size_t waiting_ = 0;
};

}  // namespace trunkline::simulation
