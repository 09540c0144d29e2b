#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "base/function.hpp"
#include "base/loop.hpp"
#include "delivery/sink.hpp"
#include "sinks/render.hpp"
#include "sinks/s3_object.hpp"

namespace trunkline::sinks {

// Makes objects on a thread of its own: rendering, compressing and hashing take as long as a batch is large, and nothing
// else on the loop is to wait for it. The thread begins with the first batch.
class S3Maker {
 public:
  // The batch comes back, so that its events are let go on the loop.
  using Done = base::UniqueFunction<void(delivery::Batch, std::vector<S3Object>)>;

  // `renderer` is called on the thread. The loop must outlive the maker.
  S3Maker(S3Layout layout, Renderer renderer, base::Loop& loop)
      : layout_(std::move(layout)), renderer_(std::move(renderer)), loop_(loop) {}
  // On the loop. Waits for the batch that is being made; those behind it get no callback.
  ~S3Maker();
  S3Maker(const S3Maker&) = delete;
  S3Maker& operator=(const S3Maker&) = delete;

  // Loop thread. Objects of those events of the batch; `done` is posted to the loop, and may come after the maker has gone.
  void make(delivery::Batch batch, std::vector<std::size_t> events, Done done);

 private:
  struct Job {
    delivery::Batch batch;
    std::vector<std::size_t> events;
    Done done;
  };
  void run();

  const S3Layout layout_;
  const Renderer renderer_;
  base::Loop& loop_;

  std::mutex mutex_;      // of the next two; taken once a batch
  std::deque<Job> jobs_;  // at most the consumer's concurrency
  bool stopping_ = false;
  std::condition_variable wake_;
  std::thread thread_;
};

}  // namespace trunkline::sinks
