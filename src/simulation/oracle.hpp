#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "delivery/sink.hpp"
#include "engine/engine.hpp"
#include "simulation/plan.hpp"
#include "simulation/report.hpp"
#include "simulation/trace.hpp"
#include "simulation/traffic.hpp"

namespace trunkline::simulation {

// What must hold, kept from what senders, downstreams and operators have seen, without asking the product:
//  I1  what was answered is in the log, after every kill
//  I2  at the end every event has ended in one way: delivered, purged, or dropped where the policy says so
//  I3  in a lane nothing is taken before what stands in front of it, but what was skipped by policy, purged or expired;
//      with an event-time window, where the order of the first sends stands for that of the sequences, an event that is
//      sent behind a later one says that it is late;
//      what is replayed stands outside, and has been taken before or was passed by in one of these ways
//      so; a lane is under way once at a time
//  I4  a downstream gets the bytes that were sent
//  I5  an event is stored once; what is suppressed has its twin in the log
//  and that no attempt is spent but on what was rejected, nothing is sent while paused, a publish fails only when the
//  disk does, and an event comes again only where a crash, a disk error or a lost answer explains it.
class Oracle {
 public:
  using Routes = std::uint32_t;  // a bit for each consumer

  Oracle(const Plan& plan, const Traffic& traffic, const base::Clock& clock, Trace& trace, Report& report);

  // Looks into the log now (audit()), or says that it cannot.
  void on_audit_wanted(std::function<bool()> audit) { audit_ = std::move(audit); }
  void queue_is(base::QueueId queue, std::uint32_t consumer) { consumer_of_[queue] = consumer; }

  // ---- senders
  // The consumers that there are now, and their filters.
  void filters_are(const std::vector<std::size_t>& filters, const std::vector<bool>& begun);
  // The event is on its way. Returns what answered() wants back.
  std::uint64_t sending(EventKey key, std::uint32_t copy);
  void answered(EventKey key, const engine::PublishResult& result, std::uint64_t floor);
  void garbage_answered(const engine::PublishResult& result);
  const std::set<std::uint64_t>& quarantined() const { return quarantined_; }

  // ---- the log
  std::uint64_t audited_to() const { return audited_to_; }
  void audit(const engine::Record& record);  // in order
  void audit_done();                         // all there was

  // ---- delivery, as the hub sees it
  void leased(std::uint32_t consumer, std::uint64_t sequence);
  // A batch is under way. No lane of it may be in another one.
  std::uint64_t flight_begins(std::uint32_t consumer, const std::vector<engine::LeasedMessage>& messages);
  void flight_ends(std::uint32_t consumer, std::uint64_t flight);
  void hub_gone();  // and all that was under way
  void sent(std::uint32_t consumer, const engine::LeasedMessage& message);
  void verdict(std::uint32_t consumer, std::uint64_t sequence, delivery::Verdict verdict);
  void settled(std::uint32_t consumer, std::uint64_t sequence, const engine::MessageFate& fate,
               base::MonoTime leased_at);
  // Of a pulled queue: received; and settled as delivered, on disk.
  void pulled(std::uint32_t consumer, const engine::LeasedMessage& message);
  void proven(std::uint32_t consumer, std::uint64_t sequence);
  // ---- and as the downstream sees it: it has taken the event. `bytes` are those of the event.
  void took(std::uint32_t consumer, std::uint64_t sequence, std::string_view bytes);

  // ---- operators
  void paused(std::uint32_t consumer, bool is) { consumers_[consumer].paused = is; }
  void listed(std::uint32_t consumer, const engine::DeadLetter& letter);
  void purging(std::uint32_t consumer, std::uint64_t sequence);  // it may be gone from now on
  void removing(std::uint32_t consumer);                         // with all that waits for it
  bool removed(std::uint32_t consumer) const { return consumers_[consumer].removed; }

  // ---- time
  void clock_jumps(const std::function<void()>& jump);
  // How many have expired, as the hub counts them.
  void expired(std::uint32_t consumer, std::uint64_t total);

  // ---- faults
  // What was settled from a while before now until trouble_ends() may be forgotten.
  void trouble_begins();
  void trouble_ends();
  bool in_trouble() const { return trouble_; }

  // ---- the end
  std::size_t unfinished(std::uint32_t consumer) const;
  void finish();  // all must have ended
  ConsumerTally tally(std::uint32_t consumer) const;

  void blame(std::string rule, std::string text);
  const std::vector<Finding>& findings() const { return findings_; }
  // A fault has taken effect.
  void fired(Kind kind);

 private:
  struct Event {
    std::vector<Routes> attempts;  // routes it was sent with
    bool copied = false;           // in another envelope than its first, too
    std::optional<std::uint64_t> answered;
    std::optional<std::uint64_t> stored;
  };
  struct Item {
    std::uint32_t lane = 0;   // 0: none
    std::uint64_t place = 0;  // in its lane: its sequence, or of its first send; 0: not sent
    std::uint64_t order = 0;  // as the hub has said at its first send
    std::int64_t event_ms = 0;
    std::uint32_t rejections = 0;  // and retries: what may spend an attempt
    std::uint32_t taken = 0;
    std::size_t stretch = 0;  // of the wall clock, that it was accepted in or after
    std::int64_t accepted_ms = 0;
    bool replayed = false;
    bool skipped = false;
    bool purged = false;
    bool proven = false;
    bool settled = false;  // as delivered
    base::MonoTime first_leased_at = base::MonoTime::max();
    base::MonoTime leased_at{};  // for what was settled last
    base::MonoTime settled_at{};
  };
  struct Consumer {
    const ConsumerPlan* plan = nullptr;
    std::unordered_map<std::uint64_t, Item> items;
    std::unordered_map<std::string, std::uint32_t> lanes;
    std::vector<std::map<std::uint64_t, std::uint64_t>> open;  // by lane, place to sequence: not taken, not excused
    std::uint64_t sends = 0;                                   // first ones, with an event-time window
    std::unordered_map<std::uint32_t, std::pair<std::int64_t, std::uint64_t>> latest;  // that a lane has sent
    std::unordered_map<std::uint32_t, std::uint64_t> flying;                           // lane to flight
    std::uint64_t expired = 0;
    bool paused = false;
    bool removed = false;
  };
  struct Taken {
    std::uint32_t consumer;
    std::uint64_t sequence;
    std::string bytes;
  };
  // Its attempts may have run out.
  bool exhausted(const Consumer& consumer, const Item& item) const;
  bool excused(const Consumer& consumer, Item& item) const;
  bool passed(const Consumer& consumer, const Item& item) const;
  bool may_have_expired(const Consumer& consumer, const Item& item) const;
  void know(std::uint64_t sequence);
  bool ended(const Consumer& consumer, const Item& item) const;
  void check_gap(std::uint32_t index, const engine::LeasedMessage& message, const Item& item);
  bool explained(const Item& item) const;
  void take(std::uint32_t consumer, std::uint64_t sequence, std::string_view bytes);
  void check_expired(std::uint32_t consumer);
  void check_order(Consumer& consumer, std::uint64_t sequence, const Item& item);
  void check_window(std::uint32_t index, const engine::LeasedMessage& message, Item& item);
  std::string text(std::uint32_t consumer, std::uint64_t sequence) const;

  const Plan& plan_;
  const Traffic& traffic_;
  const base::Clock& clock_;
  Trace& trace_;
  Report& report_;
  std::function<bool()> audit_;
  std::map<base::QueueId, std::uint32_t> consumer_of_;
  std::map<EventKey, Event> events_;
  std::unordered_map<std::uint64_t, EventKey> by_sequence_;
  std::vector<std::size_t> filters_;
  std::vector<bool> begun_;
  std::vector<EventKey> unproven_;  // answered since the last audit
  std::uint64_t audited_to_ = 0;
  std::uint64_t newest_answered_ = 0;
  std::set<std::uint64_t> quarantined_;
  std::vector<Consumer> consumers_;
  std::vector<Taken> deferred_;            // while the log cannot be read
  std::vector<std::int64_t> walls_ = {0};  // the latest wall time of each stretch between two jumps
  std::size_t audited_stretch_ = 0;        // of the last audit
  std::uint64_t next_flight_ = 1;
  bool one_lease_ = true;  // false: this process has reopened its store, and still has leases of before
  std::vector<std::pair<base::MonoTime, base::MonoTime>> troubles_;
  bool trouble_ = false;
  std::array<std::uint64_t, kKinds> unfollowed_{};
  std::vector<Finding> findings_;
};

}  // namespace trunkline::simulation
