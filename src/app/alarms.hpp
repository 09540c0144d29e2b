#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/hub.hpp"
#include "app/alarm_webhook.hpp"
#include "engine/engine.hpp"
#include "net/io_loop.hpp"
#include "watch/observer.hpp"

namespace trunkline::app {

// The hub's alarms: asks the observer and the book, keeps what is open in the engine's state, and tells the log and the
// webhook. An incident is stored before it is told, so that after a crash it is not raised again; only when the store
// does not answer for kStoreWithin is it told without. What the webhook had not taken is told again after a restart, under
// the same webhook-id.
//
// Made on any thread before its loop runs; everything else but info() on its loop.
class Alarms {
 public:
  // Reads what the last run left. `reply_on` is where the engine answers. Without an engine nothing is kept: workers on
  // one engine are alike, and what one sees ends with it.
  Alarms(engine::Engine* engine, net::IoLoop& loop, base::Loop& reply_on);
  ~Alarms();
  Alarms(const Alarms&) = delete;
  Alarms& operator=(const Alarms&) = delete;

  // Null: to the log alone.
  void change(watch::Limits limits, std::unique_ptr<AlarmWebhook> webhook);
  // About once a second. The first looks only learn: queues find their oldest events in the second after a start.
  void look(watch::HubSight hub);

  api::AlarmsInfo info() const;  // any thread

 private:
  static constexpr base::Millis kStoreWithin = std::chrono::seconds(10);
  static constexpr base::Millis kSettleIn = std::chrono::seconds(3);

  struct Life {
    Alarms* self = nullptr;
  };
  struct Put {
    std::string owner;
    std::string key;
    std::string bytes;
    base::UniqueFunction<void()> then;  // when it is stored, or cannot be
  };

  void opened(const watch::Incident& incident);
  void resolved(const watch::Incident& incident);
  void tell(const std::string& id, bool resolve);
  void told(const std::string& id, bool resolve);
  void store_recent(base::UniqueFunction<void()> then);
  void put(std::string owner, std::string key, std::string bytes, base::UniqueFunction<void()> then);
  void put_next();
  void publish();
  void count_expired(watch::HubSight& hub);
  watch::Now now() const;

  engine::Engine* const engine_;
  net::IoLoop& loop_;
  base::Loop& reply_on_;
  watch::Limits limits_;
  watch::Observer observer_;
  watch::AlarmBook book_;
  // What had expired of each consumer's events when it was stored last: the queues count for ever.
  struct Expired {
    std::uint64_t before = 0;  // this run
    std::uint64_t stored = 0;
  };
  std::map<std::string, Expired> expired_;
  std::set<std::string> known_sources_;  // whose hours were read
  std::unique_ptr<AlarmWebhook> webhook_;
  std::set<std::string> telling_;  // ids with "+" or "-", that the webhook has been given
  std::optional<base::MonoTime> began_;
  std::deque<Put> puts_;  // the first is under way; bounded by what changes while a disk hangs, kPutsMax at most
  bool putting_ = false;
  std::uint64_t put_turn_ = 0;
  std::shared_ptr<Life> life_;

  mutable std::mutex mutex_;  // guards what info() tells
  api::AlarmsInfo info_;
};

}  // namespace trunkline::app
