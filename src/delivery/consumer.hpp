#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/loop.hpp"
#include "delivery/scheduler.hpp"
#include "delivery/sink.hpp"
#include "engine/engine.hpp"

namespace trunkline::delivery {

// Delivers one queue to one sink: carries out what the Scheduler decides. Everything but statistics() belongs to the
// loop of the queue, where the sink lives, too; the constructor may run on any thread before start(). Callbacks that
// come after stop or destruction have no effect. One engine receive is outstanding at most.
class Consumer {
 public:
  // Batches are bounded by the options and the sink's limits, whichever is less. Options must be valid. The engine must
  // outlive the consumer.
  // `carried`: what its predecessor has counted; counts go on from there.
  Consumer(std::string name, engine::Engine& engine, base::QueueId queue, std::unique_ptr<Sink> sink, Options options,
           const Statistics& carried = {});
  ~Consumer();
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  void start();
  // Nothing is lost or spent by a pause: what is in flight finishes, what was only leased goes back.
  void pause();
  void resume();
  // Receives and sends nothing more and lets the batches in flight finish, for `deadline` at most; then their leases
  // are released, since nobody knows what became of them. `done` runs later on the loop. Called again, the earlier
  // deadline holds, and each `done` runs.
  void stop(base::Millis deadline, base::Task done);
  // After it has stopped: the sink, for a successor of other options.
  std::unique_ptr<Sink> take_sink() { return std::move(sink_); }

  // Loop thread, before start(): other workers deliver the queue, too, and have one breaker with this one. `stored`: what the
  // engine's state has by kConsumersOwner and breaker_key(); version 0 where that is nothing.
  void share_breaker(const BreakerNote& stored);
  // Loop thread: likewise, as it was read since; at most SharedBreaker::kSeenWithin apart.
  void breaker_seen(const BreakerNote& stored);
  // Loop thread, before start(): told at once of every change of the breaker, inside of no call of this class.
  void on_breaker(std::function<void(BreakerState)> changed) { changed_ = std::move(changed); }
  BreakerState breaker() const { return scheduler_.breaker().state(); }  // loop thread

  // Any thread; at most 100 ms old.
  Statistics statistics() const;
  const std::string& name() const { return name_; }
  // Of the state that keeps its budget.
  static std::string budget_owner(const std::string& consumer) { return "budget/" + consumer; }

 private:
  // Callbacks may outlive the consumer; they hold this and look first.
  struct Life {
    Consumer* self = nullptr;
  };

  Now now() const;
  void pump();
  void restore_budget();
  void store_budget(std::string bytes);
  void store_breaker(const BreakerNote& note);
  void receive(const engine::ReceiveLimits& limits);
  void send(Batch batch);
  void arm(std::optional<base::MonoTime> at);
  void disarm();
  void end_if_stopped();
  void end();
  void tell_breaker();
  void publish_soon();
  void publish();
  void log_budget(const Statistics& statistics);
  void log_breaker(const Statistics& statistics);

  const std::string name_;
  engine::Engine& engine_;
  const base::QueueId queue_;
  base::Loop& loop_;
  std::unique_ptr<Sink> sink_;
  Scheduler scheduler_;
  Actions actions_;  // kept for its buffers
  std::shared_ptr<Life> life_;
  struct Armed {
    base::Loop::TimerId timer;
    base::MonoTime at;
  };
  std::optional<Armed> wake_;
  std::optional<base::Loop::TimerId> publish_timer_;
  std::optional<base::Loop::TimerId> deadline_timer_;
  std::vector<base::Task> stopped_;
  std::optional<base::MonoTime> deadline_;
  bool started_ = false;
  bool paused_ = false;
  bool ended_ = false;
  BreakerState logged_breaker_ = BreakerState::closed;
  BreakerState told_breaker_ = BreakerState::closed;
  std::function<void(BreakerState)> changed_;
  bool has_budget_;
  bool logged_budget_ = false;

  mutable std::mutex published_mutex_;  // taken ten times a second, not per event
  Statistics published_;
};

}  // namespace trunkline::delivery
