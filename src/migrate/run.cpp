#include "migrate/run.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <future>
#include <set>
#include <utility>

#include "base/crypto.hpp"
#include "base/failpoint.hpp"
#include "base/hash.hpp"
#include "engine/fence.hpp"

namespace trunkline::migrate {
namespace {

using base::Errc;
using base::Result;
using engine::kFenceKey;
using engine::kFenceOwner;

// State of kFenceOwner beside the mark itself.
constexpr const char* kOut = "out";            // of an origin: the migration that it takes part in
constexpr const char* kIn = "in";              // of a destination: likewise
constexpr const char* kComplete = "complete";  // of a destination: the migration that has come to its end
constexpr const char* kProgress = "progress";  // of a destination
constexpr std::size_t kQuarantinePage = 10;    // inputs of up to some megabytes each
constexpr std::size_t kStateWrites = 20;       // of 64 KiB each, below a transaction of DynamoDB

Result<std::string> mark(engine::Engine& engine, const char* key) {
  TRUNKLINE_TRY(const auto value, engine.get_state(kFenceOwner, key));
  return value ? value->bytes : std::string();
}

using Marks = std::vector<std::pair<const char*, std::string>>;  // an empty one is removed

Result<void> put_marks(engine::Engine& engine, const Marks& marks) {
  std::vector<engine::Engine::StateWrite> writes;
  for (const auto& [key, value] : marks)
    writes.push_back({key, value.empty() ? std::nullopt : std::optional<std::string>(value)});
  std::promise<Result<void>> answered;
  engine.update_state(kFenceOwner, std::move(writes), engine.loop_of({}),
                      [&](Result<void> result) { answered.set_value(std::move(result)); });
  return answered.get_future().get();
}

std::string encode(const Progress& progress) {
  return fmt::format("{} {} {}", progress.after.value, progress.last.value, progress.events);
}
Result<Progress> decode(std::string_view text) {
  Progress progress;
  if (text.empty()) return progress;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (std::uint64_t* value : {&progress.after.value, &progress.last.value, &progress.events}) {
    if (at != end && *at == ' ') ++at;
    const auto read = std::from_chars(at, end, *value);
    if (read.ec != std::errc()) return {Errc::corrupt, "the stored progress of the migration does not decode"};
    at = read.ptr;
  }
  return progress;
}

std::string now_text(const base::Clock& clock) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", std::chrono::time_point_cast<std::chrono::seconds>(clock.wall()));
}

// One run over the events.
class Carrier {
 public:
  Carrier(Destination& destination, const Plan& plan, const RunOptions& options, Progress progress)
      : destination_(destination), plan_(plan), options_(options), progress_(progress), limits_(destination.limits()) {
    for (const engine::QueueSpec& spec : plan.queues) going_.insert(spec.name);
  }

  Result<void> carry(Origin& origin) {
    TRUNKLINE_TRY_VOID(origin.read({progress_.after, plan_.settled_from},
                                   [this](OriginEvent event) { return take(std::move(event)); }));
    return flush();
  }

 private:
  Result<void> take(OriginEvent event) {
    const event::Event& its = event.record->event;
    std::erase_if(event.open, [this](const OpenRoute& route) { return !going_.contains(route.queue); });
    const bool has_identity = its.envelope_identity || its.content_identity;
    if (its.raw.size() > limits_.body_max) return {};
    if (event.open.empty() && (!has_identity || event.record->accepted_at < plan_.settled_from)) return {};
    const bool full = batch_.size() >= options_.batch || bytes_ + its.raw.size() > options_.batch_bytes;
    if (full || !has_identity) TRUNKLINE_TRY_VOID(flush());
    bytes_ += its.raw.size();
    batch_.push_back(std::move(event));
    return has_identity ? Result<void>() : flush();
  }

  Result<void> flush() {
    if (batch_.empty()) return {};
    TRUNKLINE_TRY_VOID(destination_.take(batch_, progress_));
    base::failpoint::pass("migrate.placed");
    TRUNKLINE_TRY_VOID(put_marks(destination_.engine(), {{kProgress, encode(progress_)}}));
    base::failpoint::pass("migrate.covered");
    batch_.clear();
    bytes_ = 0;
    if (options_.on_step)
      options_.on_step({Step::Kind::events, progress_.events, plan_.survey.events + plan_.survey.known});
    return {};
  }

  Destination& destination_;
  const Plan& plan_;
  const RunOptions& options_;
  Progress progress_;
  const Limits limits_;
  std::set<std::string> going_;
  std::vector<OriginEvent> batch_;
  std::size_t bytes_ = 0;
};

std::string fingerprint(const engine::Quarantined& input) {
  const std::string text =
      fmt::format("{} {} {}", input.received_at.time_since_epoch().count(), input.source_name, input.bytes);
  return std::string(base::view(base::hash128(text)));
}

// Those that the destination has from an earlier run are passed over: by what they are, since their numbers differ.
Result<void> carry_quarantine(Origin& origin, Destination& destination, Origin& there, const Plan& plan,
                              const RunOptions& options) {
  std::multiset<std::string> known;
  for (std::uint64_t after = 0;;) {
    TRUNKLINE_TRY(const auto inputs, there.quarantine({after, kQuarantinePage}));
    if (inputs.empty()) break;
    for (const engine::Quarantined& input : inputs) known.insert(fingerprint(input));
    after = inputs.back().id;
  }
  std::uint64_t done = 0;
  for (std::uint64_t after = 0;;) {
    TRUNKLINE_TRY(auto inputs, origin.quarantine({after, kQuarantinePage}));
    if (inputs.empty()) return {};
    after = inputs.back().id;
    done += inputs.size();
    std::erase_if(inputs, [&](const engine::Quarantined& input) {
      const auto found = known.find(fingerprint(input));
      if (found == known.end()) return false;
      known.erase(found);
      return true;
    });
    TRUNKLINE_TRY_VOID(destination.take_quarantined(std::move(inputs)));
    if (options.on_step) options.on_step({Step::Kind::quarantine, done, plan.survey.quarantined});
  }
}

Result<void> carry_state(Origin& origin, Destination& destination, const Plan& plan, const RunOptions& options) {
  std::uint64_t all = 0;
  for (const auto& [owner, keys] : plan.survey.state_keys) all += keys;
  std::uint64_t done = 0;
  std::string current;
  std::vector<engine::Engine::StateWrite> writes;
  const auto flush = [&]() -> Result<void> {
    if (writes.empty()) return {};
    done += writes.size();
    TRUNKLINE_TRY_VOID(destination.put_states(current, std::exchange(writes, {})));
    if (options.on_step) options.on_step({Step::Kind::state, done, all});
    return {};
  };
  const auto one = [&](const std::string& owner, const std::string& key, const std::string& bytes) -> Result<void> {
    if (!is_carried(owner)) return {};
    if (owner != current || writes.size() >= kStateWrites) TRUNKLINE_TRY_VOID(flush());
    current = owner;
    writes.push_back({key, bytes});
    return {};
  };
  TRUNKLINE_TRY_VOID(origin.states(one));
  return flush();
}

// Marks both as parts of one migration; its id.
Result<void> begin(Origin& origin, Destination& destination, Origin& there, const Plan& plan,
                   const base::Clock& clock) {
  TRUNKLINE_TRY(std::string id, mark(origin.engine(), kOut));
  TRUNKLINE_TRY(const std::string its, mark(destination.engine(), kIn));
  TRUNKLINE_TRY(const std::string progress, mark(destination.engine(), kProgress));
  if (!id.empty() && id != its) {
    return {Errc::conflict, fmt::format("{} is on its way to another destination: go on with that one, or end it with "
                                        "--undo",
                                        plan.origin_name)};
  }
  if (id.empty() && !progress.empty())
    return {Errc::conflict,
            fmt::format("{} has been the destination of another migration: give a fresh one", plan.destination_name)};
  if (id.empty()) {
    // Only what this migration has brought may be there.
    TRUNKLINE_TRY_VOID(there.read({{}, base::WallTime::min()}, [&](const OriginEvent&) -> Result<void> {
      return {Errc::conflict, fmt::format("{} holds events of its own: give a fresh one", plan.destination_name)};
    }));
    id = its.empty() ? base::hex_encode(base::random_bytes(8)) : its;
  }
  const std::string since = now_text(clock);
  const std::string into = fmt::format(
      "a migration from {} into here was begun at {} and is not complete: run trunkline "
      "migrate again, it goes on where it was",
      plan.origin_name, since);
  const std::string out_of = fmt::format(
      "a migration from here to {} was begun at {} and is not complete: run trunkline migrate again, or serve from "
      "here "
      "as before with trunkline migrate --undo",
      plan.destination_name, since);
  TRUNKLINE_TRY_VOID(put_marks(destination.engine(), {{kIn, id}, {kFenceKey, into}}));
  return put_marks(origin.engine(), {{kFenceKey, out_of}, {kOut, id}});
}

}  // namespace

Result<void> run(Origin& origin, Destination& destination, Origin& destination_as_origin, const Plan& plan,
                 const RunOptions& options, const base::Clock& clock) {
  TRUNKLINE_TRY_VOID(begin(origin, destination, destination_as_origin, plan, clock));
  TRUNKLINE_TRY_VOID(destination.declare(plan.queues));
  destination.set_last_special(plan.survey.last_special);
  TRUNKLINE_TRY(const std::string text, mark(destination.engine(), kProgress));
  TRUNKLINE_TRY(const Progress progress, decode(text));
  Carrier carrier(destination, plan, options, progress);
  TRUNKLINE_TRY_VOID(carrier.carry(origin));
  TRUNKLINE_TRY_VOID(carry_quarantine(origin, destination, destination_as_origin, plan, options));
  TRUNKLINE_TRY_VOID(carry_state(origin, destination, plan, options));
  if (options.on_step) options.on_step({Step::Kind::finish, 0, 0});
  return destination.finish();
}

Result<void> complete(Origin& origin, Destination& destination, const Plan& plan, const base::Clock& clock) {
  TRUNKLINE_TRY(const std::string id, mark(destination.engine(), kIn));
  const std::string gone = fmt::format(
      "everything from here was migrated to {} at {}: serve that. To give it up and serve from here again: trunkline "
      "migrate --undo",
      plan.destination_name, now_text(clock));
  TRUNKLINE_TRY_VOID(put_marks(origin.engine(), {{kFenceKey, gone}}));
  return put_marks(destination.engine(), {{kComplete, id}, {kFenceKey, ""}});
}

Result<bool> is_complete(Origin& origin, Destination& destination) {
  TRUNKLINE_TRY(const std::string out, mark(origin.engine(), kOut));
  TRUNKLINE_TRY(const std::string completed, mark(destination.engine(), kComplete));
  return !out.empty() && out == completed;
}

Result<void> undo(Origin& origin, Destination& destination, const base::Clock& clock) {
  TRUNKLINE_TRY(const std::string out, mark(origin.engine(), kOut));
  TRUNKLINE_TRY(const std::string in, mark(destination.engine(), kIn));
  if (out.empty() || out != in) return {Errc::not_found, "there is no migration between these two"};
  const std::string back =
      fmt::format("the migration into here was undone at {}: what is here is served elsewhere", now_text(clock));
  TRUNKLINE_TRY_VOID(put_marks(destination.engine(), {{kFenceKey, back}}));
  return put_marks(origin.engine(), {{kOut, ""}, {kFenceKey, ""}});
}

}  // namespace trunkline::migrate
