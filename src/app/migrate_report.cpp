#include "app/migrate_report.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "json/writer.hpp"

namespace trunkline::app {
namespace {

constexpr base::Millis kShownEvery = std::chrono::seconds(5);
// What an estimate assumes, events a second: a batch of 200 a second into AWS, where a batch waits for its longest lane;
// 32 bodies at a time out of it; one write of a batch into a data directory.
constexpr std::uint64_t kIntoAws = 200;
constexpr std::uint64_t kOutOfAws = 1'000;
constexpr std::uint64_t kIntoDirectory = 5'000;

std::string size_text(std::uint64_t bytes) {
  if (bytes < 10 << 10) return fmt::format("{} B", bytes);
  if (bytes < 10 << 20) return fmt::format("{} KiB", bytes >> 10);
  return fmt::format("{} MiB", bytes >> 20);
}

std::string time_text(std::uint64_t seconds) {
  if (seconds < 120) return fmt::format("{} s", std::max<std::uint64_t>(seconds, 1));
  if (seconds < 7'200) return fmt::format("{} min", seconds / 60);
  return fmt::format("{} h", seconds / 3'600);
}

std::uint64_t state_keys(const migrate::Survey& survey) {
  std::uint64_t all = 0;
  for (const auto& [owner, keys] : survey.state_keys) all += keys;
  return all;
}

}  // namespace

// Into AWS an event is a transaction and the deletion of its outbox entry; a publish, a look at the outbox and a mark of
// how far it is are shared by ten or more. Out of AWS it is read twice.
std::uint64_t MigrationReport::calls() const {
  const std::uint64_t events = survey.events + survey.known;
  std::uint64_t all = 0;
  if (to_aws) {
    all += 2 * events + events / 3;
    for (const auto& [name, queue] : survey.queues) all += queue.parked + queue.dead_letters + queue.attempted;
    all += state_keys(survey) / 20 + survey.quarantined + 100;
  }
  if (from_aws) all += 2 * events + survey.quarantined + 100;
  return all;
}

std::uint64_t MigrationReport::seconds() const {
  const std::uint64_t events = survey.events + survey.known;
  return events / (to_aws ? kIntoAws : kIntoDirectory) + (from_aws ? 2 * events / kOutOfAws : 0) +
         (to_aws || from_aws ? 30 : 1);
}

std::string text_of(const MigrationReport& report) {
  const migrate::Survey& survey = report.survey;
  std::string out = fmt::format("from {} to {}\n\n{:<32} {:<13} {:>9} {:>7} {:>12} {:>10}\n", report.from, report.to,
                                "queue", "order", "waiting", "parked", "dead letters", "size");
  for (const auto& [name, queue] : survey.queues) {
    out += fmt::format("{:<32} {:<13} {:>9} {:>7} {:>12} {:>10}\n", name, event::name(queue.order), queue.waiting,
                       queue.parked, queue.dead_letters, size_text(queue.bytes));
  }
  out += fmt::format(
      "\n{} events that some queue is not done with, and {} settled ones so that their repeats stay known: {}\n",
      survey.events, survey.known, size_text(survey.bytes));
  if (survey.without_identity > 0) {
    out += fmt::format("{} have no identity: of these one may be there twice for each time that this is killed\n",
                       survey.without_identity);
  }
  out += fmt::format("{} quarantined inputs, {} keys of state\n", survey.quarantined, state_keys(survey));
  out += "What was delivered does not go along, nor its history.\n";
  if (report.calls() > 0) out += fmt::format("About {} calls of AWS's services. ", report.calls());
  out += fmt::format("It takes about {}.\n", time_text(report.seconds()));
  for (const migrate::Obstacle& each : report.obstacles) {
    out += fmt::format("{}: {}{}{}\n",
                       each.fatal   ? "cannot go"
                       : each.stays ? "stays behind"
                                    : "changes",
                       each.queue.empty() ? "" : each.queue + ": ", each.reason,
                       each.events > 0 ? fmt::format(" ({})", each.events) : "");
  }
  return out;
}

std::string json_of(const MigrationReport& report, const std::string& result,
                    const std::vector<std::string>& differences) {
  std::string out;
  json::Writer json(out);
  const migrate::Survey& survey = report.survey;
  json.begin_object().member("result", result).member("from", report.from).member("to", report.to);
  json.key("queues").begin_array();
  for (const auto& [name, queue] : survey.queues) {
    json.begin_object().member("name", name).member("order", event::name(queue.order));
    json.member("waiting", queue.waiting).member("parked", queue.parked).member("dead_letters", queue.dead_letters);
    json.member("edited", queue.edited).member("attempted", queue.attempted).member("bytes", queue.bytes).end_object();
  }
  json.end_array().member("events", survey.events).member("known", survey.known).member("bytes", survey.bytes);
  json.member("without_identity", survey.without_identity).member("quarantined", survey.quarantined);
  json.member("state_keys", state_keys(survey)).member("calls", report.calls()).member("seconds", report.seconds());
  json.key("obstacles").begin_array();
  for (const migrate::Obstacle& each : report.obstacles) {
    json.begin_object().member("queue", each.queue).member("reason", each.reason).member("events", each.events);
    json.member("stays", each.stays).member("fatal", each.fatal).end_object();
  }
  json.end_array().key("differences").begin_array();
  for (const std::string& each : differences) json.string(each);
  json.end_array().end_object();
  return out + '\n';
}

MigrationProgress::MigrationProgress(const base::Clock& clock)
    : clock_(clock), person_(::isatty(STDERR_FILENO) == 1), begun_(clock.mono()) {}

void MigrationProgress::step(const migrate::Step& step) {
  using Kind = migrate::Step::Kind;
  const base::MonoTime now = clock_.mono();
  std::string line;
  switch (step.kind) {
    case Kind::events: {
      if (!first_) {
        first_ = step.done;
        begun_ = now;
      }
      const double taken = std::max(std::chrono::duration<double>(now - begun_).count(), 0.001);
      const double rate = static_cast<double>(step.done - *first_) / taken;
      const std::uint64_t left = step.all - std::min(step.all, step.done);
      line = fmt::format(
          "{} of {} events, {:.0f} a second{}", step.done, step.all, rate,
          rate >= 1 ? fmt::format(", {} to go", time_text(static_cast<std::uint64_t>(static_cast<double>(left) / rate)))
                    : "");
      break;
    }
    case Kind::quarantine:
      line = fmt::format("{} of {} quarantined inputs", step.done, step.all);
      break;
    case Kind::state:
      line = fmt::format("{} of {} keys of state", step.done, step.all);
      break;
    case Kind::finish:
      line = "waiting until all of it stands in its queues, then counting both sides";
      break;
  }
  if (person_) {
    fmt::print(stderr, "\r\x1b[K{}{}", line, step.kind == Kind::finish ? "\n" : "");
    return;
  }
  if (step.kind == Kind::events && shown_ && now - *shown_ < kShownEvery && step.done < step.all) return;
  shown_ = now;
  fmt::print(stderr, "{}\n", line);
}

}  // namespace trunkline::app
