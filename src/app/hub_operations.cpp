// Redrives and replays of a hub: the log as a replay reads it, on the reader's thread.
#include <limits>

#include "app/from_config.hpp"
#include "app/hub.hpp"
#include "base/run_and_wait.hpp"
#include "filter/policy_index.hpp"

namespace trunkline::app {

using base::Errc;
using base::Result;
using operation::History;

namespace {

// The log is in order of acceptance but for a clock that was set back; so much of a jump is looked beyond.
constexpr base::Millis kClockSlack = std::chrono::minutes(1);
constexpr base::Millis kStopWithin = std::chrono::seconds(5);

class LogHistory final : public History {
 public:
  LogHistory(queue::EmbeddedEngine& engine, ConsumerSet& consumers, base::Loop& reader)
      : engine_(engine), consumers_(consumers), reader_(reader) {}

  void range(base::WallTime from, base::WallTime to, base::Loop& reply_on, RangeCallback done) override {
    reader_.post([this, from, to, &reply_on, done = std::move(done)]() mutable {
      reply_on.post([done = std::move(done), found = find_range(from, to)]() mutable { done(std::move(found)); });
    });
  }

  void find(const operation::Request& request, base::Sequence after, Bounds bounds, base::Loop& reply_on,
            FoundCallback done) override {
    reader_.post([this, request, after, bounds, &reply_on, done = std::move(done)]() mutable {
      reply_on.post(
          [done = std::move(done), found = read(request, after, bounds)]() mutable { done(std::move(found)); });
    });
  }

 private:
  Result<std::pair<base::Sequence, base::Sequence>> find_range(base::WallTime from, base::WallTime to) {
    TRUNKLINE_TRY(const base::Sequence first, engine_.first_accepted(from - kClockSlack));
    TRUNKLINE_TRY(const base::Sequence behind, engine_.first_accepted(to + kClockSlack));
    return std::pair{first, base::Sequence{behind.value - 1}};
  }

  Result<Found> read(const operation::Request& request, base::Sequence after, Bounds bounds) {
    const operation::ReplayRange& range = request.range;
    std::unique_ptr<filter::PolicyIndex> policy;
    if (!range.all_routed) {
      const auto consumer = consumers_.find(request.consumer);
      if (!consumer) return {Errc::not_found, "its consumer has been removed"};
      TRUNKLINE_TRY(filter::Policy now, policy_of(consumer->config()));
      policy =
          std::make_unique<filter::PolicyIndex>(std::vector<filter::PolicyIndex::Subscription>{{0, std::move(now)}});
    }
    filter::PolicyIndex::Scratch scratch;
    Found found;
    bool ended = true;
    std::size_t looked_at = 0;
    found.reached = after;
    TRUNKLINE_TRY_VOID(engine_.read_log({after.value + 1}, [&](const engine::Record& record) {
      if (record.sequence > range.last) return false;
      if (looked_at == bounds.look_at || found.sequences.size() == bounds.matches) {
        ended = false;
        return false;
      }
      ++looked_at;
      found.reached = record.sequence;
      if (!wanted(request, record)) return true;
      if (policy) {
        const source::EventMessage message(record.event);
        if (policy->match(message.message(), scratch).empty()) return true;
      }
      found.sequences.push_back(record.sequence);
      ++found.types[record.event.event_type];
      return true;
    }));
    if (ended) found.reached = std::max(found.reached, range.last);
    return found;
  }

  static bool wanted(const operation::Request& request, const engine::Record& record) {
    const operation::ReplayRange& range = request.range;
    if (record.accepted_at < range.from || record.accepted_at >= range.to) return false;
    if (!range.event_type.empty() && record.event.event_type != range.event_type) return false;
    if (!range.conversation.empty() && record.event.conversation_id != range.conversation) return false;
    return !range.all_routed || std::ranges::binary_search(record.routes, request.queue);
  }

  queue::EmbeddedEngine& engine_;
  ConsumerSet& consumers_;
  base::Loop& reader_;
};

}  // namespace

Result<void> Hub::start_operations() {
  history_ = std::make_unique<LogHistory>(*engine_, consumers_, *reader_);
  operations_ = std::make_unique<operation::Operations>(*engine_, *history_, *loops_[0]);
  TRUNKLINE_TRY_VOID(operations_->load());
  operations_->run();
  return {};
}

void Hub::stop_operations() {
  if (!operations_) return;
  base::run_and_wait(*loops_[0], kStopWithin, [this](base::Task done) {
    operations_->stop();
    done();
  });
}

}  // namespace trunkline::app
