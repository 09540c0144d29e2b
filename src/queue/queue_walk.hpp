#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.hpp"
#include "queue/queue_runner.hpp"

namespace trunkline::queue {

inline base::Error reopened_meanwhile() {
  return {base::Errc::unavailable, "the store was reopened after a disk error; try again"};
}

// One change of a queue that must look at the disk first: over its dead letters as they were when it began, or a step
// of an operation. One at a time in a queue, since each reads what the one before has written.
struct QueueRunner::Walk {
  DeadLetterAction action = DeadLetterAction::redrive;
  engine::RedriveFilter filter{};
  base::OperationId operation{};  // 0: none, all that match
  std::uint64_t limit = UINT64_MAX;
  base::Sequence after{};
  base::Sequence end{};  // dead letters that come later, or come again, are not met
  std::uint64_t count = 0;
  CountCallback done{};
  std::string body{};  // of an edit

  std::optional<engine::ReplayStep> replay{};  // instead of dead letters
  std::uint64_t passed = 0;                    // of its events, not settled here
  engine::Engine::StepCallback stepped{};

  void finish(base::Result<std::uint64_t> result) {
    if (stepped) {
      // A step that is done answers in end_walk(); this is for what went wrong.
      if (auto callback = std::exchange(stepped, {})) callback(result.error());
      return;
    }
    if (CountCallback callback = std::exchange(done, {})) callback(std::move(result));
  }
};

}  // namespace trunkline::queue
