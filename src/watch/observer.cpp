#include "watch/observer.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"

namespace trunkline::watch {
namespace {

using base::Millis;

double in_seconds(Millis duration) {
  return std::chrono::duration<double>(duration).count();
}
// "12s", "3m 20s", "2h 5m", "4d 1h"
std::string text(Millis duration) {
  const auto seconds = std::max<std::int64_t>(duration.count(), 0) / 1000;
  const std::int64_t minutes = seconds / 60;
  if (minutes == 0) return fmt::format("{}s", seconds);
  if (minutes < 60) return fmt::format("{}m {}s", minutes, seconds % 60);
  if (minutes < 24 * 60) return fmt::format("{}h {}m", minutes / 60, minutes % 60);
  return fmt::format("{}d {}h", minutes / (24 * 60), minutes / 60 % 24);
}
Millis since(const std::optional<base::MonoTime>& begin, const Now& now) {
  return begin ? std::chrono::floor<Millis>(now.mono - *begin) : Millis(0);
}
// How long something bad lasts. While it lasts, but not yet for the limit, nothing is said: a restart begins to count
// anew, and must neither resolve what was open before nor open it twice.
std::optional<double> lasting(bool bad, Millis since, Millis limit) {
  if (!bad) return 0;
  if (since < limit) return std::nullopt;
  return in_seconds(since);
}
void remember(std::optional<base::MonoTime>& begin, bool holds, const Now& now) {
  if (!holds) begin.reset();
  if (holds && !begin) begin = now.mono;
}

}  // namespace

void Observer::add(Alarm alarm, const std::string& subject, std::optional<double> value, double limit,
                   std::string detail, bool below, Millis memory) {
  readings_.push_back({alarm, subject, value, limit, below, std::move(detail), memory});
}

std::vector<Reading> Observer::read(const HubSight& hub, const Limits& limits, const Now& now) {
  readings_.clear();
  learned_.clear();
  const ConsumerLimits none;
  for (const ConsumerSight& consumer : hub.consumers) {
    const auto found = limits.consumers.find(consumer.name);
    const ConsumerLimits& of = found == limits.consumers.end() ? none : found->second;
    read_consumer(consumer, of, limits, now);
    read_budget(consumer, of);
  }
  std::erase_if(consumers_, [&](const auto& entry) {
    return std::ranges::find(hub.consumers, entry.first, &ConsumerSight::name) == hub.consumers.end();
  });
  read_sources(hub, limits, now);
  read_hub(hub, limits, now);
  return readings_;
}

void Observer::read_consumer(const ConsumerSight& consumer, const ConsumerLimits& limits, const Limits& all,
                             const Now& now) {
  Seen& seen = consumers_[consumer.name];
  if (consumer.rests_until) seen.rested = now.mono;
  remember(seen.out_since, consumer.downstream_out, now);
  const auto failed = seen.failed.add(consumer.failed, all.window, now.mono);
  const auto expired = seen.expired.add(consumer.expired, all.window, now.mono);
  const Millis age = consumer.oldest_age.value_or(Millis(0));
  if (limits.oldest_age.count() > 0) {
    // While it rests by agreement, and for as long afterwards as it may be behind at any other time.
    const bool excused = seen.rested && now.mono - *seen.rested < limits.oldest_age;
    add(Alarm::oldest_age, consumer.name, excused ? std::nullopt : std::optional(in_seconds(age)),
        in_seconds(limits.oldest_age),
        fmt::format("the oldest of {} waiting events is {} old", consumer.waiting, text(age)));
  }
  if (limits.time_to_expiry.count() > 0) {
    const Millis left = std::max(consumer.max_wait - age, Millis(0));
    const Millis limit = std::min(limits.time_to_expiry, consumer.max_wait / 4);
    add(Alarm::time_to_expiry, consumer.name, in_seconds(consumer.oldest_age ? left : consumer.max_wait),
        in_seconds(limit), fmt::format("the oldest of {} waiting events expires in {}", consumer.waiting, text(left)),
        true);
  }
  if (limits.blocked_lanes > 0) {
    add(Alarm::blocked_lanes, consumer.name, static_cast<double>(consumer.blocked_lanes),
        static_cast<double>(limits.blocked_lanes),
        fmt::format("{} lanes back off or are parked; last error {}", consumer.blocked_lanes, consumer.last_error));
  }
  if (limits.failed_deliveries > 0) {
    add(Alarm::failed_deliveries, consumer.name, static_cast<double>(failed),
        static_cast<double>(limits.failed_deliveries),
        fmt::format("{} events ran out of attempts within {}; last error {}", failed, text(all.window),
                    consumer.last_error),
        false, all.window);
  }
  if (limits.expired > 0) {
    add(Alarm::expired, consumer.name, static_cast<double>(expired), static_cast<double>(limits.expired),
        fmt::format("{} events expired undelivered within {}", expired, text(all.window)), false, all.window);
  }
  if (limits.breaker_open.count() > 0) {
    const Millis out = since(seen.out_since, now);
    add(Alarm::breaker_open, consumer.name, lasting(consumer.downstream_out, out, limits.breaker_open),
        in_seconds(limits.breaker_open),
        fmt::format("the downstream has been out for {}; last error {}", text(out), consumer.last_error));
  }
}

void Observer::read_budget(const ConsumerSight& consumer, const ConsumerLimits& limits) {
  if (limits.budget_percent == 0 || consumer.budget == 0) return;
  const double percent = 100.0 * static_cast<double>(consumer.budget_used) / static_cast<double>(consumer.budget);
  const std::string end = consumer.budget_until.empty() ? "" : ", used up until " + consumer.budget_until;
  add(Alarm::budget, consumer.name, percent, static_cast<double>(limits.budget_percent),
      fmt::format("{} of {} requests of its budget are used{}", consumer.budget_used, consumer.budget, end));
}

void Observer::read_sources(const HubSight& hub, const Limits& limits, const Now& now) {
  for (const SourceSight& source : hub.sources) {
    SourceHours& hours = sources_[source.name];
    if (hours.observe(source.events, !hub.ready, now)) learned_.push_back(source.name);
    const auto after = limits.silent_after.find(source.name);
    const bool by_clock = after != limits.silent_after.end() && after->second.count() > 0;
    if (!by_clock && !limits.source_silence) continue;
    const Millis silence = hours.silence(now);
    if (!hub.ready) {  // that is our fault
      add(Alarm::source_silent, source.name, std::nullopt, 1, "");
    } else if (by_clock) {
      const bool said = hours.heard() || silence >= after->second;
      add(Alarm::source_silent, source.name, said ? std::optional(in_seconds(silence)) : std::nullopt,
          in_seconds(after->second), fmt::format("nothing has come for {}", text(silence)));
    } else {
      // A silence that begins with the process neither resolves what was open before, nor says anything for a while.
      std::optional<double> missing = hours.missing(now);
      if (hours.heard() && silence < SourceHours::kShortest) missing = 0;
      if (!hours.heard() && missing.value_or(0) < SourceHours::kSurely) missing.reset();
      add(Alarm::source_silent, source.name, missing, SourceHours::kSurely,
          fmt::format("nothing has come for {}, when usually at least {:.0f} events do", text(silence),
                      missing.value_or(0)));
    }
  }
  std::erase_if(sources_, [&](const auto& entry) {
    return std::ranges::find(hub.sources, entry.first, &SourceSight::name) == hub.sources.end();
  });
}

void Observer::read_hub(const HubSight& hub, const Limits& limits, const Now& now) {
  const auto counted = [&](Alarm alarm, Growth& growth, std::uint64_t total, std::uint64_t limit,
                           std::string_view what) {
    const std::uint64_t grown = growth.add(total, limits.window, now.mono);
    if (limit == 0) return;
    add(alarm, "", static_cast<double>(grown), static_cast<double>(limit),
        fmt::format("{} {} within {}", grown, what, text(limits.window)), false, limits.window);
  };
  counted(Alarm::quarantined, quarantined_, hub.quarantined, limits.quarantined, "inputs came into the quarantine");
  counted(Alarm::conflicts, conflicts_, hub.conflicts, limits.conflicts,
          "events had a known identity and another body");
  counted(Alarm::refused_credentials, refused_credentials_, hub.refused_credentials, limits.refused_credentials,
          "requests had no valid credential");
  remember(refusing_since_, !hub.ready, now);
  if (limits.refusing.count() > 0) {
    const Millis refusing = since(refusing_since_, now);
    add(Alarm::refusing, "", lasting(!hub.ready, refusing, limits.refusing), in_seconds(limits.refusing),
        fmt::format("events have been refused for {}: {}", text(refusing), hub.reason));
  }
  if (limits.disk_percent > 0 && hub.disk_budget_bytes > 0) {
    const double percent = 100.0 * static_cast<double>(hub.disk_bytes) / static_cast<double>(hub.disk_budget_bytes);
    add(Alarm::disk, "", percent, static_cast<double>(limits.disk_percent),
        fmt::format("the store takes {:.0f} % of its budget of {} MiB", percent, hub.disk_budget_bytes >> 20));
    readings_.back().slack = 0.05;
  }
  if (limits.certificate_expiry.count() > 0 && hub.certificate_not_after) {
    const Millis left = *hub.certificate_not_after - now.wall;
    add(Alarm::certificate_expiry, "", in_seconds(left), in_seconds(limits.certificate_expiry),
        left.count() > 0
            ? fmt::format("the certificate in tls.cert ends in {}", text(left))
            : fmt::format("the certificate in tls.cert ended at {}", base::format_time(*hub.certificate_not_after)),
        true);
  }
}

}  // namespace trunkline::watch
