// The consumers of a hub: how they begin, pause, and are told of.
#include <fmt/format.h>

#include <algorithm>

#include "app/from_config.hpp"
#include "app/hub.hpp"
#include "app/policy_store.hpp"
#include "base/check.hpp"
#include "base/log.hpp"
#include "base/run_and_wait.hpp"
#include "board/feed.hpp"
#include "sinks/adherence_sink.hpp"
#include "sinks/case_store.hpp"
#include "sinks/live_sink.hpp"

namespace trunkline::app {

using base::Errc;
using base::Error;
using base::Result;

namespace {

constexpr base::Millis kSinkWithin = std::chrono::seconds(60);

}  // namespace

Result<void> Hub::start_consumers() {
  TRUNKLINE_TRY(const std::vector<engine::QueueSpec> stored, stored_queues());
  sqs_registry_ = std::make_unique<sqs::Registry>(*engine_, *loops_[0], clock_);
  // Whether anybody listens for them now or not: what waits in them is kept, and ends when its time has come.
  TRUNKLINE_TRY_VOID(sqs_registry_->open(stored));
  TRUNKLINE_TRY_VOID(open_sns(stored));
  std::vector<source::Subscription> subscriptions;
  for (const config::Consumer& consumer : config_.consumers) {
    TRUNKLINE_TRY_VOID(check_sqs_name(consumer));
    TRUNKLINE_TRY(filter::Policy policy, policy_of(consumer));
    if (std::ranges::find(stored, consumer.name, &engine::QueueSpec::name) == stored.end()) {
      TRUNKLINE_TRY_VOID(forget(consumer.name));
    } else if (embedded_ != nullptr && !live_options(consumer)) {
      TRUNKLINE_TRY_VOID(engine_->remove_state(sinks::LiveSink::state_owner(consumer.name)));
    }
    auto queue = engine_->declare(queue_spec(consumer));
    if (!queue.ok()) return queue.error().with(fmt::format("consumer '{}'", consumer.name));
    subscriptions.push_back({consumer.name, *queue, std::move(policy)});
  }
  TRUNKLINE_TRY_VOID(settle_unnamed_queues());
  TRUNKLINE_TRY(const base::PolicyVersion version, policy_version(*engine_, *loops_[0], subscriptions));
  for (std::size_t i = 0; i < config_.consumers.size(); ++i) {
    const config::Consumer& consumer = config_.consumers[i];
    if (aws_ != nullptr) TRUNKLINE_TRY_VOID(forget_former(consumer.name, subscriptions[i].queue));
    TRUNKLINE_TRY(watch::PauseState pause, stored_pause(consumer));
    TRUNKLINE_TRY_VOID(note_mapping(consumer));
    TRUNKLINE_TRY(auto made, sink_on_loop(consumer, subscriptions[i].queue));
    start_consumer(consumer, subscriptions[i].queue, std::move(made), std::move(pause));
  }
  set_router(std::make_shared<source::Router>(version, std::move(subscriptions)));
  name_taps();
  return {};
}

// A client must never find another queue under the name that it knows.
Result<void> Hub::check_sqs_name(const config::Consumer& consumer) const {
  if (!is_pulled(consumer)) return {};
  sqs::Queue queue;
  queue.consumer = consumer.name;
  queue.spec = queue_spec(consumer);
  if (!sqs_registry_->find(queue.name())) return {};
  return {Errc::conflict, fmt::format("consumer '{}': clients have made a queue '{}' through the SQS API: delete that "
                                      "one, or give the consumer another name",
                                      consumer.name, queue.name())};
}

// A queue whose consumer has left the configuration goes when nothing is in it, or when it was named to be dropped.
// Else the start is refused: nobody would ever deliver what waits there, and the disk would fill behind it.
// On AWS it stays: other workers may still have that consumer, and what waits is known a minute later only.
Result<void> Hub::settle_unnamed_queues() {
  TRUNKLINE_TRY(const std::vector<engine::QueueSpec> stored, stored_queues());
  for (const std::string& name : options_.drop) {
    if (std::ranges::find(config_.consumers, name, &config::Consumer::name) != config_.consumers.end())
      return {Errc::invalid, fmt::format("--drop {}: the configuration still has that consumer", name)};
  }
  for (const engine::QueueSpec& spec : stored) {
    if (sqs::Registry::owns(spec.name) || sns::Registry::owns(spec.name)) continue;
    if (std::ranges::find(config_.consumers, spec.name, &config::Consumer::name) != config_.consumers.end()) continue;
    const bool drop = std::ranges::find(options_.drop, spec.name) != options_.drop.end();
    if (aws_ != nullptr && !drop) {
      base::log::warn("a queue has no consumer here and stays: `trunkline aws apply` removes it, --drop gives it up",
                      "queue", spec.name);
      continue;
    }
    TRUNKLINE_TRY(const base::QueueId queue, engine_->declare(spec));
    engine::QueueStatistics now;
    if (aws_ == nullptr) {
      TRUNKLINE_TRY(now, statistics_now(queue));
    }
    if (now.held() > 0 && !drop) {
      return {Errc::conflict, fmt::format("{} events wait in the queue of '{}', which the configuration does not have "
                                          "any more: put the consumer back, or give them up with --drop {}",
                                          now.held(), spec.name, spec.name)};
    }
    TRUNKLINE_TRY_VOID(engine_->remove(queue));
    TRUNKLINE_TRY_VOID(forget(spec.name));
    base::log::info("the queue of a consumer that the configuration does not have any more is removed", "queue",
                    spec.name, "events", now.held());
  }
  return {};
}

// What a consumer leaves in the state besides its queue. A removal that was cut short may have left it, hence a new queue
// begins without it, too.
Result<void> Hub::forget(const std::string& consumer) {
  TRUNKLINE_TRY_VOID(put_pause(consumer, ""));
  if (aws_ != nullptr) TRUNKLINE_TRY_VOID(forget_breaker(consumer));
  TRUNKLINE_TRY_VOID(engine_->remove_state("mapping/" + consumer));
  TRUNKLINE_TRY_VOID(engine_->remove_state(delivery::Consumer::budget_owner(consumer)));
  for (const std::string& owner : sinks::EngineCaseStore::owners(consumer, clock_.wall())) {
    TRUNKLINE_TRY_VOID(engine_->remove_state(owner));
  }
  TRUNKLINE_TRY_VOID(engine_->remove_state(sinks::EngineAgentStore::state_owner(consumer)));
  return engine_->remove_state(sinks::LiveSink::state_owner(consumer));
}

net::IoLoop& Hub::io_loop(base::Loop& loop) {
  for (const auto& candidate : loops_) {
    if (candidate.get() == &loop) return *candidate;
  }
  TRUNKLINE_CHECK(false, "a queue lives on a loop that is not the hub's");
}

// On the loop.
Result<MadeSink> Hub::sink_of(const config::Consumer& consumer, net::IoLoop& loop, base::QueueId queue) {
  MadeSink made;
  TRUNKLINE_TRY(const sinks::MappedSinkOptions mappings, mappings_of(consumer));
  made.mapping = mappings.mapping;
  auto live = live_options(consumer);
  if (!live) {
    if (consumer.shadow) made.shadow = std::make_shared<sinks::ShadowLog>(clock_.wall());
    SinkMemory memory;
    if (std::holds_alternative<config::SalesforceSink>(consumer.sink))
      memory.cases = std::make_unique<sinks::EngineCaseStore>(*engine_, queue, consumer.name, clock_);
    if (std::holds_alternative<config::AdherenceSink>(consumer.sink))
      memory.agents = std::make_unique<sinks::EngineAgentStore>(*engine_, queue, consumer.name);
    memory.oldest_waiting = [this, queue] { return engine_->statistics(queue).oldest_waiting; };
    TRUNKLINE_TRY(made.sink, make_sink(consumer, loop, names_, made.shadow, mappings, std::move(memory)));
    return made;
  }
  constexpr std::string_view kAny = "name";
  live->board.agent_names = !mappings.mapping || mappings.mapping->member("_userName", kAny, {}) == kAny;
  // Two feeds of one consumer begin at different milliseconds.
  const std::string epoch = fmt::format("{:x}", clock_.wall().time_since_epoch().count());
  made.feed = sinks::LiveFeed::make(*live, loop, names_, epoch);
  TRUNKLINE_TRY(auto sink, sinks::LiveSink::make(made.feed, *engine_, queue, consumer.name));
  made.sink = mapped_sink(std::move(sink), {mappings.mapping, {}, {}}, loop);
  return made;
}

// Not on a loop. Sinks belong to their loop, from making to destroying.
Result<MadeSink> Hub::sink_on_loop(const config::Consumer& consumer, base::QueueId queue) {
  if (is_pulled(consumer)) {
    MadeSink pulled;
    TRUNKLINE_TRY(pulled.mapping, mapping_of(consumer, mapping_key_));
    return pulled;
  }
  net::IoLoop& loop = io_loop(engine_->loop_of(queue));
  auto made = std::make_shared<Result<MadeSink>>(Error{Errc::timeout, "its loop is stuck"});
  const bool answered = base::run_and_wait(loop, kSinkWithin, [this, made, &loop, queue, consumer](base::Task done) {
    *made = sink_of(consumer, loop, queue);
    done();
  });
  if (!answered) return Error{Errc::timeout, fmt::format("consumer '{}': its loop is stuck", consumer.name)};
  if (!made->ok()) return made->error().with(fmt::format("consumer '{}'", consumer.name));
  return std::move(*made);
}

void Hub::start_consumer(const config::Consumer& consumer, base::QueueId queue, MadeSink made,
                         watch::PauseState pause) {
  net::IoLoop& loop = io_loop(engine_->loop_of(queue));
  auto running = std::make_shared<RunningConsumer>(consumer, queue, loop, *engine_, std::move(pause), clock_.wall());
  running->take_mapping(made);
  if (aws_ != nullptr) running->set_breaker(stored_breaker(consumer.name));
  consumers_.add(running);
  loop.post([running, made = std::move(made)]() mutable { running->start(std::move(made)); });
}

// Not on a loop. A queue that is gone holds nothing.
Result<std::uint64_t> Hub::held_by(base::QueueId queue) {
  const auto now = statistics_now(queue);
  if (now.ok()) return now->held();
  if (now.error().code == Errc::not_found) return std::uint64_t{0};
  return now.error();
}

// Its queue gets no new events any more. What waits in it goes only where that was asked for. After an error it goes on
// delivering.
Result<void> Hub::remove_consumer(const std::string& name, bool drop) {
  const auto consumer = consumers_.find(name);
  if (!consumer) return {};
  consumer->set_routed(false);
  // Every loop has the new router, and what was routed by the old one is counted.
  for (const auto& loop : loops_) {
    if (!base::run_and_wait(*loop, kSinkWithin, [](base::Task done) { done(); }))
      return {Errc::timeout, "a loop is stuck"};
  }
  TRUNKLINE_TRY(const std::uint64_t held, held_by(consumer->queue()));
  if (held > 0 && !drop)
    return {Errc::conflict,
            fmt::format("{} events came while it was being removed; it goes on delivering them and gets "
                        "no new ones: reload again when they are gone",
                        held)};
  base::run_and_wait(consumer->loop(), options_.stop_within + kSinkWithin,
                     [this, consumer](base::Task done) { consumer->stop(options_.stop_within, std::move(done)); });
  const auto removed = engine_->remove(consumer->queue());
  if (!removed.ok() && removed.error().code != Errc::not_found) {
    consumer->go_on();
    return removed.error();
  }
  destroy_consumer(consumer);
  if (const auto forgotten = forget(name); !forgotten.ok())
    base::log::warn("what a removed consumer leaves behind goes when one of its name begins", "consumer", name, "error",
                    forgotten.error().detail);
  return {};
}

// Of a queue that is removed: nothing is delivered any more, or it ends here.
void Hub::destroy_consumer(const std::shared_ptr<RunningConsumer>& consumer) {
  base::run_and_wait(consumer->loop(), kSinkWithin, [consumer](base::Task done) {
    consumer->destroy();
    done();
  });
  consumers_.remove(consumer->name());
}

std::vector<api::ConsumerInfo> Hub::consumers() {
  std::vector<api::ConsumerInfo> infos;
  for (const auto& consumer : consumers_.all()) infos.push_back(consumer->info());
  return infos;
}

std::optional<api::ConsumerInfo> Hub::consumer(std::string_view name) {
  const auto consumer = consumers_.find(name);
  if (!consumer) return std::nullopt;
  return consumer->info();
}

Result<api::ShadowReport> Hub::shadow(const std::string& name) {
  const auto consumer = consumers_.find(name);
  if (!consumer) return Error{Errc::not_found, fmt::format("no consumer is named '{}'", name)};
  const auto log = consumer->shadow();
  if (!log) return Error{Errc::conflict, fmt::format("consumer '{}' is no shadow: what it delivers is sent", name)};
  const sinks::ShadowLog::Counts counts = log->counts();
  api::ShadowReport report;
  report.counts = {counts.since, counts.requests, counts.bytes};
  for (sinks::ShadowRequest& request : log->newest()) {
    report.newest.push_back({request.number, request.at, std::move(request.method), std::move(request.url),
                             std::move(request.headers), std::move(request.body), request.bytes});
  }
  return report;
}

Result<api::Hub::StreamStart> Hub::live(const std::string& name, base::Loop& loop, LiveRequest request) {
  const auto parts = board::parse_parts(request.only);
  if (!parts) {
    return Error{Errc::invalid, fmt::format("only '{}' is not a list of agents, queues, conversations", request.only)};
  }
  const auto consumer = consumers_.find(name);
  if (!consumer) return Error{Errc::not_found, fmt::format("no consumer is named '{}'", name)};
  const auto feed = consumer->feed();
  if (!feed) return Error{Errc::conflict, fmt::format("consumer '{}' has no live feed", name)};
  return feed->subscribe(loop, *parts, std::move(request.last_event_id));
}

}  // namespace trunkline::app
