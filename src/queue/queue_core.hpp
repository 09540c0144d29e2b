#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "engine/engine.hpp"
#include "engine/sent.hpp"
#include "queue/codec.hpp"
#include "queue/event_time_window.hpp"
#include "queue/history.hpp"
#include "queue/oldest_row.hpp"
#include "queue/ready_lanes.hpp"
#include "queue/scanned.hpp"
#include "store/store.hpp"

namespace trunkline::queue {

struct LeasedItem {
  base::Sequence sequence;
  std::uint32_t attempts = 0;
  std::uint32_t receive_count = 1;
  std::optional<base::Sequence> gap_before;
  bool redriven = false;
  base::OperationId replay;  // 0: a live event
  bool edited = false;
  bool late = false;
  std::uint64_t order = 0;  // of the row
};
struct LeaseDraft {
  std::uint64_t id = 0;
  base::GroupKey group;  // of the first message; in a standard queue a lease holds many
  std::optional<base::WallTime> deadline;
  std::vector<LeasedItem> items;
};

struct QueueCoreOptions {
  // Events held in memory that are neither settled nor listed in a row. Enough to keep 50 batches of 100 in flight and
  // as many ready; an item takes about 100 bytes.
  std::size_t window = 16'384;
  std::size_t row_chunk = 256;     // rows of a lane read at once
  std::size_t blocked_keep = 16;   // items of a blocked lane kept in memory; the others are read again later
  std::size_t pulled_keep = 32;    // instead of both in a pulled queue, whose receives block their lanes, by tens
  std::size_t gaps_max = 100'000;  // empty lanes remembered because their next event must say gap_before
  std::size_t left_max =
      100'000;  // lanes whose event-time window it is remembered of what has left it; about 100 bytes
  base::Millis unreadable_pause = std::chrono::seconds(30);  // of lanes whose events the store cannot read
};

// The lanes of one queue: which event may go out next, and what must be written for that to hold after a crash. Pure:
// no I/O and no clock of its own; changes are collected in a store::Batch that the owner writes. Not thread-safe.
//
// Two inputs: events met by the scan of the log, in order of sequence, and rows (this queue's own list on disk: what
// was blocked, failed or redriven). With an event-time window the scan's events stand in that window first; leaving it
// gives an event its place in the lane, as a row, and it goes out when that is on disk, so that nothing changes the
// order of what was sent. Until then it is outstanding, and enters the window again after a crash. Invariants, checked by the model test:
// - every event up to scanned() that is routed here is settled, or has a row, or is outstanding (in memory, named in
// the cursor record);
// - a lane's items in memory are a prefix of what is unsettled of it: every row up to its `loaded` sequence is in
// memory, every
//   row behind it is counted in rows_beyond();
// - at most one lease per lane, and it holds the lane's first items; or the first items have a lease each (see
//   queue_core_each.cpp).
//
// A replay gives settled events once more. They stand in replay lanes beside the live lane of their group: in memory
// only, named in the operation's record as the outstanding ones are in the cursor record, never dead-lettered. Of the
// lanes of one group at most one is leased at a time, in turn. Without a replay none of this costs anything.
class QueueCore {
 public:
  // `first_lease`: ids of push leases count from there. A core that takes another's place in the same process begins
  // behind it, so that a lease of before is not known instead of meaning another one.
  QueueCore(base::QueueId id, engine::QueueSpec spec, QueueCoreOptions options = {}, std::uint64_t first_lease = 1);
  std::uint64_t next_lease() const { return next_lease_; }

  // ---- start: what was on disk; `outstanding` are the events the cursor record names.
  void restore_left(base::GroupKey group, const LeftWindow& left);  // before restore()
  // A window that is new to the queue begins behind `end`, the end of the log: what is up to there may have been sent.
  void restore(const CursorRecord& cursor, std::vector<std::pair<base::GroupKey, LaneHeader>> lanes,
               const std::vector<Scanned>& outstanding, base::Sequence end, Now now);
  // After restore(); `first` names it, whatever is left of it.
  void restore_receive(base::Sequence first, const StoredReceive& stored, Now now);
  // After restore(); `outstanding` are the events the record names.
  void restore_operation(base::OperationId operation, StoredOperation stored, const std::vector<Scanned>& outstanding);

  // ---- scan
  base::Sequence scanned() const { return scanned_; }
  bool wants_scan() const { return live_ + unsent_ < options_.window; }
  // Frees the window by listing what waits behind leased events. Call when wants_scan() is false and nothing is ready.
  void spill();
  void scan(const Scanned& event, Now now);
  // Nothing more for this queue up to and with `sequence`. By itself no reason to write: what is not routed here is
  // scanned again.
  void scanned_to(base::Sequence sequence);
  // Whether all that there is has been scanned. Say it when it changes; at first it is not so.
  void stands_at_end(bool at_end, Now now);

  // ---- receive
  bool has_ready() const { return !ready_.empty(); }
  // What lease() would give out next of a standard queue, nearly: to read it before it is asked for. Not what is edited,
  // whose body is elsewhere.
  std::vector<base::Sequence> next_ready(std::size_t messages, std::size_t bytes) const;
  std::vector<LeaseDraft> lease(const engine::ReceiveLimits& limits, Now now);
  // One fate per item, in order. Errc::not_found: no such lease (it has ended). Errc::invalid: fates that break the
  // lane's order. Of several messages of a lane that have a lease each the fates are delivered, drop and release; others
  // are of the first alone, and when no other of them is in flight.
  base::Result<void> settle(std::uint64_t lease, const std::vector<engine::MessageFate>& fates, Now now);
  // The lease of a pulled queue ends that long from now. Errc::not_found: it has ended.
  base::Result<void> extend(std::uint64_t lease, base::Millis visibility_timeout, Now now);

  // ---- rows on disk
  struct Load {
    base::GroupKey group;
    Position after;
    std::size_t limit = 0;
  };
  // A lane that wants its next rows and whose rows are all committed; the owner reads them and calls loaded().
  std::optional<Load> next_load();
  void loaded(base::GroupKey group, const std::vector<std::pair<base::Sequence, Row>>& rows, bool ended);

  // Where an event stands that is in memory.
  struct Place {
    LaneHeader lane;
    bool leased = false;
    std::uint64_t before = 0;                      // events of its lane that go first
    std::optional<std::int64_t> window_ends_ms{};  // it is in its event-time window, by its acceptance until then
  };
  std::optional<Place> place(base::GroupKey group, base::Sequence sequence) const;

  // ---- time
  std::optional<base::MonoTime> next_deadline();
  void tick(Now now);  // ends back-offs, visibility timeouts and event-time windows that are due

  // ---- dead letters; `entry` is what is stored and committed
  bool redrive(base::Sequence sequence, const DeadLetterEntry& entry, base::OperationId by = {});
  bool purge(base::Sequence sequence, const DeadLetterEntry& entry);

  // ---- operations; false: the queue remembers kOperationsPerQueue already
  bool begin_operation(base::OperationId operation, bool replay, base::Sequence keep_to = {});
  bool may_replay(base::Sequence sequence) const;  // whether it has been scanned and is not outstanding
  void replay(base::OperationId operation, const Scanned& event);
  void reached(base::OperationId operation, base::Sequence sequence, std::uint64_t passed);
  engine::OperationTally end_operation(base::OperationId operation, bool forget);  // as it is then
  const StoredOperation* operation(base::OperationId operation) const;
  // Of replay lanes: events in flight, lanes that back off; both are counted in in_flight() and backing_off(), too.
  struct Replays {
    std::uint64_t waiting = 0;
    std::uint64_t in_flight = 0;
    std::uint64_t backing_off = 0;
  };
  Replays replays() const;

  // From now on this body is delivered instead of the event's own, until the event is settled for good.
  bool edit(base::Sequence sequence, DeadLetterEntry entry, std::string_view body);

  // ---- expiry (max_wait); leased events are left for later
  std::size_t expire_outstanding(std::int64_t before_ms, std::size_t limit);
  // `place`: as it was on disk, in what was read after the last time that has_expired() was false.
  bool expire_row(base::Sequence sequence, const RowPlace& place);
  // A row has expired that is still on disk: it must not be found there again, since nothing else is known of it.
  bool has_expired() const { return expiry_delta_ > committed_; }

  // ---- what must be written
  // Something was settled, listed or blocked. What was scanned and waits is none of these: it is scanned again. A queue whose
  // downstream hangs would name all that it has in memory in each commit.
  bool dirty() const { return dirty_; }
  bool moved() const { return dirty_ || written_scanned_ != scanned_; }
  std::uint64_t delta_id() const { return delta_id_; }  // of the delta that is being collected
  store::Batch take_delta();
  void committed(std::uint64_t delta_id);

  // ---- figures
  const QueueTotals& totals() const { return totals_; }
  std::size_t lanes() const { return lanes_.size(); }
  std::uint64_t in_flight() const { return in_flight_; }
  std::uint64_t backing_off() const { return backing_off_; }
  std::optional<std::int64_t> oldest_outstanding_ms() const;
  OldestRow& oldest_row() { return oldest_row_; }
  const engine::DeliveryWindow& window() const { return window_; }
  void count_arrived(std::uint64_t count, Now now) { window_.arrived(count, now.mono); }
  // The lanes that hold up most, as of the last whole sweep. A sweep looks at `buckets_max` of the lanes' buckets a
  // call, so that a million lanes do not stop the loop; true when it has come to their end.
  bool sweep_blockers(std::size_t buckets_max);
  const std::vector<engine::Blocker>& blockers() const { return blockers_; }
  const engine::QueueSpec& spec() const { return spec_; }
  // An event-time window that is new begins behind what was scanned; what is in one that goes leaves it.
  void set_spec(engine::QueueSpec spec);
  std::size_t outstanding() const { return live_; }
  std::size_t in_window() const { return event_window_.size(); }
  std::uint64_t late() const { return late_; }              // since this was made
  std::uint64_t left_early() const { return left_early_; }  // likewise

 private:
  static constexpr std::uint32_t kNone = ~0u;

  struct Item {
    base::Sequence sequence;
    Row row;
    std::uint32_t next = kNone;
    bool listed = false;      // has a row on disk (or in the delta)
    bool unsent = false;      // counted in unsent_
    std::uint64_t delta = 0;  // that its row was put in, where it must not go out before that is on disk
    Position position() const { return position_of(sequence, row.order); }
  };
  // One of the first messages of a lane that have a lease each.
  struct Each {
    std::uint64_t lease = 0;  // 0: visible again
    base::Sequence sequence;
    base::MonoTime until{};
    std::int64_t until_ms = 0;
  };
  struct Failure {
    std::string error_class;
    std::string error_detail;
  };
  struct Lane {
    LaneState state = LaneState::ready;
    bool queued = false;  // stands in ready_
    bool loading = false;
    bool load_is_stale = false;  // a row was put before what is being read
    bool touched = false;        // stands in touched_
    bool unsorted = false;       // an earlier event was redriven while later ones are leased
    bool passed = false;         // likewise, before a restart: it is on disk alone until the lease has ended
    bool header_on_disk = false;
    bool waking = false;          // stands in held_
    std::uint32_t first = kNone;  // items in memory
    std::uint32_t last = kNone;
    std::uint32_t count = 0;
    std::uint32_t leased = 0;      // of them, from the first on; with `each` those that are visible again, too
    std::uint64_t rows = 0;        // on disk, those in memory included
    std::uint64_t listed = 0;      // items in memory that have a row
    Position loaded;               // every row up to here is in memory
    std::uint64_t row_delta = 0;   // the delta that holds the newest row put
    std::uint64_t load_delta = 0;  // what was on disk when the load under way began
    std::uint64_t hold_delta = 0;  // nothing goes out before this delta is on disk
    std::uint64_t wake_delta = 0;  // more may go out when this delta is
    base::Sequence head;           // what attempts and failure belong to
    std::uint32_t attempts = 0;
    std::uint32_t failures = 0;  // of the head since it was met; those that spent no attempt, too
    base::Sequence gap_before;
    base::MonoTime until{};  // backing_off: next try; leased and pulled: deadline, the first one of `each`
    std::int64_t until_ms = 0;
    std::int64_t since_ms = 0;
    std::uint64_t lease = 0;
    std::unique_ptr<Failure> failure;
    std::unique_ptr<std::vector<Each>> each;  // of the leased ones, in order; null: one lease over all of them
    base::OperationId replay;                 // a replay lane, of this operation
    base::GroupKey live;                      // of a replay lane: the lane of the live events
    base::Sequence receive;                   // its one message is leased and has no row: in which of receives_

    std::uint64_t rows_beyond() const { return rows - listed; }
  };
  struct Receive {
    StoredReceive stored;
    bool touched = false;  // stands in touched_receives_
    bool on_disk = false;
  };
  using Lanes = std::unordered_map<base::GroupKey, Lane>;
  // The lanes of one group while there is a replay lane among them. One lease at a time.
  struct Family {
    std::vector<base::GroupKey> replays;
    bool leased = false;
  };
  // Of a lane with items in memory.
  base::GroupKey tenant_of(const Lane& lane) const { return items_[lane.first].row.tenant; }
  struct LeasePart {
    base::GroupKey group;
    std::uint32_t count = 0;
  };
  struct Outstanding {
    base::Sequence sequence;
    base::GroupKey group;
    std::int64_t accepted_ms = 0;
    bool live = true;
  };
  struct Timer {
    base::MonoTime at;
    base::GroupKey group;
    bool operator>(const Timer& other) const { return at > other.at; }
  };

  bool standard() const { return spec_.order == event::Order::none; }
  // Whether the message groups of a standard queue take turns; they are senders that share it.
  bool fair() const { return standard() && spec_.pulled && engine::takes_sent(spec_); }
  Row row_of(const Scanned& event) const {
    Row row{event.accepted_ms, event.bytes};
    if (fair()) row.tenant = event.tenant;
    return row;
  }
  Lane& touch(base::GroupKey group, Lane& lane);
  void make_ready(base::GroupKey group, Lane& lane);
  // What was skipped, or is redriven, must be so on disk before the lane gives out the next: a crash in between would
  // bring the skipped one back behind its successor.
  void hold(base::GroupKey group, Lane& lane);
  void wake_later(base::GroupKey group, Lane& lane);  // when the delta that is being collected is on disk
  std::uint32_t new_item(base::Sequence sequence, const Row& row, bool listed);
  void push_back(Lane& lane, std::uint32_t item);
  void insert_sorted(Lane& lane, std::uint32_t item);
  void sort(base::GroupKey group, Lane& lane);  // once nothing is leased
  void keep_first(Lane& lane, std::uint32_t keep);
  void pop_front(Lane& lane);
  void put_row(base::GroupKey group, Lane& lane, base::Sequence sequence, const Row& row);
  void remove_row(base::GroupKey group, Position at);
  void counts_no_more(Item& item);  // in unsent_
  void put_off(const Scanned& event, const Row& row, Now now);
  static bool goes_behind(const Lane& lane);  // what comes now gets a row and is read when its turn comes
  void list_item(base::GroupKey group, Lane& lane, Item& item);
  void list_all(base::GroupKey group, Lane& lane);
  void trim(Lane& lane);
  void no_longer_outstanding(base::Sequence sequence);
  // The first item of the lane is settled for good.
  void finish_head(base::GroupKey group, Lane& lane);
  void forget_if_empty(base::GroupKey group, Lane& lane);
  static void clear_failure(Lane& lane);
  void journal_failure(Lane& lane, const engine::MessageFate& fate, Now now);
  void set_failure(Lane& lane, const engine::MessageFate& fate, base::Sequence head, Now now);
  void back_off(base::GroupKey group, Lane& lane, const engine::MessageFate& fate, Now now);
  void park(base::GroupKey group, Lane& lane, const engine::MessageFate& fate, Now now);
  void dead_letter(base::GroupKey group, Lane& lane, const engine::MessageFate& fate, Now now);
  void put_outcome(base::Sequence sequence, Outcome outcome);
  // ---- of the event-time window, see queue_core_window.cpp
  bool wants_window() const { return spec_.event_time_window.count() > 0 && !standard(); }
  void begin_window();
  void end_window();
  void enter_window(const Scanned& event, Now now);
  void leave_due(Now now);
  void leave(const std::vector<Scanned>& events, bool late);
  void leave_one(const Scanned& event, bool late);
  void note_left(const Scanned& event);
  void expire_in_window(base::GroupKey group, base::Sequence sequence, std::map<base::Sequence, std::uint64_t>& orders);
  void restore_lease(base::GroupKey group, Lane& lane, const LaneHeader& header, Now now);
  void put_in_sequence(LeaseDraft& draft);
  LeaseDraft new_draft(base::GroupKey group, const Lane& lane);
  std::uint64_t new_receipt();
  bool take_from(base::GroupKey group, Lane& lane, const engine::ReceiveLimits& limits, std::size_t& messages_left,
                 std::size_t& bytes_left, std::vector<LeaseDraft>& drafts, Now now);
  bool is_over_receive_count(const Lane& lane) const;
  void end_over_receive_count(base::GroupKey group, Lane& lane, Now now);
  base::Millis count_receive(Item& item, const engine::ReceiveLimits& limits) const;
  void list_or_put(base::GroupKey group, Lane& lane, Item& item);
  LeasedItem leased_item(const Lane& lane, const Item& item, bool first) const;
  void lease_part(base::GroupKey group, Lane& lane, std::uint32_t count, LeaseDraft& draft,
                  const engine::ReceiveLimits& limits, Now now);
  void list_leased(base::GroupKey group, Lane& lane, Now now);
  // ---- of messages that were received and have no row, see queue_core_receives.cpp
  bool needs_no_row(base::GroupKey group, const Lane& lane) const;
  void join_receive(Lane& lane, Now now);
  void leave_receive(Lane& lane);
  void list_received(base::GroupKey group, Lane& lane);
  Receive& touch_receive(base::Sequence first);
  void write_receives();
  // ---- of leases of their own for several messages of a lane, see queue_core_each.cpp
  static bool visible_again(const Lane& lane) { return lane.each && lane.each->front().lease == 0; }
  static std::uint32_t visible_ahead(const Lane& lane);
  static std::uint32_t in_flight_of(const Lane& lane);
  void lease_each(base::GroupKey group, Lane& lane, std::uint32_t count, std::vector<LeaseDraft>& drafts,
                  const engine::ReceiveLimits& limits, Now now);
  base::Result<void> settle_each(std::uint64_t lease, base::GroupKey group, const engine::MessageFate& fate, Now now);
  void extend_each(std::uint64_t lease, base::GroupKey group, base::Millis visibility_timeout, Now now);
  void time_out_each(base::GroupKey group, Lane& lane, Now now);
  static void set_first_deadline(Lane& lane);
  void changed_each(base::GroupKey group, Lane& lane);
  // Applies fates to the first items of one lane, which were leased under `lease`; 0: they were not.
  void settle_lane(base::GroupKey group, Lane& lane, std::uint32_t count, const engine::MessageFate* fates,
                   std::uint64_t lease, Now now);
  // The first item has ended: delivered, skipped or dropped.
  void end_head(base::GroupKey group, Lane& lane, const engine::MessageFate& fate, std::uint64_t lease, Now now);
  void bring_to_front(Lane& lane, std::uint32_t before, std::uint32_t item);
  void uncount_receives(base::GroupKey group, Lane& lane, std::uint32_t count, const engine::MessageFate* fates);
  void end_lease(base::GroupKey group, Lane& lane);
  void schedule(base::GroupKey group, base::MonoTime at);
  Family* family_of(base::GroupKey group, const Lane& lane);
  base::GroupKey replay_lane(base::OperationId operation, base::GroupKey live);
  base::GroupKey join_lane(base::OperationId operation, const Scanned& event);
  void leave_family(base::GroupKey group, const Lane& lane);
  void settle_replayed(base::GroupKey group, Lane& lane, const engine::MessageFate& fate);
  enum class End : std::uint8_t { delivered, failed, ended };
  void count_end(base::OperationId operation, base::Sequence sequence, End end, const std::string& error_class = {});
  void withdraw(base::OperationId operation);
  void forget_edit(base::Sequence sequence, bool edited);
  void drop_ended(base::OperationId operation);
  StoredOperation* touch_operation(base::OperationId operation);
  void write_operations();
  LaneHeader header_of(const Lane& lane) const;
  CursorRecord cursor_record() const;
  bool valid_fates(const std::vector<LeasePart>& parts, const std::vector<engine::MessageFate>& fates) const;

  const base::QueueId id_;
  engine::QueueSpec spec_;
  const QueueCoreOptions options_;
  QueueTotals totals_;
  base::Sequence scanned_;
  base::Sequence written_scanned_;
  base::Sequence told_;  // the newest event of which the disk says more than that it waits
  Lanes lanes_;
  std::vector<Item> items_;
  std::uint32_t free_items_ = kNone;
  std::deque<Outstanding> outstanding_;
  std::size_t live_ = 0;
  ReadyLanes ready_;
  std::deque<base::GroupKey> want_load_;
  std::deque<base::GroupKey> held_;
  std::deque<base::GroupKey> gaps_;
  struct Operation {
    StoredOperation stored;
    bool touched = false;
    bool forget = false;  // once nothing of it is open
  };
  std::map<base::OperationId, Operation> operations_;    // at most kOperationsPerQueue
  std::unordered_map<base::GroupKey, Family> families_;  // at most as many as replayed events are outstanding
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  std::unordered_map<std::uint64_t, std::vector<LeasePart>> leases_;
  // By their first message as it was then; at most as many as are in flight.
  std::map<base::Sequence, Receive> receives_;
  std::optional<base::Sequence> filling_;  // of the lease() that is under way
  std::vector<base::Sequence> touched_receives_;
  std::uint64_t next_lease_;
  std::string random_;  // for receipts; asked for by the hundred, since a question costs more than the bytes
  std::uint64_t in_flight_ = 0;
  std::uint64_t backing_off_ = 0;
  EventTimeWindow event_window_;
  LeftWindows left_;
  std::optional<std::uint64_t> ordered_;  // the last order given; nothing: no window
  base::Sequence window_after_;           // a new window begins behind it
  // Until the delta is on disk that says that there is no window any more nothing goes out that has no row: after a
  // crash it would be in the window.
  std::uint64_t no_window_delta_ = 0;
  std::size_t unsent_ = 0;  // items that left the window and whose lane may give them out
  std::uint64_t late_ = 0;
  std::uint64_t left_early_ = 0;
  store::Batch delta_;
  OldestRow oldest_row_;
  std::uint64_t expiry_delta_ = 0;
  Journal journal_;
  std::vector<base::GroupKey> touched_;
  engine::DeliveryWindow window_;
  std::vector<engine::Blocker> sweep_;  // of the sweep under way
  std::vector<engine::Blocker> blockers_;
  std::size_t sweep_at_ = 0;  // bucket of lanes_
  std::uint64_t delta_id_ = 1;
  std::uint64_t committed_ = 0;
  bool dirty_ = false;
};

}  // namespace trunkline::queue
