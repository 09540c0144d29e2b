#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "migrate/destination.hpp"
#include "migrate/origin.hpp"
#include "queue/adopt.hpp"
#include "queue/embedded_engine.hpp"

// A data directory on either side. Its engine is open and no queue of it was declared: none moves by itself.
namespace trunkline::migrate {

class EmbeddedOrigin final : public Origin {
 public:
  EmbeddedOrigin(queue::EmbeddedEngine& engine, base::Loop& loop) : engine_(engine), loop_(loop) {}

  base::Result<std::vector<OriginQueue>> queues() override;
  base::Result<void> read(const Wanted& wanted, const Take& take) override;
  base::Result<std::vector<engine::Quarantined>> quarantine(engine::Page page) override;
  base::Result<void> states(const TakeState& take) override;
  base::Result<base::Sequence> highest() override { return engine_.end(); }
  engine::Engine& engine() override { return engine_; }

 private:
  base::Result<std::vector<queue::Backlog>> backlogs() const;

  queue::EmbeddedEngine& engine_;
  base::Loop& loop_;
};

// The real time, but while an event is published that another engine has accepted before: then that.
class AcceptanceClock final : public base::Clock {
 public:
  base::WallTime wall() const override {
    const std::int64_t set = set_.load();
    return set != 0 ? base::WallTime(base::Millis(set)) : real_.wall();
  }
  base::MonoTime mono() const override { return real_.mono(); }
  void set(base::WallTime time) { set_.store(time.time_since_epoch().count()); }
  void clear() { set_.store(0); }

 private:
  base::SystemClock real_;
  std::atomic<std::int64_t> set_{0};
};

class EmbeddedDestination final : public Destination {
 public:
  // `clock` is the engine's.
  EmbeddedDestination(queue::EmbeddedEngine& engine, base::Loop& loop, AcceptanceClock& clock)
      : Destination(engine, loop), engine_(engine), clock_(clock) {}

  // What makes a directory ready, in an opening each, since an engine sees the one and moves a queue of the other: its
  // numbers go on above `above` where it has none yet; then the queues are declared that are not there. Errc::conflict:
  // it holds events, and no migration has begun to bring them.
  static base::Result<void> begin_above(queue::EmbeddedEngine& engine, base::Sequence above);
  static base::Result<void> make_queues(queue::EmbeddedEngine& engine, const std::vector<engine::QueueSpec>& specs);

  Limits limits() const override { return {}; }
  base::Result<void> declare(const std::vector<engine::QueueSpec>& specs) override;
  base::Result<void> finish() override { return {}; }

  base::Result<void> adopt(const std::string& queue, const std::vector<engine::Adopted>& events,
                           base::Sequence through) override;

  std::vector<engine::PublishResult> publish_accepted(std::vector<engine::PublishItem> items,
                                                      const std::vector<base::WallTime>& accepted_at) override;

 private:
  queue::EmbeddedEngine& engine_;
  AcceptanceClock& clock_;
  std::map<std::string, queue::StoredQueue> queues_;
};

}  // namespace trunkline::migrate
