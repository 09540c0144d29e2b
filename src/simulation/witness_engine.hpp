#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/engine.hpp"
#include "simulation/oracle.hpp"

namespace trunkline::simulation {

// The engine as one consumer sees it: passes everything on, and tells the oracle what is leased and settled.
class WitnessEngine final : public engine::Engine {
 public:
  WitnessEngine(engine::Engine& engine, std::uint32_t consumer, Oracle& oracle)
      : engine_(engine), consumer_(consumer), oracle_(oracle) {}

  void receive(base::QueueId queue, const engine::ReceiveLimits& limits, engine::ReceiveCallback done) override;
  void settle(base::QueueId queue, std::uint64_t lease, std::vector<engine::MessageFate> fates,
              engine::DoneCallback done) override;

  std::vector<engine::Capability> capabilities() const override { return engine_.capabilities(); }
  base::Result<base::QueueId> declare(const engine::QueueSpec& spec) override { return engine_.declare(spec); }
  base::Result<void> remove(base::QueueId queue) override { return engine_.remove(queue); }
  base::Loop& loop_of(base::QueueId queue) override { return engine_.loop_of(queue); }
  void publish(std::vector<engine::PublishItem> items, base::Loop& reply_on, engine::PublishCallback done) override {
    engine_.publish(std::move(items), reply_on, std::move(done));
  }
  void cancel_receive(base::QueueId queue) override { engine_.cancel_receive(queue); }
  void extend(base::QueueId queue, std::uint64_t lease, base::Millis visibility_timeout,
              engine::DoneCallback done) override {
    engine_.extend(queue, lease, visibility_timeout, std::move(done));
  }
  engine::QueueStatistics statistics(base::QueueId queue) override { return engine_.statistics(queue); }
  void dead_letters(base::QueueId queue, engine::Page page, base::Loop& reply_on,
                    base::UniqueFunction<void(base::Result<std::vector<engine::DeadLetter>>)> done) override {
    engine_.dead_letters(queue, page, reply_on, std::move(done));
  }
  void redrive(base::QueueId queue, engine::RedriveFilter filter, base::Loop& reply_on,
               base::UniqueFunction<void(base::Result<std::uint64_t>)> done) override {
    engine_.redrive(queue, std::move(filter), reply_on, std::move(done));
  }
  void purge_dead_letters(base::QueueId queue, engine::RedriveFilter filter, base::Loop& reply_on,
                          base::UniqueFunction<void(base::Result<std::uint64_t>)> done) override {
    engine_.purge_dead_letters(queue, std::move(filter), reply_on, std::move(done));
  }
  void quarantine_list(engine::Page page, base::Loop& reply_on,
                       base::UniqueFunction<void(base::Result<std::vector<engine::Quarantined>>)> done) override {
    engine_.quarantine_list(page, reply_on, std::move(done));
  }
  void quarantine_remove(std::vector<std::uint64_t> ids, base::Loop& reply_on, engine::DoneCallback done) override {
    engine_.quarantine_remove(std::move(ids), reply_on, std::move(done));
  }
  base::Result<std::optional<StateValue>> get_state(const std::string& owner, const std::string& key) override {
    return engine_.get_state(owner, key);
  }
  void put_state(const std::string& owner, const std::string& key, std::uint64_t version, std::string bytes,
                 base::Loop& reply_on, engine::DoneCallback done) override {
    engine_.put_state(owner, key, version, std::move(bytes), reply_on, std::move(done));
  }
  base::Result<std::map<std::string, std::string>> list_state(const std::string& owner) override {
    return engine_.list_state(owner);
  }
  base::Result<void> remove_state(const std::string& owner) override { return engine_.remove_state(owner); }
  void write_state(base::QueueId queue, const std::string& owner, std::vector<StateWrite> writes) override {
    engine_.write_state(queue, owner, std::move(writes));
  }

 private:
  struct Leased {
    std::vector<std::uint64_t> sequences;  // 0: a replay, whose settle is not the event's
    base::MonoTime at{};
  };
  engine::Engine& engine_;
  const std::uint32_t consumer_;
  Oracle& oracle_;
  std::map<std::uint64_t, Leased> leases_;
};

}  // namespace trunkline::simulation
