#include "drill/report.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "json/writer.hpp"

namespace trunkline::drill {
namespace {

using sim::Offence;

std::string how(const Kill& kill) {
  if (kill.point == kRandomPoint)
    return fmt::format("{} {} after {} ms", name(kill.mode), kill.point, kill.delay.count());
  if (kill.hold.count() == 0) return fmt::format("{} {}@{}", name(kill.mode), kill.point, kill.count);
  return fmt::format("{} {}@{}+{}", name(kill.mode), kill.point, kill.count, kill.hold.count());
}

// Figures of one point in one mode, in the order of the plan.
struct PointFigures {
  std::string point;
  Mode mode;
  std::uint64_t kills = 0;
  std::uint64_t reached = 0;
  std::uint64_t unanswered = 0;
  std::uint64_t batches = 0;
  base::Millis recovery_max{0};
};

std::vector<PointFigures> by_point(const Report& report) {
  std::vector<PointFigures> figures;
  for (const KillOutcome& outcome : report.kills) {
    const auto same = [&](const PointFigures& f) {
      return f.point == outcome.kill.point && f.mode == outcome.kill.mode;
    };
    auto found = std::find_if(figures.begin(), figures.end(), same);
    if (found == figures.end()) {
      figures.push_back({outcome.kill.point, outcome.kill.mode});
      found = figures.end() - 1;
    }
    ++found->kills;
    found->reached += outcome.reached ? 1 : 0;
    found->unanswered += outcome.unanswered;
    found->batches += outcome.batches;
    found->recovery_max = std::max(found->recovery_max, outcome.recovery.value_or(base::Millis(0)));
  }
  return figures;
}

std::uint64_t sum(const Report& report, Offence offence) {
  std::uint64_t total = 0;
  for (const ConsumerOutcome& consumer : report.consumers) total += consumer.report.count(offence);
  return total;
}

std::string offences_text(const ConsumerOutcome& consumer) {
  std::string text;
  for (std::size_t i = 0; i < sim::kOffences; ++i) {
    const auto offence = static_cast<Offence>(i);
    if (consumer.report.count(offence) == 0 || offence == Offence::repeated) continue;
    text += fmt::format("  {}: {} {}\n", consumer.name, consumer.report.count(offence), sim::name(offence));
    for (const sim::Offender& offender : consumer.report.offenders) {
      if (offender.offence == offence)
        text += fmt::format("    sequence {} {}\n", offender.sequence, offender.envelope_id);
    }
  }
  return text;
}

void write_kills(json::Writer& writer, const Report& report) {
  writer.key("points").begin_array();
  for (const PointFigures& point : by_point(report)) {
    writer.begin_object().member("point", point.point).member("mode", name(point.mode)).member("kills", point.kills);
    writer.member("reached", point.reached)
        .member("unanswered_events", point.unanswered)
        .member("batches_open", point.batches);
    writer.member("recovery_ms_max", static_cast<std::int64_t>(point.recovery_max.count())).end_object();
  }
  writer.end_array();
}

void write_consumers(json::Writer& writer, const Report& report) {
  writer.key("consumers").begin_array();
  for (const ConsumerOutcome& consumer : report.consumers) {
    const sim::VerifyReport& r = consumer.report;
    writer.begin_object().member("name", consumer.name).member("holds", r.holds).member("routed", r.routed);
    writer.member("delivered", r.delivered).member("lanes", r.lanes);
    writer.key("offences").begin_object();
    for (std::size_t i = 0; i < sim::kOffences; ++i) {
      writer.member(sim::name(static_cast<Offence>(i)), r.count(static_cast<Offence>(i)));
    }
    writer.end_object().key("offenders").begin_array();
    for (const sim::Offender& offender : r.offenders) {
      writer.begin_object().member("offence", sim::name(offender.offence)).member("sequence", offender.sequence);
      writer.member("event", offender.envelope_id).end_object();
    }
    writer.end_array().end_object();
  }
  writer.end_array();
}

}  // namespace

std::string progress_line(std::size_t number, std::size_t of, const KillOutcome& outcome) {
  const std::string ready = outcome.recovery ? fmt::format("ready again in {} ms", outcome.recovery->count())
                                             : "killed again before it was ready";
  return fmt::format(
      "{:>3}/{} {:<38} {} after {:>5} ms{}, {} events answered, {:>2} unanswered, {:>2} batches open; {}", number, of,
      how(outcome.kill), outcome.reached ? "died" : "NOT REACHED", outcome.lived.count(),
      outcome.before_ready ? " while starting" : "", outcome.answered, outcome.unanswered, outcome.batches, ready);
}

std::uint64_t Report::lost() const {
  return sum(*this, Offence::lost) + quarantined_missing + replaced();
}
// Every consumer's comparison meets the same ones.
std::uint64_t Report::replaced() const {
  std::uint64_t most = 0;
  for (const ConsumerOutcome& consumer : consumers) most = std::max(most, consumer.report.count(Offence::ambiguous));
  return most;
}
std::uint64_t Report::out_of_order() const {
  return sum(*this, Offence::out_of_order) + sum(*this, Offence::overlapping);
}
std::uint64_t Report::repeated() const {
  return sum(*this, Offence::repeated);
}
std::uint64_t Report::not_reached() const {
  return static_cast<std::uint64_t>(
      std::count_if(kills.begin(), kills.end(), [](const KillOutcome& outcome) { return !outcome.reached; }));
}

bool Report::holds() const {
  const bool all_hold = std::all_of(consumers.begin(), consumers.end(),
                                    [](const ConsumerOutcome& consumer) { return consumer.report.holds; });
  return !consumers.empty() && all_hold && failures.empty() && quarantined_missing == 0 && not_reached() == 0;
}

std::string to_text(const Report& report) {
  std::string text;
  for (const PointFigures& point : by_point(report)) {
    text += fmt::format("{:<10}{:<20}{} of {} kills, {} events unanswered, {} batches open, ready again within {} ms\n",
                        name(point.mode), point.point, point.reached, point.kills, point.unanswered, point.batches,
                        point.recovery_max.count());
  }
  text += fmt::format("{} events sent, {} answered, {} requests tried again, {} malformed, {:.1f} s\n", report.sent,
                      report.answered, report.retries, report.malformed, report.seconds);
  for (const ConsumerOutcome& consumer : report.consumers) {
    text += fmt::format("{:<6}{} of {} delivered in {} lanes, {} repeats\n", consumer.name, consumer.report.delivered,
                        consumer.report.routed, consumer.report.lanes, consumer.report.count(Offence::repeated));
    text += offences_text(consumer);
  }
  text += fmt::format("quarantine: {} of {} there\n", report.quarantined_promised - report.quarantined_missing,
                      report.quarantined_promised);
  for (const std::string& failure : report.failures) text += "FAILED: " + failure + "\n";
  text += fmt::format("lost {} ({} of them replaced), out of order {}, repeated {}, kills not reached {}: {}\n",
                      report.lost(), report.replaced(), report.out_of_order(), report.repeated(), report.not_reached(),
                      report.holds() ? "the promises hold" : "the promises DO NOT hold");
  return text;
}

std::string to_json(const Report& report) {
  std::string text;
  json::Writer writer(text);
  writer.begin_object()
      .member("holds", report.holds())
      .member("kills", static_cast<std::uint64_t>(report.kills.size()));
  writer.member("not_reached", report.not_reached())
      .member("lost", report.lost())
      .member("replaced", report.replaced());
  writer.member("out_of_order", report.out_of_order()).member("repeated", report.repeated());
  writer.member("sent", report.sent).member("answered", report.answered).member("retries", report.retries);
  writer.member("malformed", report.malformed).member("quarantined_promised", report.quarantined_promised);
  writer.member("quarantined_missing", report.quarantined_missing).key("seconds").number(report.seconds);
  write_kills(writer, report);
  write_consumers(writer, report);
  writer.key("failures").begin_array();
  for (const std::string& failure : report.failures) writer.string(failure);
  writer.end_array().end_object();
  return text + "\n";
}

}  // namespace trunkline::drill
