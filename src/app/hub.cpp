#include "app/hub.hpp"

#include <fmt/format.h>

#include <fstream>
#include <future>
#include <thread>

#include "app/from_config.hpp"
#include "app/tls_files.hpp"
#include "app/version.hpp"
#include "base/crypto.hpp"
#include "base/log.hpp"
#include "board/feed.hpp"
#include "sinks/live_sink.hpp"

namespace trunkline::app {

using base::Errc;
using base::Error;
using base::Result;

namespace {

// What a stop waits for on another thread. Without an answer in that time the thing is left behind.
constexpr base::Millis kStopGrace = std::chrono::seconds(5);

// Runs `start` on the loop and waits for the task it is given to be called.
void run_and_wait(base::Loop& loop, base::Millis within, base::UniqueFunction<void(base::Task)> start) {
  auto promise = std::make_shared<std::promise<void>>();
  std::future<void> future = promise->get_future();
  loop.post([start = std::move(start), promise]() mutable { start([promise] { promise->set_value(); }); });
  future.wait_for(within);
}

std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  file >> total >> resident;
  return resident * 4096;
}

template <std::size_t N>
api::Histogram histogram_of(const queue::Histogram<N>& live, const std::array<double, N>& bounds) {
  api::Histogram histogram;
  histogram.bounds.assign(bounds.begin(), bounds.end());
  for (const auto& count : live.counts) histogram.counts.push_back(count.load(std::memory_order_relaxed));
  histogram.sum = live.sum.load(std::memory_order_relaxed);
  return histogram;
}

}  // namespace

struct Hub::Running {
  config::Consumer config;
  base::QueueId queue;
  engine::QueueSpec spec;
  net::IoLoop* loop = nullptr;
  std::unique_ptr<delivery::Consumer> consumer;  // null: pulled; lives and dies on the loop
  std::shared_ptr<sinks::LiveFeed> feed;         // of a live sink, shared with it; null for others
  std::atomic<bool> paused{false};
};

Hub::Hub(const config::Config& config, HubOptions options)
    : config_(config), options_(std::move(options)), started_at_(clock_.wall()), page_(options_.front != nullptr) {}

Hub::~Hub() {
  stop();
}

Result<std::unique_ptr<Hub>> Hub::start(const config::Config& config, HubOptions options) {
  std::unique_ptr<Hub> hub(new Hub(config, std::move(options)));
  TRUNKLINE_TRY_VOID(hub->open());
  TRUNKLINE_TRY_VOID(hub->start_consumers());
  TRUNKLINE_TRY_VOID(hub->listen());
  return hub;
}

Result<void> Hub::open() {
  TRUNKLINE_TRY(event::TopicTable topics, topic_table(config_));
  topics_ = std::make_unique<event::TopicTable>(std::move(topics));
  TRUNKLINE_TRY(names_, name_table(config_));
  const std::size_t count = options_.loops > 0 ? options_.loops : std::max(1u, std::thread::hardware_concurrency());
  std::vector<base::Loop*> loops;
  for (std::size_t i = 0; i < count; ++i) {
    loops_.push_back(std::make_unique<net::IoLoop>(fmt::format("loop-{}", i)));
    loops_.back()->start();
    loops.push_back(loops_.back().get());
  }
  queue::EmbeddedOptions engine = engine_options(config_);
  engine.file_system = options_.file_system;
  TRUNKLINE_TRY(engine_, queue::EmbeddedEngine::open(std::move(engine), loops, clock_));
  std::vector<net::IoLoop*> io_loops;
  for (const auto& loop : loops_) io_loops.push_back(loop.get());
  source::IngestOptions ingest;
  TRUNKLINE_TRY(ingest.token_key, token_key());
  ingest_ =
      std::make_unique<source::Ingest>(*engine_, *topics_, source_specs(config_), io_loops, clock_, std::move(ingest));
  make_taps();
  return {};
}

// Signs access tokens. Without a configured secret the store keeps one, so that tokens live through a restart.
Result<std::string> Hub::token_key() {
  const bool wanted = std::any_of(config_.sources.begin(), config_.sources.end(),
                                  [](const config::Source& source) { return !source.oauth.empty(); });
  if (!wanted) return std::string();
  if (!config_.token_key.empty()) return base::hmac_sha256(config_.token_key.reveal(), "trunkline access tokens");
  TRUNKLINE_TRY(const auto stored, engine_->get_state("oauth", "signing_key"));
  if (stored) return stored->bytes;
  std::string key = base::random_bytes(32);
  std::promise<Result<void>> promise;
  engine_->put_state("oauth", "signing_key", 0, key, *loops_[0],
                     [&promise](Result<void> result) { promise.set_value(std::move(result)); });
  const Result<void> put = promise.get_future().get();
  if (!put.ok()) return put.error().with("store the key of access tokens");
  return key;
}

// ---- consumers

Result<void> Hub::start_consumers() {
  std::vector<source::Subscription> subscriptions;
  for (const config::Consumer& consumer : config_.consumers) {
    TRUNKLINE_TRY(filter::Policy policy, policy_of(consumer));
    auto queue = engine_->declare(queue_spec(consumer));
    if (!queue.ok()) return queue.error().with(fmt::format("consumer '{}'", consumer.name));
    subscriptions.push_back({consumer.name, *queue, std::move(policy)});
  }
  TRUNKLINE_TRY(const std::vector<engine::QueueSpec> stored, engine_->stored_queues());
  for (const engine::QueueSpec& spec : stored) {
    const bool named = std::any_of(config_.consumers.begin(), config_.consumers.end(),
                                   [&](const config::Consumer& consumer) { return consumer.name == spec.name; });
    if (!named) {
      base::log::warn(
          "a queue on disk has no consumer in the configuration: it gets no new events and keeps what waits in it",
          "queue", spec.name);
    }
  }
  TRUNKLINE_TRY(const base::PolicyVersion version, policy_version(subscriptions));
  for (std::size_t i = 0; i < config_.consumers.size(); ++i) {
    TRUNKLINE_TRY_VOID(start_consumer(config_.consumers[i], subscriptions[i].queue));
  }
  ingest_->set_router(std::make_shared<source::Router>(version, std::move(subscriptions)));
  name_taps();
  return {};
}

// A changed set of policies takes the next version; the texts of every version are kept, so that it can be told later
// why an event went where it went.
Result<base::PolicyVersion> Hub::policy_version(const std::vector<source::Subscription>& subscriptions) {
  std::string text;
  for (const source::Subscription& subscription : subscriptions) {
    text +=
        fmt::format("{}\t{}\t{}\t{}\n", subscription.queue.value, subscription.consumer,
                    subscription.policy.scope() == filter::Scope::message_body ? "MessageBody" : "MessageAttributes",
                    subscription.policy.text());
  }
  TRUNKLINE_TRY(const auto current, engine_->get_state("policies", "current"));
  if (current && current->bytes == text) return base::PolicyVersion{static_cast<std::uint32_t>(current->version)};
  const std::uint64_t version = current ? current->version + 1 : 1;
  for (const std::string& key : {std::string("current"), fmt::format("{:010}", version)}) {
    std::promise<Result<void>> promise;
    engine_->put_state("policies", key, key == "current" ? version - 1 : 0, text, *loops_[0],
                       [&promise](Result<void> result) { promise.set_value(std::move(result)); });
    const Result<void> put = promise.get_future().get();
    if (!put.ok()) return put.error().with("store the filter policies");
  }
  base::log::info("a new set of filter policies", "version", version);
  return base::PolicyVersion{static_cast<std::uint32_t>(version)};
}

Result<bool> Hub::stored_pause(const config::Consumer& consumer) {
  TRUNKLINE_TRY(const auto state, engine_->get_state("consumers", consumer.name + "/paused"));
  if (!state) return consumer.paused;
  return state->bytes == "1";
}

net::IoLoop& Hub::io_loop(base::Loop& loop) {
  for (const auto& candidate : loops_) {
    if (candidate.get() == &loop) return *candidate;
  }
  TRUNKLINE_CHECK(false, "a queue lives on a loop that is not the hub's");
}

// On the consumer's loop.
Result<std::unique_ptr<delivery::Sink>> Hub::sink_of(Running& running) {
  const auto live = live_options(running.config);
  if (!live) return make_sink(running.config, *running.loop, names_);
  // Two runs of the program begin at different milliseconds.
  const std::string epoch = fmt::format("{:x}", started_at_.time_since_epoch().count());
  running.feed = sinks::LiveFeed::make(*live, *running.loop, names_, epoch);
  TRUNKLINE_TRY(auto sink, sinks::LiveSink::make(running.feed, *engine_, running.queue, running.config.name));
  return std::unique_ptr<delivery::Sink>(std::move(sink));
}

Result<void> Hub::start_consumer(const config::Consumer& consumer, base::QueueId queue) {
  auto running = std::make_unique<Running>();
  running->config = consumer;
  running->queue = queue;
  running->spec = queue_spec(consumer);
  running->loop = &io_loop(engine_->loop_of(queue));
  TRUNKLINE_TRY(const bool paused, stored_pause(consumer));
  running->paused.store(paused);
  if (!is_pulled(consumer)) {
    // Sinks and consumers belong to their loop, from making to destroying.
    auto made = std::make_shared<Result<void>>();
    run_and_wait(
        *running->loop, std::chrono::seconds(60), [this, made, paused, running = running.get()](base::Task done) {
          auto sink = sink_of(*running);
          if (!sink.ok()) {
            *made = sink.error();
            return done();
          }
          running->consumer = std::make_unique<delivery::Consumer>(running->config.name, *engine_, running->queue,
                                                                   std::move(*sink), delivery_options(running->config));
          if (paused) running->consumer->pause();
          running->consumer->start();
          done();
        });
    if (!made->ok()) return made->error().with(fmt::format("consumer '{}'", consumer.name));
  }
  consumers_.push_back(std::move(running));
  return {};
}

api::ConsumerInfo Hub::info(const Running& running) const {
  api::ConsumerInfo info;
  info.name = running.config.name;
  info.queue = running.queue;
  info.spec = running.spec;
  info.sink = sink_kind(running.config);
  if (const auto* http = std::get_if<config::HttpSink>(&running.config.sink)) info.target = http->url;
  if (const auto* hec = std::get_if<config::HecSink>(&running.config.sink)) info.target = hec->url;
  if (const auto* file = std::get_if<config::FileSink>(&running.config.sink)) info.target = file->path;
  info.filter = running.config.filter.json;
  info.paused = running.paused.load();
  if (running.consumer) {
    info.delivery = delivery_options(running.config);
    info.statistics = running.consumer->statistics();
  }
  if (running.feed) {
    const board::Board::Sizes sizes = running.feed->sizes();
    info.live = api::LiveStatistics{running.feed->subscribers(), sizes.agents,  sizes.queues,
                                    sizes.conversations,         sizes.evicted, running.feed->cut()};
  }
  return info;
}

std::vector<api::ConsumerInfo> Hub::consumers() {
  std::vector<api::ConsumerInfo> infos;
  for (const auto& running : consumers_) infos.push_back(info(*running));
  return infos;
}

std::optional<api::ConsumerInfo> Hub::consumer(std::string_view name) {
  for (const auto& running : consumers_) {
    if (running->config.name == name) return info(*running);
  }
  return std::nullopt;
}

void Hub::pause(const std::string& consumer, base::Loop& reply_on, engine::DoneCallback done) {
  set_paused(consumer, true, reply_on, std::move(done));
}
void Hub::resume(const std::string& consumer, base::Loop& reply_on, engine::DoneCallback done) {
  set_paused(consumer, false, reply_on, std::move(done));
}

void Hub::set_paused(const std::string& consumer, bool paused, base::Loop& reply_on, engine::DoneCallback done) {
  for (const auto& running : consumers_) {
    if (running->config.name != consumer) continue;
    const auto state = engine_->get_state("consumers", consumer + "/paused");
    const std::uint64_t version = state.ok() && *state ? (*state)->version : 0;
    engine_->put_state("consumers", consumer + "/paused", version, paused ? "1" : "0", reply_on,
                       [running = running.get(), paused, done = std::move(done)](Result<void> put) mutable {
                         if (put.ok()) {
                           running->paused.store(paused);
                           base::log::info(paused ? "consumer paused" : "consumer resumed", "consumer",
                                           running->config.name);
                           running->loop->post([running, paused] {
                             if (!running->consumer) return;
                             if (paused) {
                               running->consumer->pause();
                             } else {
                               running->consumer->resume();
                             }
                           });
                         }
                         done(std::move(put));
                       });
    return;
  }
  reply_on.post([done = std::move(done), consumer]() mutable {
    done(Error{Errc::not_found, fmt::format("no consumer is named '{}'", consumer)});
  });
}

// ---- quarantine and records

namespace {

// A resubmission under way: entries are taken in one after the other, so that their order in the log is theirs in the
// list.
struct ResubmitRun {
  std::vector<api::Resubmission> entries;
  std::vector<api::ResubmitOutcome> outcomes;
  api::Hub::ResubmitCallback done;
};

}  // namespace

void Hub::resubmit(std::vector<api::Resubmission> entries, base::Loop& reply_on, ResubmitCallback done) {
  auto run = std::make_shared<ResubmitRun>();
  run->entries = std::move(entries);
  run->done = std::move(done);
  net::IoLoop& loop = io_loop(reply_on);
  // Shared by the callbacks, ended by resetting itself.
  auto next = std::make_shared<std::function<void()>>();
  const auto finish_entry = [run, next](api::ResubmitOutcome outcome) {
    run->outcomes.push_back(std::move(outcome));
    (*next)();
  };
  *next = [this, run, next, finish_entry, &loop] {
    if (run->outcomes.size() == run->entries.size()) {
      loop.post([run, next] {
        *next = nullptr;
        run->done(std::move(run->outcomes));
      });
      return;
    }
    const api::Resubmission& entry = run->entries[run->outcomes.size()];
    engine_->quarantine_list({entry.id - 1, 1}, loop, [this, run, finish_entry, &loop, id = entry.id](auto listed) {
      if (!listed.ok()) return finish_entry({id, {}, listed.error()});
      if (listed->empty() || (*listed)[0].id != id)
        return finish_entry({id, {}, Error{Errc::not_found, "not in the quarantine"}});
      const engine::Quarantined& stored = (*listed)[0];
      const auto& replacement = run->entries[run->outcomes.size()].bytes;
      source::Ingest::Decoded decoded = ingest_->decode(loop, replacement ? *replacement : stored.bytes,
                                                        stored.source_name, stored.content_type, false);
      for (const engine::PublishItem& item : decoded.items) {
        if (const auto* still = std::get_if<engine::Quarantined>(&item)) {
          return finish_entry({id, {}, Error{Errc::invalid, fmt::format("{}: {}", still->reason, still->detail)}});
        }
      }
      if (decoded.items.empty()) return finish_entry({id, {}, Error{Errc::invalid, "holds no event"}});
      engine_->publish(
          std::move(decoded.items), loop, [this, finish_entry, &loop, id](std::vector<engine::PublishResult> results) {
            for (const engine::PublishResult& result : results) {
              if (result.error) return finish_entry({id, {}, *result.error});
            }
            engine_->quarantine_remove({id}, loop, [finish_entry, id, results](const Result<void>& removed) {
              if (!removed.ok()) return finish_entry({id, {}, removed.error()});
              finish_entry({id, results, std::nullopt});
            });
          });
    });
  };
  loop.post([next] { (*next)(); });
}

Result<api::Hub::StreamStart> Hub::live(const std::string& consumer, base::Loop& loop, LiveRequest request) {
  const auto parts = board::parse_parts(request.only);
  if (!parts) {
    return {Errc::invalid, fmt::format("only '{}' is not a list of agents, queues, conversations", request.only)};
  }
  for (const auto& running : consumers_) {
    if (running->config.name != consumer) continue;
    if (!running->feed) return {Errc::conflict, fmt::format("consumer '{}' has no live feed", consumer)};
    return running->feed->subscribe(loop, *parts, std::move(request.last_event_id));
  }
  return {Errc::not_found, fmt::format("no consumer is named '{}'", consumer)};
}

void Hub::read_record(base::Sequence sequence, base::Loop& reply_on, RecordCallback done) {
  engine_->read_record(sequence, reply_on, std::move(done));
}

void Hub::backup(std::string directory, base::Loop& reply_on, BackupCallback done) {
  engine_->backup(std::move(directory), reply_on, [done = std::move(done)](Result<queue::BackupReport> made) mutable {
    if (!made.ok()) return done(made.error());
    base::log::info("backup made", "directory", made->directory, "end", made->end.value, "bytes", made->bytes);
    done(api::BackupInfo{std::move(made->directory), made->end, made->bytes});
  });
}

// ---- HTTP

Result<void> Hub::listen() {
  std::vector<net::IoLoop*> loops;
  for (const auto& loop : loops_) loops.push_back(loop.get());
  api::ApiOptions api_options;
  for (const config::AcceptedKey& key : config_.api_keys) api_options.keys.push_back({key.key.reveal(), key.until});
  api_options.corrected_bytes_max = config_.limits.body_bytes;
  api_ = std::make_unique<api::Api>(*this, std::move(api_options), clock_);
  server_ = std::make_unique<net::HttpServer>(
      loops, server_options(config_), [this](net::IoLoop& loop, net::HttpRequest request, net::Responder respond) {
        handle(loop, std::move(request), std::move(respond));
      });
  if (!config_.listen_tls.empty()) {
    TRUNKLINE_TRY(auto certificates, net::TlsCertificates::load(tls_options(config_), clock_));
    TRUNKLINE_TRY(tls_port_, server_->listen(config_.listen_tls, std::move(certificates)));
  }
  TRUNKLINE_TRY(port_, server_->listen(config_.listen));
  return {};
}

Result<void> Hub::reload_certificates() {
  return server_->reload_certificates();
}

void Hub::handle(net::IoLoop& loop, net::HttpRequest request, net::Responder respond) {
  if (options_.front && options_.front(loop, request, respond)) return;
  if (source::Ingest::owns(request.path)) return ingest_->handle(loop, std::move(request), std::move(respond));
  if (api::Api::owns(request.path)) return api_->handle(loop, std::move(request), std::move(respond));
  if (console::Page::owns(request.path)) return respond(page_.answer(request));
  respond(net::HttpResponse::json(
      404,
      R"({"error":{"code":"not_found","message":"no such path","hint":"events go to POST /ingest/SOURCE; the API is under /api/v1"}})"));
}

api::Readiness Hub::readiness() {
  if (stopping_.load()) return {false, "stopping"};
  if (const auto refusing = engine_->refusing()) {
    return {false, *refusing == Errc::disk_full
                       ? "the disk or its budget is full: events are refused with 503 until there is room"
                       : "the store failed and is being reopened"};
  }
  return {true, ""};
}

api::HubMetrics Hub::metrics() {
  api::HubMetrics metrics;
  metrics.version = kVersion;
  metrics.started_at = started_at_;
  const queue::CommitStatistics& commits = engine_->commit_statistics();
  metrics.accepted = commits.accepted.load();
  metrics.duplicates = commits.duplicates.load();
  metrics.conflicts = commits.conflicts.load();
  metrics.in_quarantine = commits.in_quarantine.load();
  metrics.commits = commits.commits.load();
  metrics.commit_failures = commits.failures.load();
  metrics.store_reopens = commits.reopens.load();
  metrics.sync_seconds = histogram_of(commits.sync_seconds, queue::kSyncSeconds);
  metrics.commit_events = histogram_of(commits.batch_events, queue::kBatchEvents);
  source::IngestTotals totals = ingest_->totals();
  metrics.quarantined = std::move(totals.quarantined);
  metrics.publish_failures = totals.failed;
  metrics.slow_disk = totals.slow_disk;
  metrics.unauthenticated = totals.unauthenticated;
  metrics.keys_missing = totals.keys_missing;
  metrics.key_fetches = totals.key_fetches;
  metrics.key_fetch_failures = totals.key_fetch_failures;
  metrics.unknown_topics = totals.unknown_topics;
  metrics.mismatches = totals.mismatches;
  for (source::IngestTotals::Answers& answers : totals.answers) {
    metrics.requests.push_back({std::move(answers.source), answers.status, answers.count});
  }
  const net::HttpServer::Statistics server = server_->statistics();
  metrics.connections = server.connections;
  metrics.connections_refused = server.refused;
  metrics.bad_requests = server.bad_requests;
  metrics.tls_handshakes = server.tls_handshakes;
  metrics.tls_resumed = server.tls_resumed;
  metrics.tls_failures = server.tls_failures;
  metrics.certificate_not_after = server.certificate_not_after;
  const store::Store::Usage usage = engine_->usage();
  metrics.disk_bytes = usage.bytes;
  metrics.disk_free_bytes = usage.free_bytes;
  metrics.disk_budget_bytes = config_.store.disk_budget;
  metrics.store_memory_bytes = usage.memory_bytes;
  metrics.resident_bytes = resident_bytes();
  return metrics;
}

// ---- stop

void Hub::stop_consumers() {
  for (const auto& running : consumers_) {
    if (!running->consumer) continue;
    run_and_wait(*running->loop, options_.stop_within + kStopGrace, [this, running = running.get()](base::Task done) {
      running->consumer->stop(options_.stop_within, std::move(done));
    });
  }
}

void Hub::stop() {
  if (std::exchange(stopped_, true)) return;
  stopping_.store(true);
  if (ingest_) ingest_->refuse();
  stop_consumers();
  if (server_) {
    auto promise = std::make_shared<std::promise<void>>();
    std::future<void> gone = promise->get_future();
    server_->stop(options_.stop_within, [promise] { promise->set_value(); });
    gone.wait_for(options_.stop_within + kStopGrace);
  }
  if (engine_) engine_->stop();
  for (const auto& running : consumers_) {
    run_and_wait(*running->loop, kStopGrace, [running = running.get()](base::Task done) {
      running->consumer.reset();
      done();
    });
  }
  for (const auto& loop : loops_) loop->stop();
  for (const auto& loop : loops_) loop->join();
  server_.reset();
}

}  // namespace trunkline::app
