#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/hub.hpp"
#include "base/result.hpp"
#include "config/config.hpp"
#include "delivery/consumer.hpp"
#include "engine/engine.hpp"
#include "mapping/mapping.hpp"
#include "net/io_loop.hpp"
#include "sinks/live_feed.hpp"
#include "sinks/shadow.hpp"
#include "watch/rest.hpp"

namespace trunkline::app {

// A sink, and its feed where it is a live one, which is shared with those who subscribe. Null for a pulled consumer.
struct MadeSink {
  std::unique_ptr<delivery::Sink> sink;
  std::shared_ptr<sinks::LiveFeed> feed;
  std::shared_ptr<sinks::ShadowLog> shadow{};  // of a shadow, shared with who shows it
  // What it gets of events, null is all; of a pulled consumer, too. Nothing: as before.
  std::optional<std::shared_ptr<const mapping::Mapping>> mapping{};
};

// One consumer of a running hub: its configuration, and what delivers its queue. Held by shared_ptr, since tasks on its
// loop outlive a removal.
class RunningConsumer : public std::enable_shared_from_this<RunningConsumer> {
 public:
  RunningConsumer(const config::Consumer& config, base::QueueId queue, net::IoLoop& loop, engine::Engine& engine,
                  watch::PauseState pause, base::WallTime now);

  // Any thread: what it gets of events from now on, where the sink that was made for it says so.
  void take_mapping(const MadeSink& made);
  // Loop thread; once. With a null sink the consumer is pulled, and nothing delivers.
  void start(MadeSink made);
  // Any thread. Deliveries under way end by themselves, then the next ones go by the new options; meanwhile nothing new
  // is sent, so no lane is reordered and nothing is repeated. With a null sink the present one is kept.
  void change(const config::Consumer& config, MadeSink made);
  // Any thread. Only what the API tells of it: a changed filter is the router's, queue options are the engine's.
  void describe(const config::Consumer& config);
  // Any thread. `done` runs on the loop when nothing is in flight any more, at the deadline at the latest.
  void stop(base::Millis deadline, base::Task done);
  // Any thread: after a stop() that is not meant any more, delivery begins again with the same sink.
  void go_on();
  // Loop thread, or after the loop has ended.
  void destroy();

  // Any thread. What was said last.
  void set_pause(watch::PauseState pause, base::WallTime now);
  // Any thread, about once a second: pauses that end and maintenance windows take effect.
  void refresh_rest(base::WallTime now);
  // Any thread; before start(), and then what is stored since. Never called: no other worker delivers its queue.
  void set_breaker(const delivery::BreakerNote& note);
  bool paused() const { return paused_.load(); }
  // Any thread. False: it delivers what it has, and no new event is routed to it.
  void set_routed(bool routed) { routed_.store(routed); }
  bool routed() const { return routed_.load(); }
  api::ConsumerInfo info() const;
  config::Consumer config() const;
  std::shared_ptr<sinks::LiveFeed> feed() const;     // null: its sink is no live one
  std::shared_ptr<sinks::ShadowLog> shadow() const;  // null: it is no shadow
  const std::string& name() const { return name_; }
  base::QueueId queue() const { return queue_; }
  net::IoLoop& loop() const { return loop_; }

 private:
  struct Next {
    config::Consumer config;
    MadeSink made;
  };
  void begin_change(Next next);
  void replace();
  std::optional<delivery::BreakerNote> breaker() const;
  void make(MadeSink made, const config::Consumer& config, const delivery::Statistics& carried);

  const std::string name_;
  const base::QueueId queue_;
  net::IoLoop& loop_;
  engine::Engine& engine_;
  std::atomic<bool> paused_;  // rest_.rests(), for the loop
  std::atomic<bool> routed_{true};
  std::optional<Next> next_;  // loop thread: what follows once the present deliveries have ended
  bool stopping_ = false;     // loop thread
  mutable std::mutex mutex_;  // guards what follows; taken on the loop only to exchange it
  config::Consumer config_;
  watch::PauseState pause_;
  watch::Rest rest_;
  std::optional<delivery::BreakerNote> breaker_;  // what all workers have said of the downstream
  std::unique_ptr<delivery::Consumer> consumer_;
  std::shared_ptr<sinks::LiveFeed> feed_;
  std::shared_ptr<sinks::ShadowLog> shadow_;
  std::shared_ptr<const mapping::Mapping> mapping_;
};

// All consumers, in the order of the configuration. Readers are on any thread; start(), remove() and sort() are called
// by one thread at a time, which is none of the loops.
class ConsumerSet {
 public:
  void add(std::shared_ptr<RunningConsumer> consumer);
  void remove(std::string_view name);
  void sort(const std::vector<std::string>& names);

  std::shared_ptr<RunningConsumer> find(std::string_view name) const;  // null: there is none
  std::vector<std::shared_ptr<RunningConsumer>> all() const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<RunningConsumer>> list_;
};

}  // namespace trunkline::app
