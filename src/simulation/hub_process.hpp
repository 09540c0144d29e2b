#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "delivery/consumer.hpp"
#include "event/decoder.hpp"
#include "operation/log_history.hpp"
#include "operation/operations.hpp"
#include "queue/embedded_engine.hpp"
#include "simulation/downstream.hpp"
#include "simulation/oracle.hpp"
#include "simulation/plan.hpp"
#include "simulation/puller.hpp"
#include "simulation/timeline.hpp"
#include "simulation/witness_engine.hpp"
#include "source/router.hpp"
#include "store/fault_fs.hpp"

namespace trunkline::simulation {

// What stays while hub processes come and go.
struct Machine {
  Timeline& timeline;
  std::string directory;
  std::vector<SimulatedLoop*> loops;  // of the hub
  SimulatedLoop& disk;                // its commits and its disk guard
  SimulatedLoop& reads;
  SimulatedLoop& world;  // everybody else
  std::vector<std::unique_ptr<Downstream>> downstreams;
  std::vector<std::unique_ptr<Puller>> pullers;  // by consumer; idle where it is pushed
};

// What operators have set: as if it stood in the configuration.
struct Settings {
  std::vector<std::size_t> filters;  // by consumer
  std::vector<bool> begun;
  std::vector<bool> removed;
  std::vector<bool> paused;
  std::uint32_t policy_version = 1;
};

// One run of the hub's process: its engine on its disk, its consumers, its router.
class HubProcess {
 public:
  static base::Result<std::unique_ptr<HubProcess>> start(Machine& machine, const Plan& plan, Settings& settings,
                                                         Oracle& oracle, store::FaultFsOptions disk);
  // As a power cut: what is not synced is gone, and so is every task of the hub's loops.
  ~HubProcess();

  queue::EmbeddedEngine& engine() { return *engine_; }
  operation::Operations& operations() { return *operations_; }
  store::FaultFs& disk() { return *disk_; }
  std::optional<base::QueueId> queue(std::uint32_t consumer) const { return consumers_[consumer].queue; }

  delivery::Statistics statistics(std::uint32_t consumer) const {
    const auto& served = consumers_[consumer].consumer;
    return served ? served->statistics() : delivery::Statistics();
  }

  // What a source makes of the bytes; nothing if they are no event.
  std::optional<event::Event> decode(const std::string& bytes);
  std::vector<base::QueueId> route(const event::Event& event);
  std::uint32_t policy_version() const { return router_->version().value; }

  void begin_consumer(std::uint32_t consumer, std::function<void(bool)> done);
  // Its queue goes with all that waits in it; false: that failed, and is to be asked for again.
  void remove_consumer(std::uint32_t consumer, std::function<void(bool)> done);
  void set_paused(std::uint32_t consumer, bool paused);
  void filters_changed();
  // Ends all consumers, then the engine; `done` on the world's loop.
  void stop(std::function<void()> done);

 private:
  struct Served {
    std::optional<base::QueueId> queue;
    std::unique_ptr<WitnessEngine> engine;  // outlives the consumer
    std::unique_ptr<delivery::Consumer> consumer;
  };
  HubProcess(Machine& machine, const Plan& plan, Settings& settings, Oracle& oracle);
  base::Result<void> open(store::FaultFsOptions disk);
  engine::QueueSpec spec_of(std::uint32_t consumer) const;
  base::Result<void> declare(std::uint32_t consumer);
  base::Result<void> start_operations();
  void remove_queue(std::uint32_t consumer, const std::function<void(bool)>& done);
  void drop_tasks();
  void stop_engine_later(const std::shared_ptr<std::function<void()>>& done);

  Machine& machine_;
  const Plan& plan_;
  Settings& settings_;
  Oracle& oracle_;
  std::unique_ptr<store::FaultFs> disk_;
  std::unique_ptr<queue::EmbeddedEngine> engine_;
  std::unique_ptr<operation::History> history_;
  std::unique_ptr<operation::Operations> operations_;
  std::unique_ptr<source::Router> router_;
  source::RouterScratch scratch_;
  event::Decoder decoder_;
  std::vector<Served> consumers_;
  std::size_t stopping_ = 0;
};

}  // namespace trunkline::simulation
