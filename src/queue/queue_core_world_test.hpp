#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "queue/keys.hpp"
#include "queue/queue_core.hpp"

// A queue on a disk in memory, for the tests of QueueCore.
namespace trunkline::queue::core_model {

using base::GroupKey;
using base::Sequence;
using engine::Fate;
using engine::MessageFate;

inline constexpr base::QueueId kQueue{7};

// The queue family as a plain map.
class Disk {
 public:
  void apply(const store::Batch& batch) {
    batch.visit([this](store::Batch::Kind kind, store::FamilyHandle, std::string_view key, std::string_view value) {
      if (kind == store::Batch::Kind::put) entries_[std::string(key)] = value;
      if (kind == store::Batch::Kind::remove) entries_.erase(std::string(key));
    });
  }
  std::vector<std::pair<std::string, std::string>> list(char list) const {
    std::vector<std::pair<std::string, std::string>> found;
    const std::string prefix = queue_prefix(kQueue, list);
    for (auto at = entries_.lower_bound(prefix); at != entries_.end() && at->first.starts_with(prefix); ++at)
      found.push_back(*at);
    return found;
  }
  bool has(const std::string& key) const { return entries_.contains(key); }
  std::optional<std::string> get(const std::string& key) const {
    const auto found = entries_.find(key);
    return found == entries_.end() ? std::nullopt : std::optional(found->second);
  }
  std::vector<std::pair<Sequence, Row>> rows(GroupKey group, Position after, std::size_t limit, bool& ended) const {
    std::vector<std::pair<Sequence, Row>> found;
    const std::string prefix = lane_key(kQueue, group).replace(4, 1, "R");
    auto at = entries_.lower_bound(behind_row_key(kQueue, group, after));
    for (; at != entries_.end() && at->first.starts_with(prefix) && found.size() < limit; ++at) {
      found.emplace_back(sequence_of(at->first), *decode_row(at->second));
    }
    ended = at == entries_.end() || !at->first.starts_with(prefix);
    return found;
  }

 private:
  std::map<std::string, std::string> entries_;
};

// A queue, its disk, a log, and what a downstream has seen.
class World {
 public:
  // Small, so that spilling, listing and reading back happen all the time.
  static QueueCoreOptions small() {
    QueueCoreOptions options;
    options.window = 40;
    options.row_chunk = options.pulled_keep = 3;
    options.blocked_keep = 2;
    return options;
  }
  World(engine::QueueSpec spec, std::uint64_t seed, QueueCoreOptions options = small())
      : random(seed), spec_(std::move(spec)), options_(options) {
    windows = spec_.event_time_window.count() > 0;
    begin();
  }

  Now now() const { return now_of(clock); }

  void append(std::size_t groups) {
    const Sequence sequence{log.size() + 1};
    const GroupKey group =
        spec_.order == event::Order::none ? GroupKey{sequence.value} : GroupKey{random() % groups + 1};
    const std::int64_t accepted = clock.wall().time_since_epoch().count();
    log.push_back({sequence, group, accepted, 100, accepted - static_cast<std::int64_t>(random() % 60)});
  }
  void scan() {
    // As from the store, or as each is heard of.
    if (windows && random() % 4 == 0) core->stands_at_end(false, now());
    std::size_t left = windows && random() % 4 == 0 ? random() % 5 : log.size();
    for (; left > 0 && core->wants_scan() && core->scanned().value < log.size(); --left)
      core->scan(log[core->scanned().value], now());
    core->stands_at_end(core->scanned().value == log.size(), now());
    if (!core->wants_scan() && !core->has_ready()) core->spill();
  }
  // Reads what the core wants. With slow_reads some answers come only with the next call, after other things happened.
  void load() {
    for (const Read& read : std::exchange(reading, {})) core->loaded(read.group, read.rows, read.ended);
    while (const auto load = core->next_load()) {
      Read read;
      read.group = load->group;
      read.rows = disk.rows(load->group, load->after, load->limit, read.ended);
      if (slow_reads && random() % 2 == 0) {
        reading.push_back(std::move(read));
      } else {
        core->loaded(read.group, read.rows, read.ended);
      }
    }
  }
  void flush() {
    const std::uint64_t id = core->delta_id();
    disk.apply(core->take_delta());
    core->committed(id);
    load();
  }
  void crash() {
    open.clear();
    reading.clear();
    begin();
  }
  void begin() {
    core = std::make_unique<QueueCore>(kQueue, spec_, options_);
    CursorRecord cursor;
    if (spec_.event_time_window.count() > 0) cursor.ordered = 0;  // as a new queue's
    for (const auto& [key, value] : disk.list('C')) cursor = *decode_cursor(value);
    std::vector<std::pair<GroupKey, LaneHeader>> lanes;
    for (const auto& [key, value] : disk.list('L'))
      lanes.emplace_back(GroupKey{sequence_of(key).value}, *decode_lane(value));
    std::vector<Scanned> outstanding;
    for (const Sequence sequence : cursor.outstanding) outstanding.push_back(log[sequence.value - 1]);
    for (const auto& [key, value] : disk.list('W'))
      core->restore_left(GroupKey{sequence_of(key).value}, *decode_left(value));
    core->restore(cursor, std::move(lanes), outstanding, {log.size()}, now());
    for (const auto& [key, value] : disk.list('V'))
      core->restore_receive(sequence_of(key), *decode_receive(value), now());
    for (const auto& [key, value] : disk.list('P')) {
      const StoredOperation stored = *decode_operation(value);
      std::vector<Scanned> named;
      for (const Sequence sequence : stored.outstanding) named.push_back(log[sequence.value - 1]);
      core->restore_operation({sequence_of(key).value}, stored, named);
    }
    load();
  }

  void receive(std::size_t messages, std::size_t per_group) {
    engine::ReceiveLimits limits;
    limits.max_messages = messages;
    limits.max_messages_per_group = per_group;
    for (LeaseDraft& draft : core->lease(limits, now())) {
      for (const LeasedItem& item : draft.items) {
        // Of a standard queue, too: a replayed event is not in flight beside its own live delivery.
        if (item.replay.value != 0) {
          const auto recorded = operation_on_disk(item.replay);
          EXPECT_TRUE(recorded && std::ranges::binary_search(recorded->outstanding, item.sequence))
              << item.sequence.value << " is replayed, and nothing on disk says so";
        }
        if (spec_.order == event::Order::none) continue;
        if (item.replay.value == 0) sent(item);
        for (const LeaseDraft& other : open) {
          EXPECT_NE(log[other.items[0].sequence.value - 1].group, log[item.sequence.value - 1].group)
              << "two leases of one lane";
        }
      }
      open.push_back(std::move(draft));
    }
  }
  // Settles a random open lease; `fate_of` names the fate of each message.
  template <class FateOf>
  void settle(FateOf fate_of) {
    if (open.empty()) return;
    const std::size_t at = random() % open.size();
    const LeaseDraft draft = std::move(open[at]);
    open.erase(open.begin() + static_cast<std::ptrdiff_t>(at));
    std::vector<MessageFate> fates;
    bool ended = false;
    for (const LeasedItem& item : draft.items) {
      MessageFate fate;
      fate.fate = ended ? Fate::release : fate_of(item);
      fate.delay = base::Millis(random() % 50);
      fate.attempts = item.attempts + 1;
      fate.error_class = "test";
      ended = ended || (spec_.order != event::Order::none && fate.fate != Fate::delivered);
      if (fate.fate == Fate::delivered) delivered(item);
      fates.push_back(fate);
    }
    const auto settled = core->settle(draft.id, fates, now());
    EXPECT_TRUE(settled.ok() || settled.error().code != base::Errc::invalid) << settled.error().detail;
  }
  // The order of first sends is what holds from then on. It is by event time among what was in the window together, and
  // what comes behind a later one is marked.
  void sent(const LeasedItem& item) {
    const Scanned& event = log[item.sequence.value - 1];
    if (windows) {
      const auto place = disk.get(by_sequence_key(kQueue, 'S', item.sequence));
      EXPECT_TRUE(place &&
                  disk.has(row_key(kQueue, event.group, position_of(item.sequence, decode_place(*place)->order))))
          << item.sequence.value << " goes out and its place is not on disk";
    }
    auto& lane = sent_by_group[event.group.value];
    const auto [known, is_new] = sent_as.try_emplace(item.sequence.value, SentAs{lane.size(), item.late});
    if (!is_new) {
      EXPECT_EQ(known->second.late, item.late);
      return;
    }
    lane.push_back(item.sequence.value);
    if (!windows || item.redriven) return;
    const LeftWindow time{event.event_ms, event.sequence};
    const bool behind_later = time < latest_sent[event.group.value];
    EXPECT_TRUE(item.late || !behind_later) << item.sequence.value << " goes behind a later one and is not marked";
    EXPECT_TRUE(behind_later || !item.late || expires) << item.sequence.value << " is marked and behind no later one";
    latest_sent[event.group.value] = std::max(latest_sent[event.group.value], time);
    late += item.late ? 1 : 0;
    moved += lane.size() > 1 && lane[lane.size() - 2] > item.sequence.value && !item.late ? 1 : 0;
  }
  void delivered(const LeasedItem& item) {
    if (item.replay.value != 0) {
      auto& lane = replayed[{item.replay.value, log[item.sequence.value - 1].group.value}];
      if (std::ranges::find(lane, item.sequence.value) != lane.end()) return;  // again, after a crash
      EXPECT_TRUE(lane.empty() || lane.back() < item.sequence.value) << "replayed out of order";
      lane.push_back(item.sequence.value);
      return;
    }
    if (!seen.insert(item.sequence.value).second) return;
    auto& lane = delivered_by_group[log[item.sequence.value - 1].group.value];
    if (!item.redriven) {
      const auto place = [this](std::uint64_t sequence) {
        return spec_.order == event::Order::none ? sequence : sent_as.at(sequence).place;
      };
      EXPECT_TRUE(lane.empty() || place(lane.back()) < place(item.sequence.value))
          << "out of order: " << item.sequence.value;
      EXPECT_TRUE(windows || toggles || lane.empty() || lane.back() < item.sequence.value) << "not by sequence";
      lane.push_back(item.sequence.value);
    }
  }
  void for_each_dead_letter(const std::function<void(Sequence, const DeadLetterEntry&)>& action) {
    flush();
    for (const auto& [key, value] : disk.list('D')) action(sequence_of(key), *decode_dead_letter(value));
  }

  std::optional<StoredOperation> operation_on_disk(base::OperationId operation) const {
    for (const auto& [key, value] : disk.list('P')) {
      if (sequence_of(key).value == operation.value) return *decode_operation(value);
    }
    return std::nullopt;
  }
  // One step of a redrive over everything that it has not redriven yet.
  void redrive_step(base::OperationId operation, bool skips) {
    if (!core->begin_operation(operation, false)) return;
    std::size_t left = random() % 4 + 1;
    for_each_dead_letter([&](Sequence sequence, const DeadLetterEntry& entry) {
      if (entry.row.operation == operation || left == 0 || (!entry.parked && !skips)) return;
      if (core->redrive(sequence, entry, operation)) --left;
    });
  }
  // One step of a replay of what is settled behind what it has reached.
  void replay_step(base::OperationId operation) {
    if (!core->begin_operation(operation, true, {log.size()})) return;
    flush();
    std::set<std::uint64_t> held;
    for (const char letter : {'S', 'D'}) {
      for (const auto& [key, value] : disk.list(letter)) held.insert(sequence_of(key).value);
    }
    std::uint64_t at = core->operation(operation)->tally.reached.value + 1;
    std::uint64_t passed = 0;
    for (std::size_t left = random() % 6 + 1; at <= log.size() && left > 0; ++at, --left) {
      if (held.contains(at) || !core->may_replay({at})) {
        ++passed;
      } else {
        core->replay(operation, log[at - 1]);
      }
    }
    core->reached(operation, {at - 1}, passed);
  }
  std::uint64_t open_of_operations() const {
    std::uint64_t sum = 0;
    for (std::uint64_t i = 1; i <= kOperations; ++i) {
      if (const auto* stored = core->operation({i})) sum += stored->tally.open();
    }
    return sum;
  }

  // Everything that can go out goes out; parked lanes are redriven.
  void drain() {
    for (int i = 0; i < 5'000 && (core->totals().settled < log.size() || open_of_operations() > 0); ++i) {
      scan();
      receive(50, 5);
      while (!open.empty()) settle([](const LeasedItem&) { return Fate::delivered; });
      clock.advance(base::Millis(1'000));
      core->tick(now());
      flush();
      for_each_dead_letter([this](Sequence sequence, const DeadLetterEntry& entry) {
        EXPECT_TRUE(!entry.parked || core->redrive(sequence, entry)) << sequence.value;
      });
    }
    flush();
  }

  struct Read {
    GroupKey group;
    std::vector<std::pair<Sequence, Row>> rows;
    bool ended = false;
  };

  std::mt19937_64 random;
  struct SentAs {
    std::size_t place = 0;  // in its lane
    bool late = false;
  };
  // Another window, or none, from now on; `crashes`: with a restart in between.
  void change_window(base::Millis length, bool crashes) {
    spec_.event_time_window = length;
    windows = false;  // the order is fixed all the same, but no longer by time alone
    toggles = true;
    if (crashes) return crash();
    core->set_spec(spec_);
    load();
  }

  bool slow_reads = false;
  bool windows = false;  // all has come with an event-time window
  bool toggles = false;  // it has come and gone
  bool expires = false;  // some have been given up in it
  std::uint64_t late = 0;
  std::uint64_t moved = 0;  // sent before one that was accepted before
  std::deque<Read> reading;
  base::ManualClock clock;
  std::vector<Scanned> log;
  Disk disk;
  std::unique_ptr<QueueCore> core;
  std::vector<LeaseDraft> open;
  std::set<std::uint64_t> seen;
  std::map<std::uint64_t, std::vector<std::uint64_t>> delivered_by_group;
  std::map<std::uint64_t, std::vector<std::uint64_t>> sent_by_group;  // in the order of their first sends
  std::map<std::uint64_t, SentAs> sent_as;                            // by sequence
  std::map<std::uint64_t, LeftWindow> latest_sent;                    // by group
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::vector<std::uint64_t>> replayed;  // (operation, group)
  std::set<std::uint64_t> retired;                 // operations; their ids are not used again
  static constexpr std::uint64_t kOperations = 6;  // odd ones redrive, even ones replay

 private:
  engine::QueueSpec spec_;
  QueueCoreOptions options_;
};

inline engine::QueueSpec fifo() {
  engine::QueueSpec spec;
  spec.name = "q";
  spec.order = event::Order::conversation;
  return spec;
}
inline engine::QueueSpec standard() {
  engine::QueueSpec spec = fifo();
  spec.order = event::Order::none;
  return spec;
}
inline engine::QueueSpec windowed(engine::QueueSpec spec) {
  spec.event_time_window = base::Millis(30);
  return spec;
}
inline engine::QueueSpec pulled(engine::QueueSpec spec) {
  spec.pulled = true;
  spec.max_receive_count = 0;  // the model decides what is dead-lettered
  return spec;
}

inline Fate any_fate(std::mt19937_64& random, bool skips) {
  const auto dice = random() % 100;
  if (dice < 70) return Fate::delivered;
  if (dice < 82) return Fate::retry;
  if (dice < 88) return Fate::release;
  if (dice < 94) return Fate::park;
  return skips ? Fate::skip : Fate::retry;
}

}  // namespace trunkline::queue::core_model
