#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/loop.hpp"
#include "delivery/sink.hpp"
#include "sinks/file_ops.hpp"

namespace trunkline::sinks {

// The thread of a sink that writes files: file I/O knows no time-out, so a disk that hangs holds the batches of that sink
// in flight, and nothing else.
class FileWorker {
 public:
  struct Job {
    delivery::Batch batch;
    base::WallTime now;                                       // when it was handed over
    base::UniqueFunction<void(delivery::BatchVerdict)> done;  // to be posted to the loop
  };
  using ProbeCallback = base::UniqueFunction<void(base::Result<std::string>)>;

  // `work` runs on the thread, with all batches that wait, or with none after wake(). Loop and ops must outlive the worker;
  // so must what `work` uses.
  FileWorker(const char* name, base::Loop& loop, FileOps& ops, std::string directory,
             std::function<void(std::vector<Job>)> work);
  // Waits for the work that is under way; batches behind it get no verdict, probes are answered Errc::cancelled.
  ~FileWorker();

  // Loop thread.
  void send(delivery::Batch batch, base::UniqueFunction<void(delivery::BatchVerdict)> done);
  void wake();
  // Whether the directory may be written to and how much room it has; makes nothing.
  void probe(ProbeCallback done);

 private:
  void run();
  void answer(std::vector<ProbeCallback> probes);

  base::Loop& loop_;
  FileOps& ops_;
  const std::string directory_;
  const std::function<void(std::vector<Job>)> work_;

  std::mutex mutex_;       // of the next four; taken once a batch
  std::vector<Job> jobs_;  // at most the consumer's concurrency
  std::vector<ProbeCallback> probes_;
  bool woken_ = false;
  bool stopping_ = false;
  std::condition_variable wake_;
  std::thread thread_;
};

}  // namespace trunkline::sinks
