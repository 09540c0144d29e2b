#include "watch/alarms.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.hpp"
#include "json/document.hpp"
#include "json/writer.hpp"

namespace trunkline::watch {
namespace {

using base::Errc;
using base::WallTime;

constexpr std::array<std::string_view, kAlarms> kNames = {
    "oldest_age",   "time_to_expiry", "blocked_lanes",       "failed_deliveries", "expired",
    "breaker_open", "budget",         "source_silent",       "refusing",          "disk",
    "quarantined",  "conflicts",      "refused_credentials", "certificate_expiry"};

std::string key_of(Alarm alarm, std::string_view subject) {
  return fmt::format("{}/{}", name(alarm), subject);
}

bool beyond(const Reading& reading) {
  return reading.below ? *reading.value <= reading.limit : *reading.value >= reading.limit;
}
// Between the limit and this an open alarm stays open and a closed one closed.
bool clearly_within(const Reading& reading) {
  if (reading.below) return *reading.value > reading.limit * (1 + reading.slack);
  return *reading.value < reading.limit && *reading.value <= reading.limit * (1 - reading.slack);
}

std::string cut(std::string_view text) {
  if (text.size() <= kDetailMax) return std::string(text);
  std::size_t end = kDetailMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end));
}

void write(json::Writer& writer, const Incident& incident) {
  writer.begin_object().member("id", incident.id).member("alarm", name(incident.alarm));
  writer.member("subject", incident.subject).member("opened_at", base::format_time(incident.opened_at));
  if (incident.resolved_at) writer.member("resolved_at", base::format_time(*incident.resolved_at));
  writer.key("value").number(incident.value).key("limit").number(incident.limit);
  writer.member("detail", incident.detail).member("outcome", incident.outcome);
  writer.member("opening_told", incident.opening_told).member("resolve_told", incident.resolve_told).end_object();
}

base::Result<Incident> read(json::Value object) {
  const base::Error bad{Errc::corrupt, "the record of an alarm is unreadable"};
  if (!object.is(json::Type::object)) return bad;
  Incident incident;
  const auto alarm = alarm_named(object.string_at("alarm"));
  const auto opened_at = base::parse_time(object.string_at("opened_at"));
  incident.id = object.string_at("id");
  if (!alarm || !opened_at || incident.id.empty()) return bad;
  incident.alarm = *alarm;
  incident.opened_at = *opened_at;
  incident.subject = object.string_at("subject");
  incident.resolved_at = base::parse_time(object.string_at("resolved_at"));
  const auto number = [&](std::string_view member) {
    const auto value = object.find(member);
    return value ? value->number().value_or(0) : 0;
  };
  const auto flag = [&](std::string_view member) {
    const auto value = object.find(member);
    return value && value->boolean();
  };
  incident.value = number("value");
  incident.limit = number("limit");
  incident.detail = object.string_at("detail");
  incident.outcome = object.string_at("outcome");
  incident.opening_told = flag("opening_told");
  incident.resolve_told = flag("resolve_told");
  return incident;
}

}  // namespace

std::string_view name(Alarm alarm) {
  return kNames[static_cast<std::size_t>(alarm)];
}

std::optional<Alarm> alarm_named(std::string_view name) {
  const auto found = std::ranges::find(kNames, name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Alarm>(found - kNames.begin());
}

std::string_view scope_of(Alarm alarm) {
  if (alarm < Alarm::source_silent) return "consumer";
  return alarm == Alarm::source_silent ? "source" : "hub";
}

std::string Incident::key() const {
  return key_of(alarm, subject);
}

std::string encode(const Incident& incident) {
  std::string out;
  json::Writer writer(out);
  write(writer, incident);
  return out;
}

base::Result<Incident> decode_incident(std::string_view bytes) {
  json::Document document;
  TRUNKLINE_TRY(const json::Value root, document.parse(bytes));
  return read(root);
}

std::string encode(const std::vector<Incident>& incidents) {
  std::string out;
  json::Writer writer(out);
  writer.begin_array();
  for (const Incident& incident : incidents) write(writer, incident);
  writer.end_array();
  return out;
}

base::Result<std::vector<Incident>> decode_incidents(std::string_view bytes) {
  json::Document document;
  TRUNKLINE_TRY(const json::Value root, document.parse(bytes));
  std::vector<Incident> incidents;
  for (auto item = root.first(); item; item = item->next()) {
    TRUNKLINE_TRY(Incident incident, read(*item));
    incidents.push_back(std::move(incident));
  }
  return incidents;
}

AlarmBook::AlarmBook(std::vector<Incident> open, std::vector<Incident> recent) : recent_(std::move(recent)) {
  for (Incident& incident : open) {
    std::string key = incident.key();
    open_[std::move(key)] = {std::move(incident), {}, true};
  }
  if (recent_.size() > kRecentMax) recent_.resize(kRecentMax);
}

AlarmBook::Changes AlarmBook::observe(const std::vector<Reading>& readings, base::Millis resolve_after,
                                      const Now& now) {
  Changes changes;
  std::map<std::string_view, bool> read;
  std::vector<std::string> keys;
  keys.reserve(readings.size());
  for (const Reading& reading : readings) {
    const std::string& key = keys.emplace_back(key_of(reading.alarm, reading.subject));
    read[key] = true;
    if (!reading.value || std::isnan(*reading.value)) continue;
    const auto found = open_.find(key);
    if (found == open_.end()) {
      if (!beyond(reading)) continue;
      Incident incident;
      incident.id = fmt::format("{}-{}-{}", name(reading.alarm), reading.subject.empty() ? "hub" : reading.subject,
                                now.wall.time_since_epoch().count());
      incident.alarm = reading.alarm;
      incident.subject = reading.subject;
      incident.opened_at = now.wall;
      incident.value = *reading.value;
      incident.limit = reading.limit;
      incident.detail = cut(reading.detail);
      changes.opened.push_back(incident);
      open_[key] = {std::move(incident), {}, false};
      continue;
    }
    Open& open = found->second;
    Incident& incident = open.incident;
    incident.value =
        reading.below ? std::min(incident.value, *reading.value) : std::max(incident.value, *reading.value);
    if (!clearly_within(reading)) {
      open.within_since.reset();
      continue;
    }
    if (!open.within_since) open.within_since = now.mono;
    const base::Millis wanted = open.restored ? std::max(resolve_after, reading.memory) : resolve_after;
    if (now.mono - *open.within_since >= wanted) resolve(open, "within the limit again", now, changes);
  }
  for (auto& [key, open] : open_) {
    if (!open.incident.resolved_at && !read.contains(key)) resolve(open, "no longer watched", now, changes);
  }
  std::erase_if(open_, [](const auto& entry) { return entry.second.incident.resolved_at.has_value(); });
  return changes;
}

void AlarmBook::resolve(Open& open, std::string outcome, const Now& now, Changes& changes) {
  open.incident.resolved_at = now.wall;
  open.incident.outcome = std::move(outcome);
  changes.resolved.push_back(open.incident);
  // A crash may have left it in both lists.
  std::erase_if(recent_, [&](const Incident& former) { return former.id == open.incident.id; });
  recent_.insert(recent_.begin(), open.incident);
  if (recent_.size() > kRecentMax) recent_.pop_back();
}

bool AlarmBook::told(const std::string& id, bool resolve) {
  const auto mark = [&](Incident& incident) {
    if (incident.id != id) return false;
    (resolve ? incident.resolve_told : incident.opening_told) = true;
    return true;
  };
  for (auto& [key, open] : open_) {
    if (mark(open.incident)) return true;
  }
  return std::ranges::any_of(recent_, mark);
}

std::vector<Incident> AlarmBook::open() const {
  std::vector<Incident> incidents;
  for (const auto& [key, open] : open_) incidents.push_back(open.incident);
  return incidents;
}

std::optional<Incident> AlarmBook::find(const std::string& id) const {
  for (const auto& [key, open] : open_) {
    if (open.incident.id == id) return open.incident;
  }
  const auto found = std::ranges::find(recent_, id, &Incident::id);
  if (found == recent_.end()) return std::nullopt;
  return *found;
}

std::uint64_t Growth::add(std::uint64_t total, base::Millis window, base::MonoTime now) {
  const std::uint64_t grown = total >= total_ ? total - total_ : total;
  total_ = total;
  if (grown > 0) {
    const base::Millis slot = window / kSlots;
    if (slots_.empty() || now - slots_.back().at >= slot) slots_.push_back({now, 0});
    slots_.back().count += grown;
  }
  std::erase_if(slots_, [&](const Slot& slot) { return now - slot.at >= window; });
  // A window that was made shorter leaves old slots, and one that was made longer makes no more than these.
  if (slots_.size() > kSlots + 1) slots_.erase(slots_.begin());
  std::uint64_t sum = 0;
  for (const Slot& slot : slots_) sum += slot.count;
  return sum;
}

}  // namespace trunkline::watch
