// Pause and resume: what is kept of them, and what holds now.
#include <fmt/format.h>

#include "app/from_config.hpp"
#include "app/hub.hpp"
#include "base/log.hpp"

namespace trunkline::app {

using base::Errc;
using base::Error;
using base::Result;

// Nothing kept: nobody has paused or resumed it yet, the configuration decides.
Result<watch::PauseState> Hub::stored_pause(const config::Consumer& consumer) {
  TRUNKLINE_TRY(const auto state, engine_->get_state("consumers", consumer.name + "/paused"));
  if (!state || state->bytes.empty()) return configured_pause(consumer);
  auto pause = watch::decode_pause(state->bytes);
  if (pause.ok()) return pause;
  // What cannot be read must not lose events to a downstream that somebody wanted to be left alone.
  base::log::error("whether a consumer is paused cannot be read: it is paused", "consumer", consumer.name, "error",
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
  TRUNKLINE_TRY(const auto state, engine_->get_state("consumers", consumer + "/paused"));
  if ((state ? state->bytes : std::string()) == value) return {};
  return put_state("consumers", consumer + "/paused", state ? state->version : 0, value);
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
  const auto stored = engine_->get_state("consumers", name + "/paused");
  const std::uint64_t version = stored.ok() && *stored ? (*stored)->version : 0;
  std::string value = watch::encode(said);
  engine_->put_state("consumers", name + "/paused", version, std::move(value), reply_on,
                     [this, consumer, said = std::move(said), done = std::move(done)](Result<void> put) mutable {
                       if (put.ok()) consumer->set_pause(std::move(said), clock_.wall());
                       done(std::move(put));
                     });
}

}  // namespace trunkline::app
