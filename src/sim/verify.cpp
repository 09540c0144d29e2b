#include "sim/verify.hpp"

#include <algorithm>

#include "sim/event_bytes.hpp"

namespace trunkline::sim {
namespace {

constexpr std::string_view kOffenceNames[] = {"lost",        "repeated", "foreign",   "misrouted",       "out of order",
                                              "overlapping", "changed",  "ambiguous", "not quarantined", "quarantined"};
static_assert(std::size(kOffenceNames) == kOffences);

struct CategoryRule {
  std::string_view prefix;
  std::string_view part;  // must stand somewhere behind the prefix
  std::string_view category;
};
// The first rule that fits decides.
constexpr CategoryRule kCategories[] = {
    {"v2.detail.events.conversation.", "", "conversation"},
    {"v2.detail.events.agent.", "", "agent"},
    {"v2.users.", ".workforcemanagement.", "wfm"},
    {"v2.workforcemanagement.", "", "wfm"},
    {"v2.users.", ".conversationsummary", "agent"},
    {"v2.users.", ".conversations", "conversation"},
    {"v2.users.", ".", "agent"},
    {"v2.analytics.queues.", "", "queue"},
    {"v2.routing.queues.", ".users", "queue"},
    {"v2.routing.queues.", ".conversations", "conversation"},
    {"v2.analytics.", "", "analytics"},
    {"v2.conversations.", ".transcription", "speech"},
    {"v2.speechandtextanalytics.", "", "speech"},
    {"v2.quality.evaluations", "", "quality"},
    {"v2.audits.", "", "audit"},
    {"v2.operations.", "", "operations"},
    {"v2.outbound.", "", "outbound"},
};

std::string_view text(const base::Hash128& hash) {
  return base::view(hash);
}

}  // namespace

std::string_view name(Offence offence) {
  return kOffenceNames[static_cast<std::size_t>(offence)];
}

std::string_view category_of(std::string_view topic_name) {
  for (const CategoryRule& rule : kCategories) {
    if (!topic_name.starts_with(rule.prefix)) continue;
    if (topic_name.find(rule.part, rule.prefix.size()) != std::string_view::npos) return rule.category;
  }
  return "unknown";
}

bool Verifier::is_routed(std::string_view topic) const {
  if (rules_.topics.empty() && rules_.categories.empty()) return true;
  for (const std::string& prefix : rules_.topics) {
    if (topic.starts_with(prefix)) return true;
  }
  return std::find(rules_.categories.begin(), rules_.categories.end(), category_of(topic)) != rules_.categories.end();
}

std::uint64_t Verifier::lane_of(const AcceptedLine& line) const {
  std::string_view id;
  switch (rules_.order) {
    case LaneKind::none:
      return 0;
    case LaneKind::conversation:
      id = line.conversation;
      break;
    case LaneKind::agent:
      id = line.user;
      break;
    case LaneKind::queue:
      id = line.queue;
      break;
    case LaneKind::topic:
      break;
  }
  // 172 of 242 topics name no conversation: their lane is the topic.
  std::string lane(line.org);
  lane += id.empty() ? "\ttopic\t" : "\tid\t";
  lane += id.empty() ? line.topic : id;
  return base::hash64(lane);
}

void Verifier::add_accepted(const AcceptedLine& line) {
  ++report_.accepted_lines;
  if (line.verdict == "given_up") {
    ++report_.given_up;
    given_up_.push_back(line.hash);
    return;
  }
  if (line.verdict == "duplicate") ++report_.duplicates;
  if (line.verdict == "quarantined") {
    ++report_.quarantined;
    if (!line.malformed) offend(Offence::quarantined, 0, line.hash, line.envelope_id);
    return;
  }
  if (line.malformed) offend(Offence::not_quarantined, line.sequence, line.hash, line.envelope_id);
  if (line.sequence == 0) return;
  entries_.push_back(
      {line.sequence, line.hash, lane_of(line), is_routed(line.topic), line.verdict != "duplicate", false});
}

void Verifier::finish_accepted() {
  std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
    return a.sequence != b.sequence ? a.sequence < b.sequence : a.promised_itself > b.promised_itself;
  });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const Entry entry = entries_[i];
    if (kept == 0 || entries_[kept - 1].sequence != entry.sequence) {
      entries_[kept++] = entry;
      continue;
    }
    const Entry& first = entries_[kept - 1];
    if (first.hash == entry.hash) continue;
    if (first.promised_itself && !entry.promised_itself) continue;  // a twin's answer; the promised bytes are known
    if (entry.promised_itself) offend(Offence::ambiguous, entry.sequence, entry.hash);
    alternatives_.emplace(entry.sequence, entry.hash);
  }
  entries_.resize(kept);
  std::sort(given_up_.begin(), given_up_.end());
  report_.stored = kept;
  for (const Entry& entry : entries_) report_.routed += entry.routed;
}

void Verifier::index_by_hash() {
  by_hash_.resize(entries_.size());
  for (std::uint32_t i = 0; i < by_hash_.size(); ++i) by_hash_[i] = i;
  std::sort(by_hash_.begin(), by_hash_.end(),
            [this](std::uint32_t a, std::uint32_t b) { return entries_[a].hash < entries_[b].hash; });
}

Verifier::Entry* Verifier::find(const DeliveredLine& line) {
  if (line.sequence != 0) {
    const auto found =
        std::lower_bound(entries_.begin(), entries_.end(), line.sequence,
                         [](const Entry& entry, std::uint64_t sequence) { return entry.sequence < sequence; });
    return found != entries_.end() && found->sequence == line.sequence ? &*found : nullptr;
  }
  if (by_hash_.empty()) index_by_hash();
  const auto found = std::lower_bound(
      by_hash_.begin(), by_hash_.end(), line.hash,
      [this](std::uint32_t position, const base::Hash128& hash) { return entries_[position].hash < hash; });
  return found != by_hash_.end() && entries_[*found].hash == line.hash ? &entries_[*found] : nullptr;
}

bool Verifier::same_bytes(const Entry& entry, const base::Hash128& hash) const {
  if (entry.hash == hash) return true;
  const auto [from, to] = alternatives_.equal_range(entry.sequence);
  return std::any_of(from, to, [&hash](const auto& other) { return other.second == hash; });
}

void Verifier::check_lane(const Entry& entry, const DeliveredLine& line) {
  if (rules_.order == LaneKind::none || (rules_.skips_allowed && line.redriven)) return;
  Lane& lane = lanes_[entry.lane];
  if (entry.sequence < lane.last_sequence) {
    offend(Offence::out_of_order, entry.sequence, entry.hash, line.envelope_id);
    return;
  }
  const bool other_request = line.arrival != lane.last_arrival;
  if (!rules_.overlap_allowed && line.arrival != 0 && other_request && line.arrival < lane.last_answered) {
    offend(Offence::overlapping, entry.sequence, entry.hash, line.envelope_id);
  }
  lane = {entry.sequence, line.arrival, line.answered};
}

void Verifier::add_delivered(const DeliveredLine& line) {
  if (!rules_.consumers.empty() &&
      std::find(rules_.consumers.begin(), rules_.consumers.end(), line.consumer) == rules_.consumers.end()) {
    return;
  }
  ++report_.delivered_lines;
  Entry* entry = find(line);
  if (entry == nullptr) {
    if (std::binary_search(given_up_.begin(), given_up_.end(), line.hash)) {
      ++report_.unconfirmed;
    } else {
      offend(Offence::foreign, line.sequence, line.hash, line.envelope_id);
    }
    return;
  }
  if (!same_bytes(*entry, line.hash)) offend(Offence::changed, entry->sequence, line.hash, line.envelope_id);
  if (!entry->routed) return offend(Offence::misrouted, entry->sequence, line.hash, line.envelope_id);
  if (entry->delivered) return offend(Offence::repeated, entry->sequence, line.hash, line.envelope_id);
  entry->delivered = true;
  ++report_.delivered;
  check_lane(*entry, line);
}

void Verifier::offend(Offence offence, std::uint64_t sequence, const base::Hash128& hash,
                      std::string_view envelope_id) {
  const std::uint64_t count = ++report_.offences[static_cast<std::size_t>(offence)];
  if (count <= rules_.offenders_max) report_.offenders.push_back({offence, sequence, hash, std::string(envelope_id)});
}

VerifyReport Verifier::finish() {
  for (const Entry& entry : entries_) {
    if (entry.routed && !entry.delivered) offend(Offence::lost, entry.sequence, entry.hash);
  }
  report_.lanes = lanes_.size();
  std::uint64_t bad = 0;
  for (std::size_t i = 0; i < kOffences; ++i) {
    const bool allowed = static_cast<Offence>(i) == Offence::repeated && rules_.repeats_allowed;
    if (!allowed) bad += report_.offences[i];
  }
  report_.holds = bad == 0;
  return std::move(report_);
}

namespace {

DeliveredLine from_json_line(std::string_view line, std::uint64_t number) {
  const OwnBytes own = own_bytes(line);
  DeliveredLine delivered;
  // A file has one writer: a line is a request of its own, answered before the next.
  delivered.arrival = 2 * number;
  delivered.answered = 2 * number + 1;
  delivered.sequence = own.sequence;
  delivered.hash = base::hash128(own.closed ? joined(own) : std::string(own.head));
  delivered.envelope_id = envelope_id(own.head);
  return delivered;
}

// The ids of offenders are looked up in a second reading, so that the first keeps 45 bytes per event.
base::Result<void> name_offenders(VerifyReport& report, const std::string& accepted) {
  if (report.offenders.empty()) return {};
  std::unordered_multimap<std::uint64_t, Offender*> wanted;
  for (Offender& offender : report.offenders) {
    if (offender.sequence != 0) wanted.emplace(offender.sequence, &offender);
  }
  return for_each_line(accepted, [&wanted](std::string_view raw, std::uint64_t) -> base::Result<void> {
    TRUNKLINE_TRY(const AcceptedLine line, parse_accepted(raw));
    const auto [from, to] = wanted.equal_range(line.sequence);
    for (auto found = from; found != to; ++found) {
      Offender& offender = *found->second;
      const bool same = text(offender.hash) == text(line.hash);
      if (offender.envelope_id.empty() || same) {
        offender.envelope_id = std::string(line.envelope_id) + " " + std::string(line.topic);
      }
    }
    return {};
  });
}

}  // namespace

base::Result<VerifyReport> verify_files(const VerifyRules& rules, const std::string& accepted,
                                        const std::string& delivered) {
  Verifier verifier(rules);
  TRUNKLINE_TRY_VOID(for_each_line(accepted, [&](std::string_view raw, std::uint64_t) -> base::Result<void> {
    TRUNKLINE_TRY(const AcceptedLine line, parse_accepted(raw));
    verifier.add_accepted(line);
    return {};
  }));
  verifier.finish_accepted();
  TRUNKLINE_TRY_VOID(for_each_line(delivered, [&](std::string_view raw, std::uint64_t number) -> base::Result<void> {
    if (raw.front() == '{') {
      verifier.add_delivered(from_json_line(raw, number));
      return {};
    }
    TRUNKLINE_TRY(const DeliveredLine line, parse_delivered(raw));
    verifier.add_delivered(line);
    return {};
  }));
  VerifyReport report = verifier.finish();
  TRUNKLINE_TRY_VOID(name_offenders(report, accepted));
  return report;
}

}  // namespace trunkline::sim
