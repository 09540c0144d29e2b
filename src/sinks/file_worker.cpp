#include "sinks/file_worker.hpp"

#include <utility>

#include "base/thread.hpp"
#include "sinks/file_verdict.hpp"

namespace trunkline::sinks {

FileWorker::FileWorker(const char* name, base::Loop& loop, FileOps& ops, std::string directory,
                       std::function<void(std::vector<Job>)> work)
    : loop_(loop), ops_(ops), directory_(std::move(directory)), work_(std::move(work)) {
  thread_ = base::start_thread(name, [this] { run(); });
}

FileWorker::~FileWorker() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
  if (probes_.empty()) return;
  loop_.post([probes = std::move(probes_)]() mutable {
    for (ProbeCallback& done : probes) done(base::Error{base::Errc::cancelled, "the sink has ended"});
  });
}

void FileWorker::send(delivery::Batch batch, base::UniqueFunction<void(delivery::BatchVerdict)> done) {
  {
    const std::scoped_lock lock(mutex_);
    jobs_.push_back({std::move(batch), loop_.clock().wall(), std::move(done)});
  }
  wake_.notify_one();
}

void FileWorker::wake() {
  {
    const std::scoped_lock lock(mutex_);
    woken_ = true;
  }
  wake_.notify_one();
}

void FileWorker::probe(ProbeCallback done) {
  {
    const std::scoped_lock lock(mutex_);
    probes_.push_back(std::move(done));
  }
  wake_.notify_one();
}

void FileWorker::run() {
  for (;;) {
    std::vector<Job> jobs;
    std::vector<ProbeCallback> probes;
    bool woken = false;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || woken_ || !jobs_.empty() || !probes_.empty(); });
      if (stopping_) return;
      jobs.swap(jobs_);
      probes.swap(probes_);
      woken = std::exchange(woken_, false);
    }
    if (woken || !jobs.empty()) work_(std::move(jobs));
    if (!probes.empty()) answer(std::move(probes));
  }
}

void FileWorker::answer(std::vector<ProbeCallback> probes) {
  const base::Result<FileOps::Room> room = ops_.room(directory_);
  base::Result<std::string> found = room.ok() ? base::Result<std::string>(room_text(*room)) : room.error();
  loop_.post([probes = std::move(probes), found = std::move(found)]() mutable {
    for (ProbeCallback& done : probes) done(found);
  });
}

}  // namespace trunkline::sinks
