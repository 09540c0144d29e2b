#include "simulation/oracle.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace trunkline::simulation {
namespace {

using base::MonoTime;
using delivery::OnExhausted;
using engine::PublishVerdict;

constexpr std::size_t kFindingsMax = 20;
// A settle is on disk this long after it at the latest, on a disk that takes seconds for a commit.
constexpr base::Millis kSettled(15'000);

}  // namespace

Oracle::Oracle(const Plan& plan, const Traffic& traffic, const base::Clock& clock, Trace& trace, Report& report)
    : plan_(plan), traffic_(traffic), clock_(clock), trace_(trace), report_(report), consumers_(plan.consumers.size()) {
  for (std::size_t i = 0; i < consumers_.size(); ++i) {
    consumers_[i].plan = &plan_.consumers[i];
    consumers_[i].open.resize(1);
  }
}

void Oracle::blame(std::string rule, std::string text) {
  trace_.add("FINDING", Trace::kNobody);
  if (findings_.size() < kFindingsMax) findings_.push_back({std::move(rule), std::move(text)});
}

void Oracle::fired(Kind kind) {
  ++report_.fired[static_cast<std::size_t>(kind)];
  ++unfollowed_[static_cast<std::size_t>(kind)];
}

std::string Oracle::text(std::uint32_t consumer, std::uint64_t sequence) const {
  std::string out = fmt::format("event {} at {}", sequence, plan_.consumers[consumer].name);
  if (const auto known = by_sequence_.find(sequence); known != by_sequence_.end())
    out += fmt::format(" (number {}.{})", known->second.number, known->second.version);
  return out;
}

// ---- senders

void Oracle::filters_are(const std::vector<std::size_t>& filters, const std::vector<bool>& begun) {
  filters_ = filters;
  begun_ = begun;
}

std::uint64_t Oracle::sending(EventKey key, std::uint32_t copy) {
  events_[key].copied = events_[key].copied || copy != 0;
  const Traits traits = traffic_.traits(key.number);
  Routes routes = 0;
  for (std::size_t i = 0; i < filters_.size(); ++i) {
    if (begun_[i] && filter_case(filters_[i]).wants(traits)) routes |= 1u << i;
  }
  std::vector<Routes>& attempts = events_[key].attempts;
  if (std::find(attempts.begin(), attempts.end(), routes) == attempts.end()) attempts.push_back(routes);
  return newest_answered_;
}

void Oracle::answered(EventKey key, const engine::PublishResult& result, std::uint64_t floor) {
  Event& event = events_.at(key);
  trace_.add(result.verdict == PublishVerdict::failed ? "refused" : "answered", Trace::kSenders, key.number,
             result.sequence);
  const std::string which = fmt::format("event {}.{}", key.number, key.version);
  if (result.verdict == PublishVerdict::failed) {
    if (!trouble_) blame("publish", which + " was refused while the disk was well: " + result.error->detail);
    return;
  }
  const auto other = events_.find({key.number, 1 - key.version});
  const bool other_sent = other != events_.end();
  // Answers of one commit come in any order; sequences say what was first. In another envelope an event may share no
  // identity with the other body.
  const std::uint64_t other_at =
      other_sent ? other->second.stored.value_or(other->second.answered.value_or(UINT64_MAX)) : UINT64_MAX;
  if (result.verdict == PublishVerdict::quarantined) {
    blame("I2", which + " was quarantined");
  } else if (result.verdict == PublishVerdict::duplicate) {
    if (event.answered && *event.answered != result.sequence)
      blame("I5", fmt::format("{} is a duplicate of {}, but was answered {}", which, result.sequence, *event.answered));
  } else {
    // The answer to a repeat in the same commit may come first.
    if (event.answered && *event.answered != result.sequence)
      blame("I5", fmt::format("{} was stored twice: {} and {}", which, *event.answered, result.sequence));
    if (result.sequence <= floor)
      blame("I3", fmt::format("{} got {}, but {} was answered before it was sent", which, result.sequence, floor));
    if (result.verdict == PublishVerdict::conflict && !other_sent) blame("I5", which + " is in conflict with nothing");
    if (result.verdict == PublishVerdict::accepted && other_at < result.sequence && !event.copied &&
        !other->second.copied)
      blame("I5", which + " is not marked as a conflict");
  }
  if (!event.answered) unproven_.push_back(key);
  event.answered = result.sequence;
  newest_answered_ = std::max(newest_answered_, result.sequence);
}

void Oracle::garbage_answered(const engine::PublishResult& result) {
  if (result.verdict == PublishVerdict::quarantined) {
    if (!quarantined_.insert(result.sequence).second) blame("I2", "a quarantine id was given twice");
  } else if (result.verdict != PublishVerdict::failed) {
    blame("I2", "what is no event was not quarantined");
  } else if (!trouble_) {
    blame("publish", "garbage was refused while the disk was well: " + result.error->detail);
  }
}

// ---- the log

void Oracle::audit(const engine::Record& record) {
  const std::uint64_t sequence = record.sequence.value;
  if (sequence <= audited_to_) return blame("I1", fmt::format("the log goes backwards at {}", sequence));
  audited_to_ = sequence;
  const auto key = key_of(record.event.raw);
  const auto found = key ? events_.find(*key) : events_.end();
  if (found == events_.end()) return blame("I1", fmt::format("record {} was never sent", sequence));
  Event& event = found->second;
  const std::string which = fmt::format("event {}.{}", key->number, key->version);
  if (event.stored) blame("I5", fmt::format("{} is in the log twice: {} and {}", which, *event.stored, sequence));
  event.stored = sequence;
  by_sequence_[sequence] = *key;
  bool same = false;
  for (std::uint32_t copy = 0; copy < 4 && !same; ++copy) same = traffic_.bytes(*key, copy) == record.event.raw;
  if (!same) blame("I4", fmt::format("{} is stored with other bytes", which));
  Routes routes = 0;
  for (const base::QueueId queue : record.routes) routes |= 1u << consumer_of_.at(queue);
  if (std::find(event.attempts.begin(), event.attempts.end(), routes) == event.attempts.end())
    blame("I2", fmt::format("{} is routed to {:b}, which no filter said", which, routes));
  ++report_.events;
  const Traits traits = traffic_.traits(key->number);
  for (std::uint32_t i = 0; i < consumers_.size(); ++i) {
    if ((routes >> i & 1) == 0) continue;
    Consumer& consumer = consumers_[i];
    Item& item = consumer.items[sequence];
    item.stretch = audited_stretch_;
    item.accepted_ms = record.accepted_at.time_since_epoch().count();
    if (consumer.plan->order == event::Order::none) continue;
    const auto [lane, fresh] =
        consumer.lanes.try_emplace(traits.lane(consumer.plan->order), static_cast<std::uint32_t>(consumer.open.size()));
    if (fresh) consumer.open.emplace_back();
    item.lane = lane->second;
    item.event_ms = engine::event_time(record).time_since_epoch().count();
    if (consumer.plan->event_time_window.count() > 0) continue;  // its place is that of its first send
    item.place = sequence;
    consumer.open[item.lane].emplace(sequence, sequence);
  }
}

void Oracle::audit_done() {
  for (const EventKey& key : unproven_) {
    const Event& event = events_.at(key);
    if (!event.stored || *event.stored != *event.answered)
      blame("I1", fmt::format("event {}.{} was answered {}, but is not in the log", key.number, key.version,
                              *event.answered));
  }
  unproven_.clear();
  audited_stretch_ = walls_.size() - 1;
  for (const Taken& each : std::exchange(deferred_, {})) took(each.consumer, each.sequence, each.bytes);
}

// ---- delivery

bool Oracle::exhausted(const Consumer& consumer, const Item& item) const {
  // A receive is counted on disk before it is answered: a crash in between is a receive that nobody has seen.
  const std::size_t unseen = consumer.plan->sink == SinkKind::pulled ? troubles_.size() : 0;
  return item.rejections + unseen >= consumer.plan->options.max_attempts;
}

bool Oracle::may_have_expired(const Consumer& consumer, const Item& item) const {
  std::int64_t latest = clock_.wall().time_since_epoch().count();
  for (std::size_t i = item.stretch; i < walls_.size(); ++i) latest = std::max(latest, walls_[i]);
  return latest - item.accepted_ms >= consumer.plan->max_wait.count();
}

bool Oracle::excused(const Consumer& consumer, Item& item) const {
  if (item.purged || consumer.removed || may_have_expired(consumer, item)) return true;
  const bool passes = consumer.plan->options.exhausted() != OnExhausted::park;
  item.skipped = item.skipped || (passes && exhausted(consumer, item));
  return item.skipped;
}

// A settle was forgotten with its commit; or the store was opened anew meanwhile, and what was leased before that is
// still held, and sent, beside the lease of after.
bool Oracle::explained(const Item& item) const {
  const MonoTime leased_at = one_lease_ ? item.leased_at : std::min(item.leased_at, item.first_leased_at);
  return std::any_of(troubles_.begin(), troubles_.end(), [&](const auto& trouble) {
    return trouble.first <= item.settled_at && trouble.second >= leased_at;
  });
}

void Oracle::leased(std::uint32_t consumer, std::uint64_t sequence) {
  Item& item = consumers_[consumer].items[sequence];
  item.first_leased_at = std::min(item.first_leased_at, clock_.mono());
}

void Oracle::know(std::uint64_t sequence) {
  if (sequence > audited_to_ && audit_) audit_();
}

std::uint64_t Oracle::flight_begins(std::uint32_t index, const std::vector<engine::LeasedMessage>& messages) {
  Consumer& consumer = consumers_[index];
  const std::uint64_t flight = next_flight_++;
  for (const engine::LeasedMessage& message : messages) {
    const std::uint64_t sequence = message.record->sequence.value;
    know(sequence);
    const std::uint32_t lane = consumer.items[sequence].lane;
    if (lane == 0 || !one_lease_) continue;
    const auto [other, fresh] = consumer.flying.try_emplace(lane, flight);
    if (!fresh && other->second != flight)
      blame("I3", text(index, sequence) + " is sent while something of its lane is under way");
  }
  return flight;
}

void Oracle::flight_ends(std::uint32_t consumer, std::uint64_t flight) {
  std::erase_if(consumers_[consumer].flying, [flight](const auto& lane) { return lane.second == flight; });
}

void Oracle::hub_gone() {
  one_lease_ = true;
  for (Consumer& consumer : consumers_) consumer.flying.clear();
}

void Oracle::sent(std::uint32_t index, const engine::LeasedMessage& message) {
  Consumer& consumer = consumers_[index];
  const std::uint64_t sequence = message.record->sequence.value;
  know(sequence);
  trace_.add(message.replay ? "replay" : "send", index, sequence, message.attempts);
  if (consumer.paused) blame("pause", text(index, sequence) + " was sent while paused");
  Item& item = consumer.items[sequence];
  item.replayed = message.replay.has_value();
  if (item.replayed) return;
  if (message.attempts > item.rejections)
    blame("attempts", fmt::format("{} has {} attempts, but was rejected {} times", text(index, sequence),
                                  message.attempts, item.rejections));
  if (message.redriven && !exhausted(consumer, item))
    blame("attempts", text(index, sequence) + " was redriven, but its attempts had not run out");
  if (std::exchange(item.settled, false) && !explained(item))
    blame("settle", text(index, sequence) + " comes again after it was settled");
  check_window(index, message, item);
  check_gap(index, message, item);
}

void Oracle::check_window(std::uint32_t index, const engine::LeasedMessage& message, Item& item) {
  Consumer& consumer = consumers_[index];
  if (consumer.plan->event_time_window.count() == 0 || item.lane == 0) return;
  const std::uint64_t sequence = message.record->sequence.value;
  if (item.place != 0) {
    if (item.order != message.order)
      blame("I3", fmt::format("{} has another place than when it was sent first: {}, not {}", text(index, sequence),
                              message.order, item.order));
    return;
  }
  item.place = ++consumer.sends;
  item.order = message.order;
  if (!item.purged && item.taken == 0) consumer.open[item.lane].emplace(item.place, sequence);
  auto& latest = consumer.latest[item.lane];
  const std::pair<std::int64_t, std::uint64_t> time{item.event_ms, sequence};
  if (time < latest && !message.late)
    blame("I3", fmt::format("{} is sent behind {} and does not say that it is late", text(index, sequence),
                            text(index, latest.second)));
  latest = std::max(latest, time);
}

void Oracle::check_gap(std::uint32_t index, const engine::LeasedMessage& message, const Item& item) {
  if (!message.gap_before) return;
  Consumer& consumer = consumers_[index];
  const auto gap = consumer.items.find(message.gap_before->value);
  const bool known = gap != consumer.items.end() && gap->second.lane == item.lane && excused(consumer, gap->second);
  if (!known && !trouble_)
    blame("I3", fmt::format("{} says that {} was skipped before it", text(index, message.record->sequence.value),
                            message.gap_before->value));
}

void Oracle::pulled(std::uint32_t index, const engine::LeasedMessage& message) {
  const std::uint64_t sequence = message.record->sequence.value;
  know(sequence);
  trace_.add("pulled", index, sequence, message.receive_count);
  Item& item = consumers_[index].items[sequence];
  item.replayed = message.replay.has_value();
  if (item.replayed) return;
  item.rejections = std::max(item.rejections, message.receive_count);
  if (item.proven) blame("settle", text(index, sequence) + " comes again after its settle was answered");
  check_window(index, message, item);
  check_gap(index, message, item);
}

void Oracle::proven(std::uint32_t consumer, std::uint64_t sequence) {
  trace_.add("proven", consumer, sequence);
  consumers_[consumer].items[sequence].proven = true;
}

void Oracle::settled(std::uint32_t index, std::uint64_t sequence, const engine::MessageFate& fate, MonoTime leased_at) {
  Item& item = consumers_[index].items[sequence];
  trace_.add("settle", index, sequence, static_cast<std::uint64_t>(fate.fate));
  item.leased_at = leased_at;
  item.settled_at = clock_.mono();
  item.settled = fate.fate == engine::Fate::delivered;
}

void Oracle::verdict(std::uint32_t index, std::uint64_t sequence, delivery::Verdict verdict) {
  Item& item = consumers_[index].items[sequence];
  trace_.add("verdict", index, sequence, static_cast<std::uint64_t>(verdict));
  if (verdict == delivery::Verdict::rejected || verdict == delivery::Verdict::retry) ++item.rejections;
  if (verdict != delivery::Verdict::delivered) return;
  if (item.taken == 0 && by_sequence_.contains(sequence))
    blame("I2", text(index, sequence) + " counts as delivered, but was not taken");
}

void Oracle::took(std::uint32_t consumer, std::uint64_t sequence, std::string_view bytes) {
  if (sequence > audited_to_ && !(audit_ && audit_())) {
    deferred_.push_back({consumer, sequence, std::string(bytes)});
    return;
  }
  take(consumer, sequence, bytes);
}

void Oracle::take(std::uint32_t index, std::uint64_t sequence, std::string_view bytes) {
  Consumer& consumer = consumers_[index];
  const auto known = by_sequence_.find(sequence);
  const auto found = consumer.items.find(sequence);
  if (known == by_sequence_.end() || found == consumer.items.end())
    return blame("I1", fmt::format("{} was taken, but is not in the log", text(index, sequence)));
  Item& item = found->second;
  trace_.add("take", index, sequence, item.taken);
  if (key_of(bytes) != known->second) blame("I4", text(index, sequence) + " has the bytes of another");
  if (item.lane == 0 && consumer.plan->order != event::Order::none)
    blame("I2", text(index, sequence) + " is not routed there");
  const bool first = item.taken++ == 0;
  if (!first) {
    ++report_.repeats;
    return;
  }
  if (item.replayed && !excused(consumer, item))
    return blame("replay", text(index, sequence) + " was replayed before it was taken");
  ++report_.deliveries;
  for (std::size_t i = 0; i < kKinds; ++i) report_.followed[i] += std::exchange(unfollowed_[i], 0);
  if (item.lane != 0 && !item.replayed) check_order(consumer, sequence, item);
}

void Oracle::check_order(Consumer& consumer, std::uint64_t sequence, const Item& item) {
  std::map<std::uint64_t, std::uint64_t>& open = consumer.open[item.lane];
  while (!open.empty() && open.begin()->first < item.place) {
    const std::uint64_t front = open.begin()->second;
    if (!excused(consumer, consumer.items.at(front))) {
      const auto index = static_cast<std::uint32_t>(&consumer - consumers_.data());
      blame("I3", fmt::format("{} overtook {}", text(index, sequence), text(index, front)));
    }
    open.erase(open.begin());
  }
  open.erase(item.place);
}

// ---- operators

void Oracle::listed(std::uint32_t consumer, const engine::DeadLetter& letter) {
  ++report_.dead_letters;
  const std::uint64_t sequence = letter.sequence.value;
  const auto found = consumers_[consumer].items.find(sequence);
  if (found == consumers_[consumer].items.end())
    return blame("I2", text(consumer, sequence) + " is a dead letter, but was never routed there");
  if (!exhausted(consumers_[consumer], found->second))
    blame("attempts", fmt::format("{} is a dead letter, but was rejected {} times", text(consumer, sequence),
                                  found->second.rejections));
}

void Oracle::purging(std::uint32_t consumer, std::uint64_t sequence) {
  trace_.add("purging", consumer, sequence);
  Consumer& of = consumers_[consumer];
  Item& item = of.items[sequence];
  item.purged = true;
  if (item.lane != 0) of.open[item.lane].erase(item.place);
}

void Oracle::removing(std::uint32_t consumer) {
  trace_.add("removing", consumer);
  consumers_[consumer].removed = true;
}

// ---- time

void Oracle::clock_jumps(const std::function<void()>& jump) {
  walls_.back() = std::max(walls_.back(), clock_.wall().time_since_epoch().count());
  jump();
  walls_.push_back(clock_.wall().time_since_epoch().count());
}

void Oracle::expired(std::uint32_t index, std::uint64_t total) {
  Consumer& consumer = consumers_[index];
  for (; consumer.expired < total; ++consumer.expired) fired(Kind::expired);
}

// ---- faults

void Oracle::trouble_begins() {
  trouble_ = true;
  one_lease_ = false;
  troubles_.emplace_back(clock_.mono() - kSettled, MonoTime::max());
}

void Oracle::trouble_ends() {
  trouble_ = false;
  for (auto& [from, to] : troubles_) to = std::min(to, clock_.mono());
}

// ---- the end

// It ended without having been taken, and not by its age.
bool Oracle::passed(const Consumer& consumer, const Item& item) const {
  const bool dropped = consumer.plan->options.exhausted() == OnExhausted::drop && exhausted(consumer, item);
  return item.purged || dropped;
}

bool Oracle::ended(const Consumer& consumer, const Item& item) const {
  return consumer.removed || item.taken > 0 || passed(consumer, item) || may_have_expired(consumer, item);
}

std::size_t Oracle::unfinished(std::uint32_t consumer) const {
  const auto& items = consumers_[consumer].items;
  return static_cast<std::size_t>(std::count_if(
      items.begin(), items.end(), [&](const auto& item) { return !ended(consumers_[consumer], item.second); }));
}

ConsumerTally Oracle::tally(std::uint32_t index) const {
  const Consumer& consumer = consumers_[index];
  ConsumerTally tally{consumer.lanes.size(), consumer.items.size(), 0, 0};
  for (const auto& [sequence, item] : consumer.items) {
    tally.taken += item.taken > 0 ? 1 : 0;
    tally.rejected += item.rejections > 0 ? 1 : 0;
  }
  return tally;
}

// What was never taken has expired, is counted as that, and nothing else is.
void Oracle::check_expired(std::uint32_t index) {
  const Consumer& consumer = consumers_[index];
  if (consumer.removed) return;
  std::uint64_t least = 0;
  std::uint64_t most = 0;
  for (const auto& [sequence, item] : consumer.items) {
    if (!may_have_expired(consumer, item)) continue;
    ++most;
    if (item.taken == 0 && !passed(consumer, item)) ++least;
  }
  if (consumer.expired < least || consumer.expired > most)
    blame("I2", fmt::format("{} counts {} expired; {} were never taken, {} are old enough", consumer.plan->name,
                            consumer.expired, least, most));
}

void Oracle::finish() {
  for (const auto& [key, event] : events_) {
    if (event.answered && !event.stored) blame("I1", fmt::format("event {}.{} was lost", key.number, key.version));
  }
  for (std::uint32_t i = 0; i < consumers_.size(); ++i) {
    std::vector<std::uint64_t> lost;
    for (const auto& [sequence, item] : consumers_[i].items) {
      if (!ended(consumers_[i], item)) lost.push_back(sequence);
    }
    check_expired(i);
    std::sort(lost.begin(), lost.end());
    if (!lost.empty())
      blame("I8", fmt::format("{} events did not come to an end, the first: {}", lost.size(), text(i, lost.front())));
  }
}

}  // namespace trunkline::simulation
