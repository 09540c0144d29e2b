#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "delivery/breaker.hpp"
#include "delivery/budget.hpp"
#include "delivery/notes.hpp"
#include "delivery/options.hpp"
#include "delivery/random.hpp"
#include "delivery/shared_breaker.hpp"
#include "delivery/sink.hpp"
#include "delivery/statistics.hpp"
#include "delivery/token_bucket.hpp"
#include "engine/engine.hpp"

namespace trunkline::delivery {

struct Settlement {
  std::uint64_t lease = 0;
  std::vector<engine::MessageFate> fates;  // one per message of the lease, in order
};

// What is to be done, in this order.
struct Actions {
  std::vector<Settlement> settle;
  bool cancel_receive = false;
  std::vector<Batch> send;
  std::optional<std::string> store_budget;       // durably; then on_budget_stored()
  std::optional<BreakerNote> store_breaker;      // where version - 1 is stored; then on_breaker_stored()
  std::optional<engine::ReceiveLimits> receive;  // only when none is outstanding
  std::optional<base::MonoTime> wake_at;         // call advance() then at the latest; replaces the former one
};

// All policy of one consumer's delivery: what is sent when, and what becomes of each event (DESIGN section 6). Pure: no
// I/O, no clock; inputs may come at any time, advance() says what to do. Not thread-safe.
//
// Promises, checked by the model test: every message of every lease given in gets exactly one fate; of a lane (message
// group of an ordered queue) at most one batch is in flight, its events in order; a lane is cut at its first event that
// was not delivered, the ones behind it are released; nothing is spent while the breaker is not closed, and what was
// spent in the window before it opened is given back.
//
// Bounds: leased events at most 1.25 times concurrency times batch size (and one batch), see room_for().
class Scheduler {
 public:
  // `consumer` is the name that batches carry. Options must be valid. `carried` is what a predecessor has counted.
  Scheduler(std::string consumer, Options options, const Statistics& carried = {});

  // ---- inputs
  void on_leases(std::vector<engine::Lease> leases, Now now);  // may be empty: the receive's wait is over
  void on_receive_failed(const base::Error& error, Now now);
  // Ignores a batch that it does not know (its verdict came, or it was abandoned).
  void on_verdict(std::uint64_t batch, BatchVerdict verdict, Now now);
  // Nothing is sent or received until resume(); what is leased and not in flight is released; in-flight batches finish.
  void pause();
  void resume();
  // As pause(), for good.
  void drain();
  // What was stored of the budget, before the first advance(). False: unreadable, all of it counts as used.
  bool restore_budget(std::string_view stored) { return budget_.restore(stored); }
  void on_budget_stored(bool ok, Now now);
  // Before the first advance(): several workers deliver this consumer and have one breaker (shared_breaker.hpp).
  void share_breaker() { shared_.emplace(breaker_); }
  void on_breaker_stored(NoteStored outcome, Now now);
  void on_breaker_seen(const BreakerNote& note, Now now);  // version 0: there is none
  // At the end: what to store so that requests which were claimed and not made are not counted.
  std::optional<std::string> give_back_budget() { return budget_.give_back(); }
  // Gives up what is in flight: its leases are released, its verdicts will be ignored. After drain().
  void abandon();

  // ---- output; replaces what `out` held
  void advance(Now now, Actions& out);

  // ---- figures
  bool idle() const { return leased_ == 0; }  // nothing leased: every lease has been settled by an action
  bool receiving() const { return receiving_; }
  const Breaker& breaker() const { return breaker_; }
  Statistics statistics() const;

 private:
  // A lease whose messages do not all have a fate.
  struct Held {
    std::uint64_t id = 0;
    std::uint64_t group = 0;
    base::MonoTime arrived{};
    std::vector<engine::LeasedMessage> messages;
    std::vector<engine::MessageFate> fates;
    std::uint32_t open = 0;  // messages without a fate; 0: the slot is free
    bool cut = false;        // ordered: an event was not delivered, the rest is released
  };
  struct Item {
    std::uint32_t held = 0;
    std::uint32_t index = 0;
  };
  struct Slice {
    std::uint32_t held = 0;
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
  };
  using Range = std::pair<std::uint32_t, std::uint32_t>;
  // A batch with a concurrency slot of its own. `range` of its items is in flight; `later` is what is left of it after
  // it was refused and divided, last one first.
  struct Flight {
    std::vector<Item> items;
    Range range;
    std::vector<Range> later;
    base::MonoTime not_before{};  // of `later`: the refusal's Retry-After
    bool probe = false;
    std::uint32_t era = 0;  // of the concurrency limit, and when it was sent: of what is in flight
    base::MonoTime sent_at{};
  };

  // Nothing but the breaker keeps it from sending.
  bool may_send() const { return !paused_ && !draining_ && !budget_until_; }
  bool accepting() const { return may_send() && breaker_.state() != BreakerState::open; }
  void look_at_budget();
  void plan_budget(Now now, Actions& out);
  std::size_t in_flight() const { return flights_.size() + resend_.size(); }
  std::size_t slots_free() const;
  std::size_t batch_messages_now() const;
  std::uint64_t lane_of(const Item& item) const;
  engine::LeasedMessage& message(const Item& item) { return held_[item.held].messages[item.index]; }
  const engine::LeasedMessage& message(const Item& item) const { return held_[item.held].messages[item.index]; }
  std::size_t bytes_of(const Item& item) const { return message(item).record->event.raw.size(); }
  std::uint32_t attempts_of(const Item& item);

  void hold(engine::Lease lease, Now now);
  // Whether its last attempt was spent a window ago and it comes back for the decision.
  bool exhausted(const Item& item, Now now);
  void decide_exhausted(const Item& item);
  void add_pending(const Slice& slice);
  void release_pending(std::size_t keep);
  void release_later(Flight& flight);
  void release_unsent();

  void set_fate(const Item& item, engine::MessageFate fate);
  void release(const Item& item);

  void divide(Flight& flight, std::optional<std::size_t> suspect);
  void apply(Flight& flight, const std::vector<EventVerdict>& verdicts, Now now);
  void measure(const Flight& flight, const std::vector<EventVerdict>& verdicts, Now now);
  void judge_downstream(const Flight& flight, const std::vector<EventVerdict>& verdicts, Now now);
  void give_back(base::MonoTime now);
  void outage_over();
  void deliver(const Item& item, Now now);
  void fail(const Flight& flight, const Item& item, const EventVerdict& verdict, Now now);
  void spend(const Item& item, const EventVerdict& verdict, Now now);
  void back_off(const Item& item, std::uint32_t attempts, std::uint32_t failures, const EventVerdict& verdict);
  // Leaves the next range that is to be sent at the back of flight.later. False: nothing is left.
  bool drop_cut(Flight& flight);
  void note_error(const EventVerdict& verdict, Now now);

  bool batch_ready(Now now) const;
  std::size_t tokens_wanted() const;
  void send_ready(Now now, Actions& out);
  void send_again(Now now, Actions& out);
  void start(Flight flight, Now now, Actions& out);
  Flight take_batch();
  std::size_t room_for(Now now);
  void plan_receive(Now now, Actions& out);
  void plan_wake(Now now, Actions& out);

  const std::string consumer_;
  const Options options_;
  Breaker breaker_;
  std::optional<SharedBreaker> shared_;
  TokenBucket bucket_;
  Budget budget_;
  std::optional<base::WallTime> budget_until_;  // used up until then: as a pause
  base::MonoTime budget_not_before_{};          // of the next claim, after one that failed
  Random random_;
  Notes notes_;
  struct Spent {
    base::Sequence sequence;
    base::MonoTime at;
    bool last;  // the last attempt: the engine has not been told yet
  };
  std::deque<Spent> spent_;  // attempts of the last breaker_window, at most notes_max

  std::vector<Held> held_;
  std::vector<std::uint32_t> free_held_;
  std::deque<Slice> pending_;  // leased, not sent; oldest first
  std::size_t pending_messages_ = 0;
  std::size_t pending_bytes_ = 0;
  std::unordered_map<std::uint64_t, Flight> flights_;
  std::deque<Flight> resend_;
  std::size_t probes_ = 0;           // of flights_
  std::uint32_t failed_probes_ = 0;  // since the breaker opened
  std::uint32_t retry_epoch_ = 0;    // counts outages: time spent waiting for a breaker is not held against an event
  std::size_t leased_ = 0;
  std::size_t events_in_flight_ = 0;
  std::uint64_t next_batch_;
  std::vector<Settlement> settle_;

  bool receiving_ = false;
  bool cancelling_ = false;
  base::MonoTime receive_not_before_{};
  bool paused_ = false;
  bool draining_ = false;
  Statistics statistics_;
};

}  // namespace trunkline::delivery
