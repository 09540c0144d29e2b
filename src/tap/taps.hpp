#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "base/function.hpp"
#include "base/loop.hpp"
#include "base/result.hpp"
#include "tap/tap.hpp"

namespace trunkline::tap {

struct TapsOptions {
  // Over all loops. Each costs the loops a look at every event.
  std::size_t taps_max = 16;
};

// All listeners of the program. A listener belongs to the loop of its connection, which hears of every commit by
// itself, so nothing crosses threads on the way. While nobody listens on a loop it asks for no events at all.
class Taps {
 public:
  // Runs on a loop: whether that loop wants to hear of events from now on. Then offer() and flush() are to be called
  // there for every commit.
  using Listen = std::function<void(base::Loop& loop, bool wanted)>;
  using End = std::function<base::Sequence()>;  // any thread: the end of the log

  // The loops must outlive it, and must have ended when it is destroyed.
  Taps(std::vector<base::Loop*> loops, Listen listen, End end, TapsOptions options = {});
  ~Taps();

  // Any thread: names from now on.
  void set_names(ConsumerNames names);

  // Any thread. What to do with the open stream of the answer, on `loop`, one of the loops. Errc::overloaded when there
  // are taps_max.
  using Start = base::UniqueFunction<void(std::shared_ptr<net::HttpStream>)>;
  base::Result<Start> open(TapOptions options, base::Loop& loop);

  // On the loop.
  void offer(std::size_t loop, const engine::Record& record);
  void flush(std::size_t loop);

 private:
  struct Part;
  void start(Part& part, TapOptions options, std::shared_ptr<net::HttpStream> stream, std::shared_ptr<void> place);
  void sweep(Part& part);
  void tick(Part& part);

  const Listen listen_;
  const End end_;
  const TapsOptions options_;
  std::shared_ptr<std::atomic<std::size_t>> open_;  // shared with the answers under way
  std::vector<std::unique_ptr<Part>> parts_;
};

}  // namespace trunkline::tap
