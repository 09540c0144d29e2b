#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/loop.hpp"
#include "base/result.hpp"
#include "sqs/queues.hpp"
#include "sqs/registry.hpp"

namespace trunkline::sqs {

enum class MoveStatus : std::uint8_t { running, completed, cancelling, cancelled, failed };
std::string_view name(MoveStatus status);  // as AWS spells it

// A task that moves what is in a dead-letter queue. A plain value.
struct MoveTask {
  std::string id{};
  std::string source{};          // name of the dead-letter queue
  std::string destination{};     // name of a queue; empty: each message goes back where it came from
  std::uint32_t per_second = 0;  // messages, kPerSecondMax at most; 0: as fast as it goes
  MoveStatus status = MoveStatus::running;
  std::uint64_t moved = 0;
  std::uint64_t to_move = 0;  // that waited when it began
  std::string failure{};      // of a failed one: AWS's word for why
  std::int64_t started_ms = 0;

  bool active() const { return status == MoveStatus::running || status == MoveStatus::cancelling; }
};

// JSON, for the engine's state. Errc::corrupt for what encode_move_task() has not made.
std::string encode_move_task(const MoveTask& task);
base::Result<MoveTask> decode_move_task(const std::string& text);

// The tasks of StartMessageMoveTask. A message is on disk in its destination before it ends in the dead-letter queue, and a
// crash in between makes no second one. Tasks go on after a restart; how much one has moved is in the same commit as the
// messages' ends. Each runs on the loop of its dead-letter queue.
//
// find() and list(): any thread. start() and cancel() wait for the disk, and are called by the thread that changes queues.
class MoveTasks {
 public:
  static constexpr std::size_t kActiveMax = 100;    // AWS's own
  static constexpr std::size_t kPerSourceMax = 10;  // that are remembered, as on AWS
  static constexpr std::uint32_t kPerSecondMax = 500;
  static constexpr base::Millis kDurationMax = std::chrono::hours(36);  // AWS's own
  static constexpr std::string_view kOwner = "sqs/moves";               // of the state: what they are
  static constexpr std::string_view kCountOwner = "sqs/moved";          // how far they are

  // Once, at the start, goes on with those that are not at their end. All outlive this and the engine's loops' last task.
  MoveTasks(Queues& queues, Registry& registry, const base::Clock& clock);
  base::Result<void> open();

  // Errc::conflict: one of its source is active. Errc::overloaded: kActiveMax are.
  base::Result<MoveTask> start(MoveTask task);
  // The task as it was when it was told to end. Errc::not_found: there is none, or it is at its end.
  base::Result<MoveTask> cancel(const std::string& id);
  std::optional<MoveTask> find(const std::string& id) const;
  // The newest first. Those of a queue of that name that was deleted are not among them.
  std::vector<MoveTask> list(const std::string& source, std::size_t most) const;

  void stop();  // any thread; what is running goes on after the next start

 private:
  class Run;
  using Source = std::deque<MoveTask>;  // the newest first, at most kPerSourceMax

  MoveTask* at(const std::string& id);  // with the mutex held
  void forget_old();
  base::Result<void> write(const MoveTask& task);
  // ---- of a run, on its loop
  bool told_to_end(const std::string& id) const;
  void note_moved(const std::string& id, std::uint64_t moved);
  void end(const std::string& id, MoveStatus status, const std::string& failure);

  Queues& queues_;
  Registry& registry_;
  const base::Clock& clock_;
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;  // guards the tasks; taken for a look or a change in memory
  std::map<std::string, Source, std::less<>> sources_;
};

}  // namespace trunkline::sqs
