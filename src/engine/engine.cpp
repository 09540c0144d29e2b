#include "engine/engine.hpp"

#include <utility>

#include "engine/sent.hpp"

namespace trunkline::engine {
namespace {

template <class Callback>
void refuse(base::Loop& reply_on, Callback done) {
  reply_on.post([done = std::move(done)]() mutable {
    done(base::Error{base::Errc::unsupported,
                     "this engine has no operations: `trunkline dlq redrive NAME --at-once` "
                     "redrives dead letters without one"});
  });
}

}  // namespace

base::WallTime event_time(const Record& record) {
  const event::Event& event = record.event;
  if (is_sent(record)) return event.business_time.value_or(record.accepted_at);
  const auto usable = [&](const std::optional<base::WallTime>& time) {
    return time && *time <= record.accepted_at + kEventTimeAhead;
  };
  if (event.business_time_has_millis && usable(event.business_time)) return *event.business_time;
  if (usable(event.published_at)) return *event.published_at;
  return record.accepted_at;
}

void Engine::extend(base::QueueId queue, std::uint64_t, base::Millis, DoneCallback done) {
  loop_of(queue).post([done = std::move(done)]() mutable {
    done(base::Error{base::Errc::unsupported, "this engine does not extend leases"});
  });
}
void Engine::edit_dead_letter(base::QueueId, base::Sequence, std::string, base::Loop& reply_on, DoneCallback done) {
  reply_on.post([done = std::move(done)]() mutable {
    done(base::Error{base::Errc::unsupported, "this engine delivers events as they came: dead letters are not edited"});
  });
}
void Engine::summarize_dead_letters(base::QueueId, RedriveFilter, base::Loop& reply_on,
                                    base::UniqueFunction<void(base::Result<DeadLetterSummary>)> done) {
  refuse(reply_on, std::move(done));
}
void Engine::redrive_step(base::QueueId, RedriveStep, base::Loop& reply_on, StepCallback done) {
  refuse(reply_on, std::move(done));
}
void Engine::replay_step(base::QueueId, ReplayStep, base::Loop& reply_on, StepCallback done) {
  refuse(reply_on, std::move(done));
}
void Engine::operation_tally(base::QueueId, base::OperationId, base::Loop& reply_on, StepCallback done) {
  refuse(reply_on, std::move(done));
}
void Engine::end_operation(base::QueueId, base::OperationId, bool, base::Loop& reply_on, StepCallback done) {
  refuse(reply_on, std::move(done));
}
void Engine::update_state(const std::string&, std::vector<StateWrite>, base::Loop& reply_on, DoneCallback done) {
  refuse(reply_on, std::move(done));
}

}  // namespace trunkline::engine
