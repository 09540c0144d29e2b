#include "delivery/scheduler.hpp"

#include <algorithm>

#include "base/failpoint.hpp"
#include "base/hash.hpp"

namespace trunkline::delivery {
namespace {

using base::Millis;
using base::MonoTime;
using engine::Fate;
using engine::MessageFate;

// Of windows: what waits for one comes again after it, and sooner or later not to another worker.
constexpr int kDecidedWithin = 6;

// Batch ids are unique in the process as long as the names' hashes differ in these bits.
std::uint64_t first_batch_id(const std::string& consumer) {
  return (base::hash64(consumer) << 40) + 1;
}

// The batch that one `refused` event stands alone in.
EventVerdict as_rejected(BatchVerdict& verdict) {
  EventVerdict event = verdict.events.empty() ? EventVerdict{} : std::move(verdict.events.front());
  event.verdict = Verdict::rejected;
  if (event.error_class.empty()) event.error_class = "refused";
  return event;
}

Millis longest_after(Millis so_far, const EventVerdict& verdict) {
  return std::max(so_far, verdict.after.value_or(Millis(0)));
}

}  // namespace

Scheduler::Scheduler(std::string consumer, Options options, const Statistics& carried)
    : consumer_(std::move(consumer)),
      options_(options),
      breaker_(options),
      bucket_(options.rate, options.burst > 0 ? options.burst : options.rate),
      budget_(options.budget),
      random_(options.seed),
      notes_(options.notes_max),
      next_batch_(first_batch_id(consumer_) + carried.batches_sent),
      statistics_(carried) {}

// ---- leases

void Scheduler::on_leases(std::vector<engine::Lease> leases, Now now) {
  receiving_ = false;
  cancelling_ = false;
  for (engine::Lease& lease : leases) hold(std::move(lease), now);
  if (!accepting()) release_pending(0);
  if (breaker_.state() == BreakerState::half_open) release_pending(1);
}

void Scheduler::on_receive_failed(const base::Error& error, Now now) {
  const bool asked_for = cancelling_ && error.code == base::Errc::cancelled;
  receiving_ = false;
  cancelling_ = false;
  if (asked_for) return;
  ++statistics_.receive_failures;
  receive_not_before_ = now.mono + options_.receive_again_after;
}

void Scheduler::hold(engine::Lease lease, Now now) {
  if (lease.messages.empty()) return;
  if (free_held_.empty()) {
    free_held_.push_back(static_cast<std::uint32_t>(held_.size()));
    held_.emplace_back();
  }
  const std::uint32_t slot = free_held_.back();
  free_held_.pop_back();
  Held& held = held_[slot];
  const auto count = static_cast<std::uint32_t>(lease.messages.size());
  held.id = lease.id;
  held.group = lease.group.value;
  held.arrived = now.mono;
  held.messages = std::move(lease.messages);
  held.fates.resize(count);
  held.open = count;
  held.cut = false;
  leased_ += count;
  Slice slice{slot, 0, 0};
  for (std::uint32_t index = 0; index < count; ++index) {
    const Item item{slot, index};
    if (!exhausted(item, now)) {
      slice.end = index + 1;
      continue;
    }
    // In a lane only the head can be decided; what stands behind something that is yet to be sent comes again.
    const bool decide = !options_.ordered || index == 0;
    add_pending(slice);
    slice = {slot, index + 1, index + 1};
    if (decide) decide_exhausted(item);
    if (!options_.ordered) continue;
    for (std::uint32_t rest = decide ? index + 1 : index; rest < count; ++rest) release({slot, rest});
    return;
  }
  add_pending(slice);
}

void Scheduler::add_pending(const Slice& slice) {
  if (slice.begin == slice.end) return;
  pending_.push_back(slice);
  pending_messages_ += slice.end - slice.begin;
  for (std::uint32_t index = slice.begin; index < slice.end; ++index) pending_bytes_ += bytes_of({slice.held, index});
}

// Another worker may have had the event since, and parked it. When it comes here again it has been redriven, and begins
// anew, whatever is remembered of it here.
bool Scheduler::exhausted(const Item& item, Now now) {
  const engine::LeasedMessage& leased = message(item);
  const Note* note = notes_.find(leased.record->sequence);
  if (note == nullptr || !note->exhausted) return false;
  const bool old = shared_ && now.mono - note->exhausted_at > kDecidedWithin * options_.breaker_window;
  if (note->redriven == leased.redriven && !old) return true;
  notes_.erase(leased.record->sequence);
  return false;
}

void Scheduler::decide_exhausted(const Item& item) {
  Note* note = notes_.find(message(item).record->sequence);
  MessageFate fate;
  fate.attempts = attempts_of(item) + 1;
  fate.error_class = std::move(note->error_class);
  fate.error_detail = std::move(note->error_detail);
  switch (options_.exhausted()) {
    case OnExhausted::park:
      fate.fate = Fate::park;
      ++statistics_.parked;
      break;
    case OnExhausted::skip:
      fate.fate = Fate::skip;
      ++statistics_.skipped;
      break;
    case OnExhausted::drop:
      fate.fate = Fate::drop;
      ++statistics_.dropped;
      break;
  }
  notes_.erase(message(item).record->sequence);
  set_fate(item, std::move(fate));
}

std::uint32_t Scheduler::attempts_of(const Item& item) {
  const engine::LeasedMessage& leased = message(item);
  const Note* note = notes_.find(leased.record->sequence);
  return note == nullptr ? leased.attempts : leased.attempts - std::min(note->refund, leased.attempts);
}

std::uint64_t Scheduler::lane_of(const Item& item) const {
  return options_.ordered ? held_[item.held].group : message(item).record->sequence.value;
}

// ---- fates

void Scheduler::set_fate(const Item& item, MessageFate fate) {
  Held& held = held_[item.held];
  held.fates[item.index] = std::move(fate);
  if (--held.open > 0) return;
  settle_.push_back({held.id, std::move(held.fates)});
  leased_ -= held.messages.size();
  held.messages.clear();
  held.fates.clear();
  free_held_.push_back(item.held);
}

void Scheduler::release(const Item& item) {
  MessageFate fate;
  fate.fate = Fate::release;
  ++statistics_.released;
  set_fate(item, std::move(fate));
}

void Scheduler::release_pending(std::size_t keep) {
  std::deque<Slice> slices;
  slices.swap(pending_);
  pending_messages_ = 0;
  pending_bytes_ = 0;
  for (const Slice& slice : slices) {
    const std::uint32_t kept = std::min(static_cast<std::uint32_t>(keep), slice.end - slice.begin);
    keep -= kept;
    if (kept > 0) add_pending({slice.held, slice.begin, slice.begin + kept});
    for (std::uint32_t index = slice.begin + kept; index < slice.end; ++index) release({slice.held, index});
  }
}

void Scheduler::release_later(Flight& flight) {
  for (; !flight.later.empty(); flight.later.pop_back()) {
    const auto [begin, end] = flight.later.back();
    for (std::uint32_t i = begin; i < end; ++i) release(flight.items[i]);
  }
}

void Scheduler::release_unsent() {
  release_pending(0);
  std::deque<Flight> waiting;
  waiting.swap(resend_);
  for (Flight& flight : waiting) release_later(flight);
}

void Scheduler::pause() {
  paused_ = true;
  release_unsent();
}

void Scheduler::resume() {
  paused_ = false;
}

void Scheduler::drain() {
  draining_ = true;
  release_unsent();
}

void Scheduler::on_budget_stored(bool ok, Now now) {
  budget_.stored(ok);
  if (!ok) budget_not_before_ = now.mono + options_.receive_again_after;
}

void Scheduler::on_breaker_stored(NoteStored outcome, Now now) {
  if (shared_) shared_->stored(outcome, now);
}

void Scheduler::on_breaker_seen(const BreakerNote& note, Now now) {
  if (!shared_) return;
  switch (shared_->seen(note, now)) {
    case SharedBreaker::News::none:
      break;
    case SharedBreaker::News::opened:
      if (note.by_lanes) give_back(now.mono);
      break;
    case SharedBreaker::News::closed:
      outage_over();
      break;
  }
  if (!accepting()) release_unsent();
}

void Scheduler::outage_over() {
  ++retry_epoch_;
  failed_probes_ = 0;
}

void Scheduler::abandon() {
  std::unordered_map<std::uint64_t, Flight> flights;
  flights.swap(flights_);
  for (auto& [id, flight] : flights) {
    flight.later.push_back(flight.range);
    release_later(flight);
  }
  events_in_flight_ = 0;
  probes_ = 0;
}

// ---- verdicts

void Scheduler::on_verdict(std::uint64_t batch, BatchVerdict verdict, Now now) {
  auto node = flights_.extract(batch);
  if (node.empty()) return;
  Flight& flight = node.mapped();
  const std::uint32_t size = flight.range.second - flight.range.first;
  events_in_flight_ -= size;
  if (verdict.refused) ++statistics_.refused_batches;
  if (verdict.refused && size > 1) {
    if (!verdict.events.empty()) {
      note_error(verdict.events.front(), now);
      flight.not_before =
          now.mono + std::min(longest_after(Millis(0), verdict.events.front()), options_.retry_after_max);
    }
    divide(flight, verdict.suspect);
  } else if (verdict.refused) {
    apply(flight, {as_rejected(verdict)}, now);
  } else {
    apply(flight, verdict.events, now);
  }
  if (flight.probe) --probes_;
  if (!accepting()) release_unsent();
  if (flight.later.empty()) return;
  if (accepting()) {
    resend_.push_back(std::move(flight));
  } else {
    release_later(flight);
  }
}

void Scheduler::divide(Flight& flight, std::optional<std::size_t> suspect) {
  const auto [begin, end] = flight.range;
  if (!suspect || *suspect >= end - begin) {
    const std::uint32_t middle = begin + (end - begin) / 2;
    flight.later.emplace_back(middle, end);
    flight.later.emplace_back(begin, middle);
    return;
  }
  const std::uint32_t named = begin + static_cast<std::uint32_t>(*suspect);
  if (named + 1 < end) flight.later.emplace_back(named + 1, end);
  flight.later.emplace_back(named, named + 1);
  if (begin < named) flight.later.emplace_back(begin, named);
}

void Scheduler::apply(Flight& flight, const std::vector<EventVerdict>& verdicts, Now now) {
  if (!flight.probe) measure(flight, verdicts, now);
  judge_downstream(flight, verdicts, now);
  // A sink that leaves events without a verdict does not know what became of them.
  static const EventVerdict kMissing{Verdict::unavailable, {}, "no_verdict", "the sink gave no verdict for this event"};
  for (std::uint32_t i = flight.range.first; i < flight.range.second; ++i) {
    const std::size_t at = i - flight.range.first;
    const EventVerdict& verdict = at < verdicts.size() ? verdicts[at] : kMissing;
    const Item item = flight.items[i];
    if (held_[item.held].cut) {
      release(item);
    } else if (verdict.verdict == Verdict::delivered) {
      deliver(item, now);
    } else {
      fail(flight, item, verdict, now);
    }
  }
}

// Before the downstream is judged: an outage that this batch shows is the breaker's matter.
void Scheduler::measure(const Flight& flight, const std::vector<EventVerdict>& verdicts, Now now) {
  const std::size_t events = flight.range.second - flight.range.first;
  const auto count = [&](Verdict wanted) {
    return static_cast<std::size_t>(std::ranges::count(verdicts, wanted, &EventVerdict::verdict));
  };
  if (verdicts.size() < events || count(Verdict::unavailable) > 0) return;
  ConcurrencyLimit::Ended ended;
  ended.era = flight.era;
  ended.events = events;
  ended.latency = std::chrono::duration_cast<Millis>(now.mono - flight.sent_at);
  const auto throttled = static_cast<std::size_t>(std::ranges::count_if(
      verdicts, [](const EventVerdict& each) { return each.verdict == Verdict::retry && !each.downstream_is_well; }));
  ended.good = count(Verdict::rejected) < events && throttled == 0;
  ended.throttled = 2 * throttled >= events;
  ended.in_flight = in_flight() + 1;
  breaker_.batch_ended(ended);
}

// Whether it is the downstream or the events is decided for the whole batch before any event's fate, since nothing may
// be spent on a batch that shows an outage.
void Scheduler::judge_downstream(const Flight& flight, const std::vector<EventVerdict>& verdicts, Now now) {
  const auto [begin, end] = flight.range;
  bool unavailable = verdicts.size() < end - begin;
  bool failed = unavailable;
  Millis after{0};
  std::uint32_t cut = UINT32_MAX;
  for (std::uint32_t i = begin; i < end && i - begin < verdicts.size(); ++i) {
    const Item item = flight.items[i];
    if (item.held == cut) continue;
    const EventVerdict& verdict = verdicts[i - begin];
    const bool waits = verdict.verdict == Verdict::retry && verdict.downstream_is_well;
    if (verdict.verdict == Verdict::delivered || waits) {
      // One outcome a lane: the last one of its events in this batch.
      const bool last = waits || i + 1 == end || !options_.ordered || flight.items[i + 1].held != item.held;
      if (waits && options_.ordered) cut = item.held;
      if (last && !flight.probe) breaker_.record(lane_of(item), false, now.mono);
      continue;
    }
    failed = true;
    unavailable = unavailable || verdict.verdict == Verdict::unavailable;
    after = longest_after(after, verdict);
    if (options_.ordered) cut = item.held;
    if (!flight.probe) breaker_.record(lane_of(item), true, now.mono);
  }
  const BreakerState before = breaker_.state();
  bool outage = false;
  if (flight.probe && failed) {
    breaker_.probe_failed(now, unavailable, after);
  } else if (flight.probe) {
    outage_over();
    breaker_.probe_delivered(now);
  } else if (breaker_.closed() && failed) {
    outage = breaker_.lanes_fail(now.mono);
    if (outage) give_back(now.mono);
    if (outage || unavailable) breaker_.open(now, after);
  }
  if (shared_ && breaker_.state() != before) shared_->changed(outage);
}

void Scheduler::give_back(MonoTime now) {
  for (const Spent& spent : spent_) {
    if (now - spent.at > options_.breaker_window) continue;
    ++statistics_.attempts_given_back;
    if (!spent.last) {
      ++notes_.make(spent.sequence).refund;
    } else if (Note* note = notes_.find(spent.sequence)) {
      note->exhausted = false;
    }
  }
  spent_.clear();
}

void Scheduler::deliver(const Item& item, Now now) {
  const engine::Record& record = *message(item).record;
  ++statistics_.delivered;
  statistics_.last_delivered_at = now.wall;
  const auto latency = std::max<std::int64_t>((now.wall - record.accepted_at).count(), 0);
  statistics_.latency_millis.add(static_cast<std::uint64_t>(latency), kLatencyBoundsMillis);
  notes_.erase(record.sequence);
  set_fate(item, MessageFate{});
}

void Scheduler::note_error(const EventVerdict& verdict, Now now) {
  statistics_.last_error_class = verdict.error_class;
  statistics_.last_error_detail = verdict.detail;
  statistics_.last_error_at = now.wall;
}

void Scheduler::fail(const Flight& flight, const Item& item, const EventVerdict& verdict, Now now) {
  note_error(verdict, now);
  held_[item.held].cut = options_.ordered;
  const std::uint32_t attempts = attempts_of(item);
  switch (verdict.verdict) {
    case Verdict::delivered:
      return;
    case Verdict::unavailable:
      ++statistics_.unavailable;
      if (base::failpoint::on("flaw.breaker_spends")) return spend(item, verdict, now);
      if (!flight.probe) return release(item);
      break;
    case Verdict::rejected:
      ++statistics_.rejected;
      if (flight.probe) break;
      return breaker_.closed() ? spend(item, verdict, now) : back_off(item, attempts, attempts + 1, verdict);
    case Verdict::retry: {
      ++statistics_.retry;
      if (flight.probe && !verdict.downstream_is_well) break;
      Note& note = notes_.make(message(item).record->sequence);
      if (note.retries == 0 || note.retry_epoch != retry_epoch_) {
        note.first_retry = now.mono;
        note.retry_epoch = retry_epoch_;
        note.retries = 0;
      }
      ++note.retries;
      const bool over = now.mono - note.first_retry >= options_.retry_for;
      return over && breaker_.closed() ? spend(item, verdict, now) : back_off(item, attempts, note.retries, verdict);
    }
  }
  // A probe: its lane stays away until after the next probe, which thereby takes another one; the longer the more
  // probes have failed, so that not even a handful of bad lanes that the engine prefers can be all that is ever probed.
  const Millis away = std::min(breaker_.open_time() * ++failed_probes_, options_.backoff_cap);
  EventVerdict later = verdict;
  later.after = std::max({verdict.after.value_or(Millis(0)), breaker_.open_time() + options_.backoff_base, away});
  back_off(item, attempts, 1, later);
}

void Scheduler::spend(const Item& item, const EventVerdict& verdict, Now now) {
  while (!spent_.empty() &&
         (now.mono - spent_.front().at > options_.breaker_window || spent_.size() >= options_.notes_max))
    spent_.pop_front();
  ++statistics_.attempts_spent;
  const base::Sequence sequence = message(item).record->sequence;
  const std::uint32_t attempts = attempts_of(item) + 1;
  if (attempts < options_.max_attempts) {
    spent_.push_back({sequence, now.mono, false});
    return back_off(item, attempts, attempts, verdict);
  }
  // Parking or skipping cannot be taken back, so it waits until an outage would have shown.
  spent_.push_back({sequence, now.mono, true});
  Note& note = notes_.make(sequence);
  note.exhausted = true;
  note.redriven = message(item).redriven;
  note.exhausted_at = now.mono;
  note.error_class = verdict.error_class;
  note.error_detail = verdict.detail;
  note.refund = 0;
  MessageFate fate{Fate::retry, options_.breaker_window, attempts - 1, verdict.error_class, verdict.detail};
  set_fate(item, std::move(fate));
}

void Scheduler::back_off(const Item& item, std::uint32_t attempts, std::uint32_t failures,
                         const EventVerdict& verdict) {
  Millis delay = backoff(options_.backoff_base, options_.backoff_cap, failures, random_);
  if (verdict.after) delay = std::max(delay, std::min(*verdict.after, options_.retry_after_max));
  if (Note* note = notes_.find(message(item).record->sequence)) note->refund = 0;
  set_fate(item, {Fate::retry, delay, attempts, verdict.error_class, verdict.detail});
}

Statistics Scheduler::statistics() const {
  Statistics result = statistics_;
  result.batches_in_flight = flights_.size();
  result.events_in_flight = events_in_flight_;
  result.events_leased = leased_;
  result.paused = paused_;
  result.breaker = breaker_.state();
  result.breaker_since = breaker_.since();
  result.breaker_opened += breaker_.opened();
  if (budget_.bounded()) result.budget = {budget_.limit(), budget_.used(), budget_until_};
  result.concurrency_limit = breaker_.concurrency();
  result.concurrency_fell_throttled += breaker_.limit().fell_throttled();
  result.concurrency_fell_latency += breaker_.limit().fell_latency();
  return result;
}

}  // namespace trunkline::delivery
