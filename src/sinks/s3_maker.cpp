#include "sinks/s3_maker.hpp"

#include <utility>

#include "base/thread.hpp"

namespace trunkline::sinks {

S3Maker::~S3Maker() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void S3Maker::make(delivery::Batch batch, std::vector<std::size_t> events, Done done) {
  {
    const std::scoped_lock lock(mutex_);
    jobs_.push_back({std::move(batch), std::move(events), std::move(done)});
  }
  wake_.notify_one();
  if (!thread_.joinable()) thread_ = base::start_thread("s3", [this] { run(); });
}

void S3Maker::run() {
  for (;;) {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (stopping_) return;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    std::vector<S3Object> objects = s3_objects(job.batch, job.events, layout_, renderer_);
    loop_.post([job = std::move(job), objects = std::move(objects)]() mutable {
      job.done(std::move(job.batch), std::move(objects));
    });
  }
}

}  // namespace trunkline::sinks
