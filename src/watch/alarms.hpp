#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace trunkline::watch {

struct Now {
  base::WallTime wall;
  base::MonoTime mono;
};

enum class Alarm : std::uint8_t {
  // of a consumer
  oldest_age,
  time_to_expiry,
  blocked_lanes,
  failed_deliveries,
  expired,
  breaker_open,
  budget,
  // of a source
  source_silent,
  // of the hub
  refusing,
  disk,
  quarantined,
  conflicts,
  refused_credentials,
  certificate_expiry,
};
inline constexpr std::size_t kAlarms = 14;
std::string_view name(Alarm alarm);  // its enumerator
std::optional<Alarm> alarm_named(std::string_view name);
// "consumer", "source", "hub"
std::string_view scope_of(Alarm alarm);

// One alarm's value at one moment.
struct Reading {
  Alarm alarm{};
  std::string subject;          // the consumer or source; empty for the hub
  std::optional<double> value;  // nothing: not known now, which neither raises nor resolves
  double limit = 0;             // raised at the limit and beyond
  bool below = false;           // beyond is below
  std::string detail;           // for people: what is wrong, with its numbers
  // For what is counted over a window: a restart forgets the count, so that an incident from before it is resolved no
  // sooner than a whole window after it.
  base::Millis memory{0};
  double slack = 0.2;  // the share of the limit that is between "beyond" and "clearly within"
};

struct Incident {
  std::string id;  // "oldest_age-crm-1772460000000": one for as long as it lasts, also over restarts
  Alarm alarm{};
  std::string subject;
  base::WallTime opened_at{};
  std::optional<base::WallTime> resolved_at;
  double value = 0;  // the worst so far
  double limit = 0;
  std::string detail;   // when it was raised, at most kDetailMax bytes
  std::string outcome;  // why it is resolved; empty while it is open
  // Whether the webhook has taken it, or has been given up on.
  bool opening_told = false;
  bool resolve_told = false;

  std::string key() const;  // "oldest_age/crm"
};
inline constexpr std::size_t kDetailMax = 200;

std::string encode(const Incident& incident);
base::Result<Incident> decode_incident(std::string_view bytes);
std::string encode(const std::vector<Incident>& incidents);
base::Result<std::vector<Incident>> decode_incidents(std::string_view bytes);

// Which alarms are open: readings in, incidents out. Each incident is opened once and resolved once, however often its
// value crosses the limit: it is resolved when the value has been clearly within the limit (by a fifth of it) for
// `resolve_after`, or when nobody reads it any more (the alarm was switched off, its consumer is gone). Durations are
// by the monotonic clock: a wall clock that jumps opens and resolves nothing. Pure; not thread-safe.
//
// Bounds: one incident per alarm and subject, which the configuration bounds; kRecentMax resolved ones.
class AlarmBook {
 public:
  // What was open, and what was resolved lately, as of the last run.
  AlarmBook(std::vector<Incident> open, std::vector<Incident> recent);

  struct Changes {
    std::vector<Incident> opened;
    std::vector<Incident> resolved;
  };
  // All readings there are: an open incident that is not among them is resolved.
  Changes observe(const std::vector<Reading>& readings, base::Millis resolve_after, const Now& now);

  // The webhook has taken the opening, or the resolve, or was given up on. False: no such incident (any more).
  bool told(const std::string& id, bool resolve);

  std::vector<Incident> open() const;                              // by key
  const std::vector<Incident>& recent() const { return recent_; }  // newest first
  std::optional<Incident> find(const std::string& id) const;

  static constexpr std::size_t kRecentMax = 100;

 private:
  struct Open {
    Incident incident;
    std::optional<base::MonoTime> within_since;
    bool restored = false;
  };
  void resolve(Open& open, std::string outcome, const Now& now, Changes& changes);

  std::map<std::string, Open> open_;  // by key
  std::vector<Incident> recent_;
};

// How much a counter has grown within a sliding window of time, to a sixtieth of it. Counters begin at zero when the
// process does. Not thread-safe.
class Growth {
 public:
  std::uint64_t add(std::uint64_t total, base::Millis window, base::MonoTime now);

 private:
  static constexpr std::size_t kSlots = 60;
  struct Slot {
    base::MonoTime at;
    std::uint64_t count = 0;
  };
  std::uint64_t total_ = 0;
  std::vector<Slot> slots_;
};

}  // namespace trunkline::watch
