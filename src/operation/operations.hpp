#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/loop.hpp"
#include "base/result.hpp"
#include "engine/engine.hpp"
#include "operation/audit.hpp"
#include "operation/ramp.hpp"
#include "operation/record.hpp"

namespace trunkline::operation {

// The log, as a replay reads it. Any thread; every call ends in one callback, later, on the loop that was given.
class History {
 public:
  virtual ~History() = default;

  // Where in the log the events of these times are; first > last: nowhere.
  using RangeCallback = base::UniqueFunction<void(base::Result<std::pair<base::Sequence, base::Sequence>>)>;
  virtual void range(base::WallTime from, base::WallTime to, base::Loop& reply_on, RangeCallback done) = 0;

  struct Found {
    std::vector<base::Sequence> sequences{};
    base::Sequence reached{};                      // all up to here has been looked at
    std::map<std::string, std::uint64_t> types{};  // of what matched
  };
  struct Bounds {
    std::size_t look_at = 0;
    std::size_t matches = 0;
  };
  // What the request wants behind `after`, up to its last.
  using FoundCallback = base::UniqueFunction<void(base::Result<Found>)>;
  virtual void find(const Request& request, base::Sequence after, Bounds bounds, base::Loop& reply_on,
                    FoundCallback done) = 0;
};

struct OperationsOptions {
  std::size_t kept_max = 200;             // records, ended ones included; the oldest ended goes first
  std::size_t live_max = 100;             // not ended
  std::size_t live_per_consumer_max = 8;  // a queue remembers 64 (engine::kOperationsPerQueue)
  base::Millis tick{100};
  std::uint64_t preview_max = 2'000'000;  // events of the log that a preview looks at
  AuditOptions audit{};
};

enum class Command : std::uint8_t { pause, resume, cancel };
std::string_view name(Command command);

struct ReplayPreview {
  std::uint64_t total = 0;
  std::map<std::string, std::uint64_t> by_event_type{};
  bool complete = true;  // false: preview_max was reached
};

// Redrives and replays, from their beginning to their end (DESIGN section 5): how many events are given when (Ramp), what
// is written down, who asked. What an operation has given is the queue's own record (engine::OperationTally), in the
// commit that gives it; hence a kill at any moment repeats nothing and forgets nothing, and load() goes on from there.
//
// load() before run(), on a thread that may read the store; stop() on the loop; everything else on any thread. Callbacks
// run once, later, on the loop that was given; after stop() those of calls under way are dropped.
class Operations {
 public:
  Operations(engine::Engine& engine, History& history, base::Loop& loop, OperationsOptions options = {});
  ~Operations();

  base::Result<void> load();
  void run();
  void stop();

  using Callback = base::UniqueFunction<void(base::Result<Operation>)>;
  // Errc::not_found: nothing matches; Errc::overloaded: too many are live.
  void start(Request request, base::Loop& reply_on, Callback done);
  void show(base::OperationId id, base::Loop& reply_on, Callback done);
  // Errc::conflict: its state does not allow that.
  void command(base::OperationId id, Command command, std::string by, base::Loop& reply_on, Callback done);
  // Newest first; empty name: of all consumers.
  void list(std::string consumer, base::Loop& reply_on, base::UniqueFunction<void(std::vector<Operation>)> done);
  void preview_replay(Request request, base::Loop& reply_on,
                      base::UniqueFunction<void(base::Result<ReplayPreview>)> done);

  // ---- audit of what is no operation: written before it is done, its outcome behind it
  void record(AuditEntry entry, base::Loop& reply_on, base::UniqueFunction<void(base::Result<std::uint64_t>)> done);
  void set_outcome(std::uint64_t id, std::string outcome);
  void audit(std::uint64_t before, std::size_t limit, std::string consumer, base::Loop& reply_on,
             base::UniqueFunction<void(std::vector<AuditEntry>)> done);

 private:
  struct Entry {
    Operation operation;
    std::optional<Ramp> ramp{};  // while it runs
    bool busy = false;           // a tally, a step or a write is under way
    bool read_all = false;       // nothing is left to be given
  };
  struct Life {
    Operations* self = nullptr;
  };
  struct Preview;

  // A callback of the engine, dropped when this object has gone.
  template <class F>
  auto guarded(F function) {
    return [life = life_, function = std::move(function)](auto&&... arguments) mutable {
      if (life->self != nullptr) function(*life->self, std::forward<decltype(arguments)>(arguments)...);
    };
  }
  template <class F>
  void on_loop(F function) {
    loop_.post(guarded(std::move(function)));
  }

  base::Result<void> admit(const Request& request) const;
  void begin(Operation operation, base::Loop& reply_on, Callback done);
  void arm();
  void tick();
  void poll(Entry& entry);
  void advance(base::OperationId id, const base::Result<engine::StepResult>& tally);
  void give(Entry& entry, std::size_t count);
  void give_found(base::OperationId id, const base::Result<History::Found>& found);
  void gave(base::OperationId id, const base::Result<engine::StepResult>& step);
  void change(Entry& entry, State state, std::string reason, const std::string& by, base::Loop* reply_on,
              Callback done);
  void release(base::OperationId id);
  void save(const Operation& operation, std::optional<AuditEntry> audit, engine::DoneCallback done);
  void prune(std::vector<engine::Engine::StateWrite>& writes);
  void preview_on(std::shared_ptr<Preview> preview);
  Entry* find(base::OperationId id);
  bool live(const Entry& entry) const { return !ended(entry.operation.state); }

  engine::Engine& engine_;
  History& history_;
  base::Loop& loop_;
  const OperationsOptions options_;
  std::map<base::OperationId, Entry> entries_;
  std::uint64_t next_ = 1;
  Audit audit_;
  bool armed_ = false;
  bool running_ = false;
  std::shared_ptr<Life> life_;  // shared with callbacks that may come later
};

}  // namespace trunkline::operation
