// What a queue gives out, and where the events' bodies come from: the tail of the log in memory, what was read ahead, or the
// disk.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.hpp"
#include "queue/keys.hpp"
#include "queue/queue_runner.hpp"
#include "queue/queue_walk.hpp"

namespace trunkline::queue {

using base::Errc;
using base::Error;
using base::Result;
using base::Sequence;

namespace {

// Events that are read one behind another, at least: fewer where someone waits for them.
constexpr std::size_t kFetchPart = 16;
constexpr std::size_t kAheadPart = 64;
constexpr std::size_t kPartsMax = 8;  // at the same time: as many as there are threads that read

// Stands for a record until it has been read.
engine::RecordPtr placeholder(Sequence sequence) {
  auto record = std::make_shared<engine::Record>();
  record->sequence = sequence;
  return record;
}

Result<engine::RecordPtr> read_event(const store::Store& store, base::QueueId id, Sequence sequence, bool edited,
                                     std::optional<std::string_view> value) {
  if (!value) return {Errc::corrupt, fmt::format("event {} waits but is not in the log", sequence.value)};
  TRUNKLINE_TRY(engine::Record record, decode_record(sequence, *value));
  if (edited) {
    TRUNKLINE_TRY(const auto body, store.get(handle(Table::queue), by_sequence_key(id, 'E', sequence)));
    if (!body) return {Errc::corrupt, fmt::format("event {} has no edited body", sequence.value)};
    record.event.raw = *body;
  }
  return engine::RecordPtr(std::make_shared<engine::Record>(std::move(record)));
}

}  // namespace

// What is to be given out; its records are read where they are not in memory.
struct QueueRunner::Fetch {
  std::vector<engine::Lease> leases;
  engine::ReceiveCallback done;
  struct Place {
    std::size_t lease;
    std::size_t message;
  };
  std::vector<Place> missing;

  engine::LeasedMessage& at(Place place) { return leases[place.lease].messages[place.message]; }
};

// Events that are being read, in parts at the same time: where one event in a hundred is wanted, or the disk is cold, every
// one waits for the disk by itself.
struct QueueRunner::Reading {
  struct Wanted {
    Sequence sequence;
    bool edited = false;
    engine::RecordPtr record{};
  };
  std::vector<Wanted> wanted;
  std::function<void(const Result<void>&)> done;  // on the loop, whatever became of the queue
  std::size_t parts = 0;                          // that are under way; loop thread
  Result<void> status{};                          // the first error of a part; loop thread

  // In order, and with no more between them than they are.
  bool dense(std::size_t first, std::size_t end) const {
    for (std::size_t i = first + 1; i < end; ++i) {
      if (wanted[i].sequence <= wanted[i - 1].sequence) return false;
    }
    return end - first > 1 && wanted[end - 1].sequence.value - wanted[first].sequence.value < 2 * (end - first);
  }
};

void QueueRunner::hand_out(std::vector<LeaseDraft> drafts, engine::ReceiveCallback done) {
  auto fetched = std::make_shared<Fetch>();
  fetched->done = std::move(done);
  for (LeaseDraft& draft : drafts) {
    engine::Lease& lease = fetched->leases.emplace_back();
    lease.queue = id_;
    lease.id = draft.id;
    lease.group = draft.group;
    lease.deadline = draft.deadline;
    lease.messages.reserve(draft.items.size());
    for (const LeasedItem& item : draft.items) {
      engine::RecordPtr record = item.edited ? nullptr : in_memory(item.sequence);
      if (!record) {
        fetched->missing.push_back({fetched->leases.size() - 1, lease.messages.size()});
        record = placeholder(item.sequence);
      }
      engine::LeasedMessage& message = lease.messages.emplace_back();
      message.record = std::move(record);
      message.edited = item.edited;
      message.attempts = item.attempts;
      message.receive_count = item.receive_count;
      message.gap_before = item.gap_before;
      message.redriven = item.redriven;
      message.late = item.late;
      message.order = item.order;
      if (item.replay.value != 0) message.replay = item.replay;
    }
  }
  if (fetched->missing.empty()) {
    give(std::move(fetched));
  } else if (ahead_waiting_) {
    // It is what is being read just now, most likely.
    ahead_waiting_->push_back(std::move(fetched));
  } else {
    ahead_.asked();
    fetch(std::move(fetched));
  }
  read_ahead();
}

engine::RecordPtr QueueRunner::in_memory(Sequence sequence) {
  if (const TailEntry* entry = context_.shared.tail.find(sequence)) return entry->record;
  return ahead_.take(sequence);
}

void QueueRunner::read(const std::shared_ptr<Reading>& reading, std::size_t part_least) {
  const std::size_t count = reading->wanted.size();
  reading->parts = std::clamp<std::size_t>(count / part_least, 1, kPartsMax);
  for (std::size_t part = 0, first = 0, parts = reading->parts; part < parts; ++part) {
    const std::size_t end = count * (part + 1) / parts;
    context_.reads.run([reading, first, end, id = id_, &store = context_.store, &loop = context_.loop] {
      Result<void> status = read_part(store, id, *reading, first, end);
      loop.post([reading, status = std::move(status)] {
        if (!status.ok() && reading->status.ok()) reading->status = status;
        if (--reading->parts == 0) reading->done(reading->status);
      });
    });
    first = end;
  }
}

// Read thread. Of several at once, each with its own events.
Result<void> QueueRunner::read_part(const store::Store& store, base::QueueId id, Reading& reading, std::size_t first,
                                    std::size_t end) {
  if (reading.dense(first, end)) return walk_part(store, id, reading, first, end);
  std::vector<std::string> keys;
  for (std::size_t i = first; i < end; ++i) keys.push_back(sequence_key(reading.wanted[i].sequence));
  TRUNKLINE_TRY(const auto values, store.multi_get(handle(Table::log), {keys.begin(), keys.end()}));
  for (std::size_t i = 0; i < keys.size(); ++i) {
    Reading::Wanted& wanted = reading.wanted[first + i];
    TRUNKLINE_TRY(wanted.record, read_event(store, id, wanted.sequence, wanted.edited, values[i]));
  }
  return {};
}

// The same by walking the log, for events that stand in it side by side: a fraction of the time of looking each of them up.
Result<void> QueueRunner::walk_part(const store::Store& store, base::QueueId id, Reading& reading, std::size_t first,
                                    std::size_t end) {
  const Sequence last = reading.wanted[end - 1].sequence;
  const auto at = store.seek(handle(Table::log), sequence_key(reading.wanted[first].sequence),
                             sequence_key({last.value + 1}), store::Walk::near);
  for (std::size_t i = first; i < end; ++i) {
    Reading::Wanted& wanted = reading.wanted[i];
    while (at->valid() && sequence_of(at->key()) < wanted.sequence) at->next();
    if (!at->valid()) TRUNKLINE_TRY_VOID(at->status());
    std::optional<std::string_view> value;
    if (at->valid() && sequence_of(at->key()) == wanted.sequence) value = at->value();
    TRUNKLINE_TRY(wanted.record, read_event(store, id, wanted.sequence, wanted.edited, value));
  }
  return {};
}

void QueueRunner::fetch(std::shared_ptr<Fetch> fetched) {
  auto reading = std::make_shared<Reading>();
  for (const Fetch::Place place : fetched->missing) {
    const engine::LeasedMessage& message = fetched->at(place);
    reading->wanted.push_back({message.record->sequence, message.edited});
  }
  reading->done = [weak = weak_from_this(), epoch = epoch_, fetched,
                   read = std::weak_ptr(reading)](const Result<void>& status) {
    const auto self = weak.lock();
    if (!self || !self->running_ || self->epoch_ != epoch) return fetched->done(reopened_meanwhile());
    if (!status.ok()) return self->give_back(*fetched, status.error());
    const auto done = read.lock();
    for (std::size_t i = 0; i < fetched->missing.size(); ++i)
      fetched->at(fetched->missing[i]).record = std::move(done->wanted[i].record);
    self->give(fetched);
  };
  read(reading, kFetchPart);
}

// ---- of what nobody has asked for yet

// Of a standard queue, whose next events stand in the log side by side. In an ordered one the next of a lane may be far.
void QueueRunner::read_ahead() {
  if (ahead_waiting_ || !ahead_.wants_more() || spec_.order != event::Order::none) return;
  std::vector<Sequence> next = core_->next_ready(ReadAhead::kEvents, ReadAhead::kBytes);
  std::erase_if(next, [this](Sequence sequence) { return context_.shared.tail.find(sequence) != nullptr; });
  auto reading = std::make_shared<Reading>();
  for (const Sequence sequence : ahead_.keep(next)) reading->wanted.push_back({sequence});
  if (reading->wanted.empty()) return;
  ahead_waiting_ = std::make_shared<std::vector<std::shared_ptr<Fetch>>>();
  reading->done = [weak = weak_from_this(), epoch = epoch_, waiting = ahead_waiting_,
                   read = std::weak_ptr(reading)](const Result<void>&) {
    const auto self = weak.lock();
    if (!self || !self->running_ || self->epoch_ != epoch) {
      for (const auto& fetched : *waiting) fetched->done(reopened_meanwhile());
      return;
    }
    self->ahead_waiting_.reset();
    for (Reading::Wanted& each : read.lock()->wanted) {
      if (each.record) self->ahead_.put(std::move(each.record));
    }
    for (const auto& fetched : *waiting) self->fetch_rest(fetched);
    self->read_ahead();
  };
  read(reading, kAheadPart);
}

// What was not read ahead is read by itself, and tells of errors by itself.
void QueueRunner::fetch_rest(const std::shared_ptr<Fetch>& fetched) {
  std::erase_if(fetched->missing, [&](Fetch::Place place) {
    engine::LeasedMessage& message = fetched->at(place);
    engine::RecordPtr record = message.edited ? nullptr : in_memory(message.record->sequence);
    if (!record) return false;
    message.record = std::move(record);
    return true;
  });
  if (fetched->missing.empty()) return give(fetched);
  fetch(fetched);
}

// The bodies cannot be read: the lanes back off, spending nothing.
void QueueRunner::give_back(Fetch& fetched, const Error& error) {
  base::log::error("events cannot be read from the store; their lanes wait", "queue", spec_.name, "error",
                   error.detail);
  // Backwards: of several of a group with a lease each the first one backs off alone.
  for (std::size_t at = fetched.leases.size(); at-- > 0;) {
    const engine::Lease& lease = fetched.leases[at];
    const bool follows = at > 0 && fetched.leases[at - 1].group == lease.group;
    std::vector<engine::MessageFate> fates(lease.messages.size());
    for (std::size_t i = 0; i < fates.size(); ++i) {
      const bool blocks = (i == 0 && !follows) || spec_.order == event::Order::none;
      fates[i].fate = blocks ? engine::Fate::retry : engine::Fate::release;
      // A replay has no claim on history that is gone.
      if (blocks && lease.messages[i].replay) fates[i].fate = engine::Fate::drop;
      fates[i].delay = options_.unreadable_pause;
      fates[i].attempts = lease.messages[i].attempts;
      fates[i].error_class = "store_" + std::string(base::name(error.code));
      fates[i].error_detail = error.detail;
    }
    if (const auto settled = core_->settle(lease.id, fates, now()); !settled.ok()) {
      base::log::warn("a lease stays until its time is over", "queue", spec_.name, "why", settled.error().detail);
    }
  }
  fetched.done(error);
  pump_later();
}

void QueueRunner::give(std::shared_ptr<Fetch> fetched) {
  if (!spec_.pulled) {
    // Later, never inside the caller's receive() or settle().
    return fetched->done(std::move(fetched->leases));
  }
  // A pulled lease is durable before it is seen.
  waiters_.push_back([fetched](Result<void> written) {
    if (written.ok()) return fetched->done(std::move(fetched->leases));
    fetched->done(written.error());
  });
  flush_soon();
}

}  // namespace trunkline::queue
