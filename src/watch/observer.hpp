#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "watch/alarms.hpp"
#include "watch/hours.hpp"

namespace trunkline::watch {

// What is seen of a hub at one moment. Counts are since the start of the process.
struct ConsumerSight {
  std::string name;
  std::optional<base::Millis> oldest_age;  // nothing: nothing waits
  base::Millis max_wait{};
  std::uint64_t waiting = 0;
  std::uint64_t blocked_lanes = 0;
  std::uint64_t failed = 0;  // parked, dead-lettered, dropped
  std::uint64_t expired = 0;
  bool downstream_out = false;
  std::string last_error;
  std::uint64_t budget = 0;  // requests; 0: it has none
  std::uint64_t budget_used = 0;
  std::string budget_until;  // in words, when it is used up
  bool rests_until = false;  // rests, and it is known until when
};
struct SourceSight {
  std::string name;
  std::uint64_t events = 0;
};
struct HubSight {
  bool ready = true;
  std::string reason;  // why not ready
  std::uint64_t disk_bytes = 0;
  std::uint64_t disk_budget_bytes = 0;  // 0: none
  std::uint64_t quarantined = 0;
  std::uint64_t conflicts = 0;
  std::uint64_t refused_credentials = 0;
  std::optional<base::WallTime> certificate_not_after;
  std::vector<ConsumerSight> consumers;
  std::vector<SourceSight> sources;
};

// Zero switches an alarm off. What each means is in docs/config.md, under `alarms`.
struct ConsumerLimits {
  base::Millis oldest_age{};
  base::Millis time_to_expiry{};
  std::uint64_t blocked_lanes = 0;
  std::uint64_t failed_deliveries = 0;
  std::uint64_t expired = 0;
  base::Millis breaker_open{};
  std::uint64_t budget_percent = 0;
};
struct Limits {
  std::map<std::string, ConsumerLimits> consumers;
  std::map<std::string, base::Millis> silent_after;  // of the sources that have one
  bool source_silence = false;                       // by the usual hour
  base::Millis refusing{};
  std::uint64_t disk_percent = 0;
  std::uint64_t quarantined = 0;
  std::uint64_t conflicts = 0;
  std::uint64_t refused_credentials = 0;
  base::Millis certificate_expiry{};
  base::Millis window = std::chrono::hours(1);
  base::Millis resolve_after = std::chrono::minutes(1);
};

// Sights to readings. Keeps what one look does not show: since when a downstream is out, how much a counter has grown,
// the usual hours of the sources. Bounded by the configuration's consumers and sources. Pure; not thread-safe.
class Observer {
 public:
  // About once a second.
  std::vector<Reading> read(const HubSight& hub, const Limits& limits, const Now& now);

  // Sources of which the last read() has learned an hour.
  const std::vector<std::string>& learned() const { return learned_; }
  SourceHours& hours(const std::string& source) { return sources_[source]; }

 private:
  struct Seen {
    std::optional<base::MonoTime> out_since;
    std::optional<base::MonoTime> rested;  // when it was last seen at rest
    Growth failed;
    Growth expired;
  };
  void read_consumer(const ConsumerSight& consumer, const ConsumerLimits& limits, const Limits& all, const Now& now);
  void read_budget(const ConsumerSight& consumer, const ConsumerLimits& limits);
  void read_sources(const HubSight& hub, const Limits& limits, const Now& now);
  void read_hub(const HubSight& hub, const Limits& limits, const Now& now);
  void add(Alarm alarm, const std::string& subject, std::optional<double> value, double limit, std::string detail,
           bool below = false, base::Millis memory = {});

  std::vector<Reading> readings_;
  std::vector<std::string> learned_;
  std::map<std::string, Seen> consumers_;
  std::map<std::string, SourceHours> sources_;
  std::optional<base::MonoTime> refusing_since_;
  Growth quarantined_;
  Growth conflicts_;
  Growth refused_credentials_;
};

}  // namespace trunkline::watch
