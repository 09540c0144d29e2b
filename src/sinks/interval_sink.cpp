#include "sinks/interval_sink.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "sinks/file_verdict.hpp"

namespace trunkline::sinks {
namespace {

using base::Errc;
using base::Millis;
using base::Result;
using base::WallTime;
using delivery::BatchVerdict;
using delivery::EventVerdict;
using delivery::Verdict;
using Taken = wfm::Timeline::Taken;

constexpr Millis kLookEvery = std::chrono::seconds(1);
constexpr Millis kStatisticsAge = std::chrono::seconds(2);  // a second, by the port; once more for the loop's own delay
constexpr Millis kOvertaken = std::chrono::minutes(5);      // lanes of one age are served within seconds
constexpr std::size_t kClosedAtOnceMax = 8;                 // then events have their turn

EventVerdict verdict_of(Taken taken) {
  if (taken == Taken::agent_full)
    return {Verdict::rejected,
            {},
            "too_many_changes",
            "this agent has more changes in two intervals than any person makes"};
  if (taken == Taken::late_full)
    return {Verdict::unavailable, kLookEvery, "too_many_late",
            "as many late facts as one interval may have; the next takes more"};
  return {};
}

// The worst of an event's facts counts.
void note(EventVerdict& verdict, Taken taken) {
  if (verdict.verdict == Verdict::rejected || taken == Taken::news || taken == Taken::known) return;
  verdict = verdict_of(taken);
}

}  // namespace

Result<std::unique_ptr<IntervalSink>> IntervalSink::make(IntervalSinkOptions options, wfm::CodeTable codes,
                                                         OldestWaiting oldest_waiting, base::Loop& loop,
                                                         std::unique_ptr<FileOps> ops) {
  TRUNKLINE_TRY_VOID(validate(options.files));
  if (options.batch_messages_max < 1 || options.batch_messages_max > 10'000)
    return {Errc::invalid, "batch messages must be 1 to 10000"};
  return std::unique_ptr<IntervalSink>(
      new IntervalSink(std::move(options), std::move(codes), std::move(oldest_waiting), loop, std::move(ops)));
}

IntervalSink::IntervalSink(IntervalSinkOptions options, wfm::CodeTable codes, OldestWaiting oldest_waiting,
                           base::Loop& loop, std::unique_ptr<FileOps> ops)
    : options_(std::move(options)),
      oldest_waiting_(std::move(oldest_waiting)),
      loop_(loop),
      ops_(std::move(ops)),
      files_(options_.files, std::move(codes), *ops_),
      worker_("intervals", loop, *ops_, options_.files.directory,
              [this](std::vector<Job> jobs) { work(std::move(jobs)); }) {}

IntervalSink::~IntervalSink() {
  if (timer_ != 0) loop_.cancel(timer_);
}

void IntervalSink::rest(bool) {
  if (timer_ != 0) return;
  started_ = loop_.clock().wall();
  arm();
}

void IntervalSink::arm() {
  timer_ = loop_.after(kLookEvery, [this] {
    {
      const std::scoped_lock lock(mutex_);
      look_ = Look{loop_.clock().wall(), oldest_waiting_ ? oldest_waiting_() : std::nullopt};
    }
    worker_.wake();
    arm();
  });
}

delivery::SinkLimits IntervalSink::limits() const {
  return {options_.batch_messages_max, options_.batch_bytes_max};
}

void IntervalSink::send(delivery::Batch batch, base::UniqueFunction<void(BatchVerdict)> done) {
  worker_.send(std::move(batch), std::move(done));
}

void IntervalSink::probe(base::UniqueFunction<void(Result<std::string>)> done) {
  worker_.probe(std::move(done));
}

void IntervalSink::work(std::vector<Job> jobs) {
  std::optional<Look> look;
  {
    const std::scoped_lock lock(mutex_);
    look.swap(look_);
  }
  // A closing that failed comes first: what follows belongs to the next interval.
  if (look) closed(close_due(*look));
  for (Job& job : jobs) take(std::move(job));
}

void IntervalSink::closed(const Result<void>& result) {
  if (!result.ok() && !failure_)
    base::log::error("the files of an interval cannot be written", "directory", options_.files.directory, "error",
                     result.error().detail);
  failure_.reset();
  if (!result.ok()) failure_ = result.error();
}

Result<void> IntervalSink::close_due(const Look& look) {
  for (std::size_t i = 0; i < kClosedAtOnceMax; ++i) {
    TRUNKLINE_TRY(const WallTime end, files_.open_end(look.now));
    const WallTime complete = end + options_.grace;
    if (look.now < complete + kStatisticsAge || look.now < started_ + options_.grace + kStatisticsAge) return {};
    const bool waits = look.oldest_waiting && *look.oldest_waiting < complete;
    if (waits && newest_accepted_ < complete + kOvertaken) return {};
    TRUNKLINE_TRY_VOID(files_.close(look.now));
  }
  return {};
}

void IntervalSink::take(Job job) {
  BatchVerdict verdict;
  const std::size_t events = job.batch.messages.size();
  if (failure_) {
    verdict.events.assign(events, file_verdict(*failure_));
  } else {
    std::vector<wfm::StateFact> facts;
    std::vector<std::size_t> event_of;
    WallTime newest = newest_accepted_;
    for (std::size_t i = 0; i < events; ++i) {
      const engine::Record& record = *job.batch.messages[i].record;
      newest = std::max(newest, record.accepted_at);
      for (const wfm::StateFact& fact : reader_.read(record)) {
        facts.push_back(fact);
        event_of.push_back(i);
      }
    }
    const auto taken = files_.take(facts, job.now);
    if (taken.ok()) {
      verdict.events.resize(events);
      for (std::size_t i = 0; i < facts.size(); ++i) note(verdict.events[event_of[i]], (*taken)[i]);
      newest_accepted_ = newest;
    } else {
      verdict.events.assign(events, file_verdict(taken.error()));
    }
  }
  loop_.post([done = std::move(job.done), verdict = std::move(verdict)]() mutable { done(std::move(verdict)); });
}

}  // namespace trunkline::sinks
