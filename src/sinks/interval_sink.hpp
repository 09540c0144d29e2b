#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/loop.hpp"
#include "delivery/sink.hpp"
#include "sinks/file_worker.hpp"
#include "sinks/interval_files.hpp"
#include "wfm/state_fact.hpp"

namespace trunkline::sinks {

struct IntervalSinkOptions {
  IntervalFilesOptions files;
  // How long behind the end of an interval its events are waited for. Genesys's are some 0.4 s behind what they tell of.
  base::Millis grace = std::chrono::minutes(2);
  std::size_t batch_messages_max = 1'000;
  std::size_t batch_bytes_max = 4 << 20;
};

// Folds the states of agents into the files of intervals (interval_files.hpp); `delivered` is said when what an event says is
// on disk. Events that say nothing of a state are delivered. Files are written on a thread of its own. An interval is closed
// `grace` behind its end, by the clock; not before this process has waited `grace` for what was sent while it was away, and
// not while anything that was accepted by then still waits in the queue, so that neither a restart nor a pause makes events
// late. What waits for minutes while newer events go through (a parked lane) is not waited for.
//
//  the disk fails, in closing as well                unavailable: disk_full, permission, io_error
//  late_max of wfm::TimelineOptions is reached       unavailable: too_many_late, until the interval is closed
//  facts_max of one agent is reached                 rejected: too_many_changes
class IntervalSink final : public delivery::Sink {
 public:
  // accepted_at of the oldest event that waits for this sink; a second old at most. Loop thread.
  using OldestWaiting = std::function<std::optional<base::WallTime>()>;

  // The loop must outlive the sink.
  static base::Result<std::unique_ptr<IntervalSink>> make(
      IntervalSinkOptions options, wfm::CodeTable codes, OldestWaiting oldest_waiting, base::Loop& loop,
      std::unique_ptr<FileOps> ops = std::make_unique<SystemFileOps>());
  // Waits for the write that is under way; batches behind it get no verdict, probes are answered Errc::cancelled.
  ~IntervalSink() override;

  delivery::SinkLimits limits() const override;
  void send(delivery::Batch batch, base::UniqueFunction<void(delivery::BatchVerdict)> done) override;
  // The first call begins: until then a predecessor may have the files.
  void rest(bool resting) override;
  // Whether the directory may be written to and how much room it has; makes nothing.
  void probe(base::UniqueFunction<void(base::Result<std::string>)> done) override;

 private:
  using Job = FileWorker::Job;
  struct Look {
    base::WallTime now;
    std::optional<base::WallTime> oldest_waiting;
  };

  IntervalSink(IntervalSinkOptions options, wfm::CodeTable codes, OldestWaiting oldest_waiting, base::Loop& loop,
               std::unique_ptr<FileOps> ops);
  void arm();
  void work(std::vector<Job> jobs);
  void take(Job job);
  base::Result<void> close_due(const Look& look);
  void closed(const base::Result<void>& result);

  const IntervalSinkOptions options_;
  const OldestWaiting oldest_waiting_;
  base::Loop& loop_;
  const std::unique_ptr<FileOps> ops_;
  base::Loop::TimerId timer_ = 0;

  // The worker's thread only.
  IntervalFiles files_;
  wfm::FactReader reader_;
  base::WallTime started_{};            // written before the first job or look
  base::WallTime newest_accepted_{};    // of what was delivered
  std::optional<base::Error> failure_;  // of the last closing; nothing is taken before one has worked

  std::mutex mutex_;  // of the next one; taken once a second
  std::optional<Look> look_;
  FileWorker worker_;  // last: it uses the others
};

}  // namespace trunkline::sinks
