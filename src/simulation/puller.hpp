#pragma once

#include <cstdint>
#include <vector>

#include "engine/engine.hpp"
#include "simulation/oracle.hpp"
#include "simulation/plan.hpp"
#include "simulation/random.hpp"
#include "simulation/timeline.hpp"

namespace trunkline::simulation {

// Clients of a pulled queue: they receive, work for a while and settle; some are too slow for the visibility timeout,
// some forget, some give back. They live on while the hub is killed, and settle later with the lease of before.
class Puller {
 public:
  Puller(std::uint32_t consumer, const Plan& plan, SimulatedLoop& world, Oracle& oracle)
      : consumer_(consumer), random_(plan.seed ^ (consumer + 1), "puller"), world_(world), oracle_(oracle) {}

  // The engine that answers now; null: none, and nobody will answer what was asked before.
  void engine_is(engine::Engine* engine, base::QueueId queue);
  void pause(bool paused) { paused_ = paused; }
  void heal() { healed_ = true; }  // works fast and forgets nothing from now on

 private:
  struct Work {
    std::uint64_t lease = 0;
    std::vector<std::pair<std::uint64_t, std::string>> events;  // sequence and bytes
    engine::Fate fate = engine::Fate::delivered;
    bool settles = true;
    int tries = 0;
  };
  static constexpr std::size_t kClients = 3;

  void receive_later(base::Millis delay);
  void receive();
  void received(const base::Result<std::vector<engine::Lease>>& leases);
  void work(const engine::Lease& lease);
  void finish(Work work);
  void settle(Work work);

  const std::uint32_t consumer_;
  Random random_;
  SimulatedLoop& world_;
  Oracle& oracle_;
  engine::Engine* engine_ = nullptr;
  base::QueueId queue_;
  std::uint64_t process_ = 0;
  bool paused_ = false;
  bool healed_ = false;
};

}  // namespace trunkline::simulation
