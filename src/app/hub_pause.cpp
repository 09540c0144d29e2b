// Pause and resume: what is kept of them, and what holds now; and what workers on AWS say to each other of a consumer.
#include <fmt/format.h>

#include "app/from_config.hpp"
#include "app/hub.hpp"
#include "base/log.hpp"
#include "base/run_and_wait.hpp"
#include "delivery/shared_breaker.hpp"

namespace trunkline::app {

using base::Errc;
using base::Error;
using base::Result;

namespace {

const std::string kOwner = delivery::kConsumersOwner;  // of the engine's state
const std::string kPaused = "/paused";                 // behind a consumer's name
const std::string kQueue = "/queue";                   // the number of the queue that the rest is about

}  // namespace

// Nothing kept: nobody has paused or resumed it yet, the configuration decides.
Result<watch::PauseState> Hub::stored_pause(const config::Consumer& consumer) {
  TRUNKLINE_TRY(const auto state, engine_->get_state(kOwner, consumer.name + kPaused));
  if (!state || state->bytes.empty()) return configured_pause(consumer);
  return pause_of(consumer.name, state->bytes);
}

watch::PauseState Hub::pause_of(const std::string& consumer, const std::string& bytes) const {
  auto pause = watch::decode_pause(bytes);
  if (pause.ok()) return *pause;
  // What cannot be read must not lose events to a downstream that somebody wanted to be left alone.
  base::log::error("whether a consumer is paused cannot be read: it is paused", "consumer", consumer, "error",
                   pause.error().detail);
  watch::PauseState paused;
  paused.paused = true;
  paused.reason = "the record of its pause is unreadable";
  return paused;
}

watch::PauseState Hub::configured_pause(const config::Consumer& consumer) const {
  watch::PauseState state;
  state.paused = consumer.paused;
  state.since = clock_.wall();
  return state;
}

// Not on a loop.
Result<void> Hub::put_pause(const std::string& consumer, const std::string& value) {
  TRUNKLINE_TRY(const auto state, engine_->get_state(kOwner, consumer + kPaused));
  if ((state ? state->bytes : std::string()) == value) return {};
  return put_state(kOwner, consumer + kPaused, value);
}

// On the watcher's thread: what was said to another worker holds here, too. What this one was told is among it.
void Hub::take_what_workers_say() {
  const auto stored = engine_->list_state(kOwner);
  if (!stored.ok()) return;  // the engine says itself that AWS does not answer
  const auto said = [&](const std::string& key) {
    const auto found = stored->find(key);
    return found == stored->end() ? std::string() : found->second;
  };
  for (const auto& consumer : consumers_.all()) {
    take_pause(*consumer, said(consumer->name() + kPaused));
    consumer->set_breaker(breaker_note(consumer->name(), said(delivery::breaker_key(consumer->name()))));
  }
}

void Hub::take_pause(RunningConsumer& consumer, const std::string& bytes) {
  std::string& seen = pauses_seen_[consumer.name()];
  if (bytes == seen || bytes.empty()) return;
  seen = bytes;
  const bool before = consumer.paused();
  consumer.set_pause(pause_of(consumer.name(), bytes), clock_.wall());
  if (consumer.paused() != before)
    base::log::info(consumer.paused() ? "a consumer is paused" : "a consumer goes on", "consumer", consumer.name());
}

// What nobody can read would keep every worker from ever saying anything again.
delivery::BreakerNote Hub::breaker_note(const std::string& consumer, const std::string& bytes) {
  if (bytes.empty()) return {};
  if (const auto note = delivery::decode_breaker_note(bytes)) return *note;
  base::log::error("what workers have said of a downstream cannot be read and is forgotten", "consumer", consumer);
  engine_->update_state(kOwner, {{delivery::breaker_key(consumer), std::nullopt}}, *loops_[0], [](const auto&) {});
  return {};
}

// Not on a loop.
Result<void> Hub::forget_breaker(const std::string& consumer) {
  return base::answer_of<Result<void>>([&](engine::DoneCallback done) {
    engine_->update_state(kOwner, {{delivery::breaker_key(consumer), std::nullopt}}, *loops_[0], std::move(done));
  });
}

// Not on a loop. A look later says what cannot be read now.
delivery::BreakerNote Hub::stored_breaker(const std::string& consumer) {
  const auto stored = engine_->get_state(kOwner, delivery::breaker_key(consumer));
  return breaker_note(consumer, stored.ok() && *stored ? (*stored)->bytes : std::string());
}

// Not on a loop. `aws apply` takes a consumer's queue away and leaves what the state has of it: one of that name that comes
// later has another number.
Result<void> Hub::forget_former(const std::string& consumer, base::QueueId queue) {
  TRUNKLINE_TRY(const auto noted, engine_->get_state(kOwner, consumer + kQueue));
  const std::string number = std::to_string(queue.value);
  if (noted && noted->bytes == number) return {};
  if (noted) TRUNKLINE_TRY_VOID(forget(consumer));
  return put_state(kOwner, consumer + kQueue, number);
}

void Hub::pause(const std::string& consumer, api::PauseRequest request, base::Loop& reply_on,
                engine::DoneCallback done) {
  watch::PauseState state;
  state.paused = true;
  state.reason = std::move(request.reason);
  state.until = request.until;
  set_paused(consumer, std::move(state), reply_on, std::move(done));
}

void Hub::resume(const std::string& consumer, base::Loop& reply_on, engine::DoneCallback done) {
  set_paused(consumer, {}, reply_on, std::move(done));
}

void Hub::set_paused(const std::string& name, watch::PauseState said, base::Loop& reply_on, engine::DoneCallback done) {
  const auto consumer = consumers_.find(name);
  if (!consumer) {
    reply_on.post([done = std::move(done), name]() mutable {
      done(Error{Errc::not_found, fmt::format("no consumer is named '{}'", name)});
    });
    return;
  }
  said.by_operator = true;
  said.since = clock_.wall();
  // Who resumes it inside a maintenance window means it.
  if (!said.paused) said.no_window_to = watch::open_until(maintenance_windows(consumer->config()), said.since);
  auto told = [this, consumer, said, done = std::move(done)](Result<void> put) mutable {
    if (put.ok()) consumer->set_pause(std::move(said), clock_.wall());
    done(std::move(put));
  };
  std::string value = watch::encode(said);
  // A look into the table waits for AWS, and not on a connection's loop.
  if (aws_ != nullptr) {
    return looks_->ask<void>(reply_on, std::move(told),
                             [this, name, value = std::move(value)] { return put_pause(name, value); });
  }
  const auto stored = engine_->get_state(kOwner, name + kPaused);
  const std::uint64_t version = stored.ok() && *stored ? (*stored)->version : 0;
  engine_->put_state(kOwner, name + kPaused, version, std::move(value), reply_on, std::move(told));
}

}  // namespace trunkline::app
