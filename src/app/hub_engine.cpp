// The engine of a hub: the embedded one, or that on AWS, and what each of them does in its own way.
#include <fmt/format.h>

#include "app/aws_engine_options.hpp"
#include "app/from_config.hpp"
#include "app/hub.hpp"
#include "engine/fence.hpp"

namespace trunkline::app {

using base::Errc;
using base::Result;

namespace {

// What everything that reads a log answers without one.
constexpr std::string_view kNoLog =
    "the engine on AWS keeps no log that could be read through: ask for one event by its sequence or envelope id "
    "(`trunkline why`), or let a consumer with a pulled queue take what you want to look at";

template <std::size_t N>
api::Histogram histogram_of(const queue::Histogram<N>& live, const std::array<double, N>& bounds) {
  api::Histogram histogram;
  histogram.bounds.assign(bounds.begin(), bounds.end());
  for (const auto& count : live.counts) histogram.counts.push_back(count.load(std::memory_order_relaxed));
  histogram.sum = live.sum.load(std::memory_order_relaxed);
  return histogram;
}

}  // namespace

Result<void> Hub::open_engine(std::vector<base::Loop*> loops) {
  if (config_.engine == config::EngineKind::aws) {
    const aws::Environment environment = aws::process_environment();
    TRUNKLINE_TRY(const aws_engine::AwsOptions options, aws_engine_options(config_, environment));
    auto opened = aws_engine::AwsEngine::open(options, std::move(loops), environment);
    if (!opened.ok() && opened.error().code == Errc::conflict) return opened.error();  // it has been migrated
    if (!opened.ok()) return explain_aws(opened.error(), options);
    aws_ = opened->get();
    engine_ = std::move(*opened);
    return {};
  }
  queue::EmbeddedOptions options = engine_options(config_);
  options.file_system = options_.file_system;
  TRUNKLINE_TRY(auto opened, queue::EmbeddedEngine::open(std::move(options), std::move(loops), clock_));
  TRUNKLINE_TRY_VOID(engine::refuse_fenced(*opened));
  embedded_ = opened.get();
  engine_ = std::move(opened);
  return {};
}

Result<std::vector<engine::QueueSpec>> Hub::stored_queues() {
  return aws_ != nullptr ? aws_->stored_queues() : embedded_->stored_queues();
}

Result<engine::QueueStatistics> Hub::statistics_now(base::QueueId queue) {
  if (embedded_ != nullptr) return embedded_->statistics_now(queue);
  return {
      Errc::unsupported,
      "SQS says only a minute later what waits, so no worker removes a queue: run `trunkline aws apply` with the new "
      "configuration, then start the workers anew"};
}

void Hub::drain_engine(base::Millis within) {
  if (embedded_ != nullptr) embedded_->drain(within);
  if (aws_ != nullptr) aws_->drain(within);
}

void Hub::stop_engine() {
  if (embedded_ != nullptr) embedded_->stop();
  if (aws_ != nullptr) aws_->stop();
}

void Hub::take_engine_metrics(api::HubMetrics& metrics) const {
  if (aws_ != nullptr) {
    const aws_engine::AwsEngine::Counters counters = aws_->counters();
    metrics.accepted = counters.accepted;
    metrics.duplicates = counters.duplicates;
    metrics.conflicts = counters.conflicts;
    metrics.in_quarantine = counters.in_quarantine;
    return;
  }
  const queue::CommitStatistics& commits = embedded_->commit_statistics();
  metrics.accepted = commits.accepted.load();
  metrics.duplicates = commits.duplicates.load();
  metrics.conflicts = commits.conflicts.load();
  metrics.in_quarantine = commits.in_quarantine.load();
  metrics.commits = commits.commits.load();
  metrics.commit_failures = commits.failures.load();
  metrics.store_reopens = commits.reopens.load();
  metrics.sync_seconds = histogram_of(commits.sync_seconds, queue::kSyncSeconds);
  metrics.commit_events = histogram_of(commits.batch_events, queue::kBatchEvents);
  const store::Store::Usage usage = embedded_->usage();
  metrics.disk_bytes = usage.bytes;
  metrics.disk_free_bytes = usage.free_bytes;
  metrics.store_memory_bytes = usage.memory_bytes;
}

Result<void> Hub::read_log(base::Sequence first, const std::function<bool(const engine::Record&)>& take) {
  if (embedded_ != nullptr) return embedded_->read_log(first, take);
  return {Errc::unsupported, std::string(kNoLog)};
}

}  // namespace trunkline::app
