// Pause and resume: what is kept of them, and what holds now.
#include <fmt/format.h>

#include "app/from_config.hpp"
#include "app/hub.hpp"
#include "base/log.hpp"

namespace trunkline::app {

using base::Errc;
using base::Error;
using base::Result;

namespace {

const std::string kOwner = "consumers";  // of the engine's state
const std::string kPaused = "/paused";   // behind a consumer's name

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
void Hub::take_pauses() {
  const auto stored = engine_->list_state(kOwner);
  if (!stored.ok()) return;  // the engine says itself that AWS does not answer
  for (const auto& consumer : consumers_.all()) {
    const auto found = stored->find(consumer->name() + kPaused);
    const std::string bytes = found == stored->end() ? std::string() : found->second;
    std::string& seen = pauses_seen_[consumer->name()];
    if (bytes == seen || bytes.empty()) continue;
    seen = bytes;
    const watch::PauseState pause = pause_of(consumer->name(), bytes);
    const bool before = consumer->paused();
    consumer->set_pause(pause, clock_.wall());
    if (consumer->paused() != before)
      base::log::info(consumer->paused() ? "a consumer is paused" : "a consumer goes on", "consumer", consumer->name());
  }
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
