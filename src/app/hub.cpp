#include "app/hub.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <future>
#include <thread>

#include "app/from_config.hpp"
#include "app/stored_secret.hpp"
#include "app/tls_files.hpp"
#include "app/version.hpp"
#include "app/wfm_sinks.hpp"
#include "base/crypto.hpp"
#include "base/log.hpp"
#include "base/run_and_wait.hpp"

namespace trunkline::app {

using base::Errc;
using base::Error;
using base::Result;

namespace {

// Questions that wait for a look into the log, of about two seconds each: half a minute is what a person waits.
constexpr std::size_t kLooksMax = 16;
// Changes of queues of the SQS API, each of one or two commits.
constexpr std::size_t kQueueChangesMax = 256;
// Of state that another worker changes at the same time.
constexpr int kPutTries = 10;
// What a stop waits for on another thread. Without an answer in that time the thing is left behind.
constexpr base::Millis kStopGrace = std::chrono::seconds(5);
// A reload waits for the disk and for the loops, each bounded by seconds.
constexpr base::Millis kReloadGrace = std::chrono::seconds(60);

std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  file >> total >> resident;
  return resident * 4096;
}

}  // namespace

Hub::Hub(const config::Config& config, HubOptions options)
    : config_(config), options_(std::move(options)), started_at_(clock_.wall()), page_(options_.front != nullptr) {}

Hub::~Hub() {
  stop();
}

Result<std::unique_ptr<Hub>> Hub::start(const config::Config& config, HubOptions options) {
  std::unique_ptr<Hub> hub(new Hub(config, std::move(options)));
  if (config.engine == config::EngineKind::embedded) hub->disk_budget_.store(config.store.disk_budget);
  TRUNKLINE_TRY_VOID(hub->open());
  TRUNKLINE_TRY_VOID(hub->check_alarms(hub->config_));
  TRUNKLINE_TRY_VOID(hub->start_consumers());
  for (const config::Consumer& consumer : config.consumers) {
    if (std::string print = codes_fingerprint(consumer); !print.empty())
      hub->codes_read_[consumer.name] = std::move(print);
  }
  hub->operator_ = std::make_unique<net::IoLoop>("operator");
  hub->operator_->start();
  hub->sqs_work_ = std::make_unique<BoundedWork>(*hub->operator_, kQueueChangesMax);
  hub->reader_ = std::make_unique<net::IoLoop>("reader");
  hub->looks_ = std::make_unique<BoundedWork>(*hub->reader_, kLooksMax);
  hub->reader_->start();
  TRUNKLINE_TRY_VOID(hub->start_operations());
  hub->make_alarms();
  TRUNKLINE_TRY_VOID(hub->listen());
  TRUNKLINE_TRY_VOID(hub->start_sqs_sources());
  hub->watcher_->start();
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
  TRUNKLINE_TRY_VOID(open_engine(std::move(loops)));
  TRUNKLINE_TRY(mapping_key_, stored_mapping_key(config_));
  take_privacy(config_);
  TRUNKLINE_TRY(auto ingest, make_ingest(config_));
  take_requests_by(std::move(ingest));
  make_taps();
  return {};
}

Result<void> Hub::put_state(const std::string& owner, const std::string& key, std::uint64_t version,
                            std::string bytes) {
  return base::answer_of<Result<void>>([&](engine::DoneCallback done) {
    engine_->put_state(owner, key, version, std::move(bytes), *loops_[0], std::move(done));
  });
}

Result<void> Hub::put_state(const std::string& owner, const std::string& key, std::string bytes) {
  for (int tries = 1;; ++tries) {
    TRUNKLINE_TRY(const auto now, engine_->get_state(owner, key));
    if (now && now->bytes == bytes) return {};
    auto put = put_state(owner, key, now ? now->version : 0, bytes);
    if (put.ok() || put.error().code != Errc::conflict || tries == kPutTries) return put;
  }
}

// ---- sources

Result<std::unique_ptr<source::Ingest>> Hub::make_ingest(const config::Config& config) {
  std::vector<net::IoLoop*> loops;
  for (const auto& loop : loops_) loops.push_back(loop.get());
  source::IngestOptions options;
  TRUNKLINE_TRY(options.token_key, token_key(config));
  return std::make_unique<source::Ingest>(*engine_, *topics_, source_specs(config), std::move(loops), clock_,
                                          std::move(options));
}

// The sources that fetch their events. They decode as requests do, by the sources of the time.
Result<void> Hub::start_sqs_sources() {
  std::vector<net::IoLoop*> loops;
  for (const auto& loop : loops_) loops.push_back(loop.get());
  sqs_sources_ = std::make_unique<SqsSources>(
      *engine_, std::move(loops),
      [this](net::IoLoop& loop, std::string_view body, const std::string& source, bool first) {
        return ingest_.load(std::memory_order_acquire)->decode(loop, body, source, "application/json", first);
      },
      [this](const std::string& source, std::uint64_t stored, std::uint64_t failed) {
        ingest_.load(std::memory_order_acquire)->count_fetched(source, stored, failed);
      });
  return sqs_sources_->start(config_);
}

// Signs access tokens. Without a configured secret the store keeps one, so that tokens live through a restart.
Result<std::string> Hub::token_key(const config::Config& config) {
  const bool wanted = std::any_of(config.sources.begin(), config.sources.end(),
                                  [](const config::Source& source) { return !source.oauth.empty(); });
  if (!wanted) return std::string();
  if (!config.token_key.empty()) return base::hmac_sha256(config.token_key.reveal(), "trunkline access tokens");
  return stored_secret(*engine_, *loops_[0], "oauth", "signing_key", "the key of access tokens");
}

void Hub::take_requests_by(std::unique_ptr<source::Ingest> ingest) {
  const std::scoped_lock lock(ingests_mutex_);
  ingest_.store(ingest.get(), std::memory_order_release);
  if (!ingests_.empty()) ingests_.back()->retire();
  ingests_.push_back(std::move(ingest));
}

// Former ones, too: a request that waits there for a key server is routed when it is admitted.
void Hub::set_router(const std::shared_ptr<const source::Router>& router) {
  const std::scoped_lock lock(ingests_mutex_);
  for (const auto& ingest : ingests_) ingest->set_router(router);
}

// Counts of a source go on when it changes, and end with it.
source::IngestTotals Hub::ingest_totals() const {
  const std::scoped_lock lock(ingests_mutex_);
  source::IngestTotals totals = ingests_.back()->totals();
  for (std::size_t i = 0; i + 1 < ingests_.size(); ++i) {
    const source::IngestTotals former = ingests_[i]->totals();
    totals.failed += former.failed;
    totals.slow_disk += former.slow_disk;
    totals.unauthenticated += former.unauthenticated;
    totals.keys_missing += former.keys_missing;
    totals.key_fetches += former.key_fetches;
    totals.key_fetch_failures += former.key_fetch_failures;
    totals.unknown_topics += former.unknown_topics;
    totals.mismatches += former.mismatches;
    for (const source::IngestTotals::Answers& before : former.answers) {
      for (source::IngestTotals::Answers& now : totals.answers) {
        if (now.source == before.source && now.status == before.status) now.count += before.count;
      }
    }
    for (const auto& [name, count] : former.events) {
      const auto same = [&name = name](const auto& now) { return now.first == name; };
      const auto now = std::ranges::find_if(totals.events, same);
      if (now != totals.events.end()) now->second += count;
    }
    for (const auto& [reason, count] : former.quarantined) {
      const auto same = [&reason = reason](const auto& now) { return now.first == reason; };
      const auto now = std::ranges::find_if(totals.quarantined, same);
      if (now != totals.quarantined.end()) now->second += count;
    }
  }
  return totals;
}

// ---- HTTP

Result<void> Hub::listen() {
  std::vector<net::IoLoop*> loops;
  for (const auto& loop : loops_) loops.push_back(loop.get());
  api::ApiOptions api_options;
  api_options.credentials = api_credentials(config_);
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
  return listen_sqs(loops);
}

Result<void> Hub::listen_sqs(const std::vector<net::IoLoop*>& loops) {
  if (config_.sqs.listen.empty()) return {};
  // Once a stop has begun nobody may come to run it.
  const auto work = [this](base::Task task) { return !stopping_.load() && sqs_work_->post(std::move(task)); };
  sqs_ = std::make_unique<sqs::Service>(sqs_queues_, *sqs_registry_, work, sqs_options(config_), clock_);
  TRUNKLINE_TRY_VOID(sqs_->open());
  put_events_ = make_put_events();
  sns_ = make_sns(work);
  sqs_server_ = std::make_unique<net::HttpServer>(
      loops, server_options(config_), [this](net::IoLoop& loop, net::HttpRequest request, net::Responder respond) {
        if (put_events::Service::owns(request)) return put_events_->handle(loop, request, std::move(respond));
        if (sns::Service::owns(request)) return sns_->handle(loop, request, std::move(respond));
        sqs_->handle(loop, std::move(request), std::move(respond));
      });
  if (!config_.sqs.listen_tls.empty()) {
    net::TlsOptions tls = tls_options(config_);
    tls.client_auth = net::ClientAuth::none;  // what is signed says who it is of
    tls.client_ca_file.clear();
    TRUNKLINE_TRY(auto certificates, net::TlsCertificates::load(tls, clock_));
    TRUNKLINE_TRY(sqs_tls_port_, sqs_server_->listen(config_.sqs.listen_tls, std::move(certificates)));
  }
  TRUNKLINE_TRY(sqs_port_, sqs_server_->listen(config_.sqs.listen));
  return {};
}

Result<void> Hub::reload_certificates() {
  TRUNKLINE_TRY_VOID(server_->reload_certificates());
  return sqs_server_ ? sqs_server_->reload_certificates() : Result<void>();
}

void Hub::handle(net::IoLoop& loop, net::HttpRequest request, net::Responder respond) {
  if (options_.front && options_.front(loop, request, respond)) return;
  if (source::Ingest::owns(request.path))
    return ingest_.load(std::memory_order_acquire)->handle(loop, std::move(request), std::move(respond));
  if (api::Api::owns(request.path)) return api_->handle(loop, std::move(request), std::move(respond));
  if (console::Page::owns(request.path)) return respond(page_.answer(request));
  respond(net::HttpResponse::json(
      404,
      R"({"error":{"code":"not_found","message":"no such path","hint":"events go to POST /ingest/SOURCE; the API is under /api/v1"}})"));
}

api::Readiness Hub::readiness() {
  if (stopping_.load()) return {false, "stopping"};
  if (aws_ != nullptr && aws_->unreachable())
    return {false, "DynamoDB does not answer as it should: events are refused with 503 until it does"};
  if (const auto refusing = embedded_ != nullptr ? embedded_->refusing() : std::nullopt) {
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
  take_engine_metrics(metrics);
  source::IngestTotals totals = ingest_totals();
  metrics.quarantined = std::move(totals.quarantined);
  metrics.source_events = std::move(totals.events);
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
  // Of both servers it is the same one.
  if (sqs_server_ && !metrics.certificate_not_after)
    metrics.certificate_not_after = sqs_server_->statistics().certificate_not_after;
  metrics.disk_budget_bytes = disk_budget_.load();
  metrics.resident_bytes = resident_bytes();
  return metrics;
}

// ---- stop

void Hub::stop_consumers() {
  for (const auto& consumer : consumers_.all()) {
    base::run_and_wait(consumer->loop(), options_.stop_within + kStopGrace,
                       [this, consumer](base::Task done) { consumer->stop(options_.stop_within, std::move(done)); });
  }
  if (sns_deliveries_) sns_deliveries_->stop(options_.stop_within);
}

void Hub::stop_server(net::HttpServer& server) {
  auto promise = std::make_shared<std::promise<void>>();
  std::future<void> gone = promise->get_future();
  server.stop(options_.stop_within, [promise] { promise->set_value(); });
  gone.wait_for(options_.stop_within + kStopGrace);
}

void Hub::stop() {
  if (std::exchange(stopped_, true)) return;
  stopping_.store(true);
  {
    const std::scoped_lock lock(ingests_mutex_);
    for (const auto& ingest : ingests_) ingest->refuse();
  }
  // A reload under way ends first: from here on nobody else changes consumers.
  if (operator_) {
    base::run_and_wait(*operator_, kReloadGrace, [](base::Task done) { done(); });
    operator_->stop();
    operator_->join();
  }
  if (sqs_sources_) sqs_sources_->stop(options_.stop_within);
  stop_operations();
  if (reader_) {
    reader_->stop();
    reader_->join();
  }
  if (watcher_) watcher_->stop();
  stop_consumers();
  drain_engine(kStopGrace);
  if (sqs_) sqs_->stop();
  if (sqs_server_) stop_server(*sqs_server_);
  if (server_) stop_server(*server_);
  stop_engine();
  for (const auto& consumer : consumers_.all()) {
    base::run_and_wait(consumer->loop(), kStopGrace, [consumer](base::Task done) {
      consumer->destroy();
      done();
    });
  }
  for (const auto& loop : loops_) loop->stop();
  for (const auto& loop : loops_) loop->join();
  sqs_server_.reset();
  server_.reset();
}

}  // namespace trunkline::app
