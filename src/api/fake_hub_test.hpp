#pragma once

#include <stdlib.h>

#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "api/api.hpp"
#include "base/check.hpp"
#include "base/clock.hpp"
#include "net/http_connection.hpp"
#include "net/http_server.hpp"
#include "net/io_loop.hpp"
#include "queue/embedded_engine.hpp"

// For the tests of the API and of the commands: a hub with a real engine behind a real server. What the program itself
// brings (the configuration, decoding) is played.
namespace trunkline::api::testing {

class FakeHub final : public Hub {
 public:
  FakeHub(queue::EmbeddedEngine& engine, base::Loop& loop)
      : engine_(engine),
        history_(engine),
        operations_(std::make_unique<operation::Operations>(engine, history_, loop)) {
    operations_->run();
  }

  // Set up before the server starts; `paused` changes under the mutex.
  std::vector<ConsumerInfo> list;
  HubMetrics counted;
  Readiness ready_now{true, ""};
  AlarmsInfo alarms_now;
  ReloadReport reload_report;
  // Nothing: corrected bytes are stored as event 77, others are still not understood.
  std::function<ResubmitOutcome(const Resubmission&)> on_resubmit;

  std::vector<ConsumerInfo> consumers() override {
    const std::scoped_lock lock(mutex_);
    return list;
  }
  std::optional<ConsumerInfo> consumer(std::string_view name) override {
    const std::scoped_lock lock(mutex_);
    for (const ConsumerInfo& info : list)
      if (info.name == name) return info;
    return std::nullopt;
  }
  engine::Engine& engine() override { return engine_; }
  void mapping_text(std::string, base::Loop& loop, MappingCallback done) override {
    loop.post([done = std::move(done)]() mutable { done(base::Error{base::Errc::not_found, "no such mapping"}); });
  }
  operation::Operations& operations() override { return *operations_; }
  AlarmsInfo alarms() override { return alarms_now; }
  Readiness readiness() override { return ready_now; }
  HubMetrics metrics() override { return counted; }
  void pause(const std::string& name, PauseRequest request, base::Loop& loop, engine::DoneCallback done) override {
    set_paused(name, {watch::RestBy::people, request.reason, clock_.wall(), request.until}, loop, std::move(done));
  }
  void resume(const std::string& name, base::Loop& loop, engine::DoneCallback done) override {
    set_paused(name, {}, loop, std::move(done));
  }
  void resubmit(std::vector<Resubmission> entries, base::Loop& loop, ResubmitCallback done) override {
    std::vector<ResubmitOutcome> outcomes;
    std::vector<std::uint64_t> gone;
    for (const Resubmission& entry : entries) {
      outcomes.push_back(on_resubmit ? on_resubmit(entry) : play_resubmit(entry));
      if (!outcomes.back().error) gone.push_back(entry.id);
    }
    engine_.quarantine_remove(gone, loop,
                              [outcomes = std::move(outcomes), done = std::move(done)](base::Result<void>) mutable {
                                done(std::move(outcomes));
                              });
  }
  void read_record(base::Sequence sequence, base::Loop& loop, RecordCallback done) override {
    engine_.read_record(sequence, loop, std::move(done));
  }
  void backup(std::string directory, base::Loop& loop, BackupCallback done) override {
    engine_.backup(std::move(directory), loop,
                   [done = std::move(done)](base::Result<queue::BackupReport> made) mutable {
                     if (!made.ok()) return done(made.error());
                     done(BackupInfo{made->directory, made->end, made->bytes});
                   });
  }
  // Writes what it was asked for, then ends.
  base::Result<ShadowReport> shadow(const std::string& name) override {
    if (name != "crm") return base::Error{base::Errc::conflict, "'" + name + "' is no shadow"};
    ShadowReport report{{base::WallTime{}, 7, 700}, {}};
    for (std::uint64_t number = 7; number > 5; --number)
      report.newest.push_back({number, base::WallTime{}, "POST", "https://crm/", {{"Authorization", "***"}}, "{}", 2});
    return report;
  }
  base::Result<StreamStart> live(const std::string& name, base::Loop&, LiveRequest request) override {
    if (!consumer(name)) return base::Error{base::Errc::not_found, "no consumer is named '" + name + "'"};
    if (name != "board") return base::Error{base::Errc::conflict, "'" + name + "' has no live feed"};
    return StreamStart([this, request = std::move(request)](std::shared_ptr<net::HttpStream> stream) {
      stream->write("only=" + request.only + " last=" + request.last_event_id + "\n");
      stream->close();
    });
  }
  void matches(MatchesRequest request, base::Loop& loop, MatchesCallback done) override {
    base::Result<MatchesReport> report = MatchesReport{};
    if (request.policy.find("wrong") != std::string::npos) report = base::Error{base::Errc::invalid, "no policy"};
    if (report.ok()) report->total = static_cast<std::uint64_t>(request.hours);
    loop.post([report = std::move(report), done = std::move(done)]() mutable { done(std::move(report)); });
  }
  void explain(ExplainRequest request, base::Loop& loop, ExplainCallback done) override {
    std::vector<ExplainedEvent> events;
    if (!request.payload.empty()) events.push_back({"type", request.payload});
    loop.post([events = std::move(events), done = std::move(done)]() mutable { done(std::move(events)); });
  }
  void why(std::string what, base::Loop& loop, WhyCallback done) override {
    base::Result<WhyReport> report = why_report;
    if (what == "nothing") report = base::Error{base::Errc::not_found, "nothing is known of 'nothing'"};
    if (report.ok()) report->asked = what;
    loop.post([report = std::move(report), done = std::move(done)]() mutable { done(std::move(report)); });
  }
  WhyReport why_report{};
  // What is asked for comes back as notes.
  void reload(ReloadRequest request, base::Loop& loop, ReloadCallback done) override {
    ReloadReport report = reload_report;
    for (const std::string& name : request.drop) report.notes.push_back("drop " + name);
    report.applied = report.problems.empty() && !request.dry_run;
    loop.post([report = std::move(report), done = std::move(done)]() mutable { done(std::move(report)); });
  }
  // Writes what was asked for, then ends.
  base::Result<StreamStart> tap(TapQuery query, base::Loop&) override {
    if (query.filter == "wrong") return base::Error{base::Errc::invalid, "the filter is wrong"};
    return StreamStart([query](const std::shared_ptr<net::HttpStream>& stream) {
      std::string asked = query.filter + (query.body_scope ? " body" : " attributes");
      for (const std::string& name : query.categories) asked += " category:" + name;
      for (const std::string& name : query.consumers) asked += " consumer:" + name;
      asked += " rate:" + std::to_string(static_cast<int>(query.rate)) + (query.with_body ? " with body" : "");
      stream->write(asked);
      stream->close();
    });
  }

 private:
  static ResubmitOutcome play_resubmit(const Resubmission& entry) {
    if (!entry.bytes) return {entry.id, {}, base::Error{base::Errc::invalid, "not_json: still not understood"}};
    return {entry.id, {{engine::PublishVerdict::accepted, 77, {}}}, {}};
  }
  void set_paused(const std::string& name, const watch::Rest& rest, base::Loop& loop, engine::DoneCallback done) {
    const std::scoped_lock lock(mutex_);
    for (ConsumerInfo& info : list)
      if (info.name == name) info.paused = rest.rests(), info.rest = rest;
    loop.post([done = std::move(done)]() mutable { done({}); });
  }

  // Everything, of whatever time.
  class PlayedHistory final : public operation::History {
   public:
    explicit PlayedHistory(queue::EmbeddedEngine& engine) : engine_(engine) {}
    void range(base::WallTime, base::WallTime, base::Loop& loop, RangeCallback done) override {
      loop.post([end = engine_.end(), done = std::move(done)]() mutable { done(std::pair(base::Sequence{1}, end)); });
    }
    void find(const operation::Request& request, base::Sequence after, Bounds bounds, base::Loop& loop,
              FoundCallback done) override {
      Found found;
      for (found.reached = after; found.reached < request.range.last && found.sequences.size() < bounds.matches;) {
        ++found.reached.value;
        found.sequences.push_back(found.reached);
        ++found.types["v2.test.{id}"];
      }
      loop.post([found = std::move(found), done = std::move(done)]() mutable { done(std::move(found)); });
    }

   private:
    queue::EmbeddedEngine& engine_;
  };

  base::SystemClock clock_;
  queue::EmbeddedEngine& engine_;
  PlayedHistory history_;
  std::unique_ptr<operation::Operations> operations_;
  std::mutex mutex_;
};

// Two loops, so that requests meet queues of another loop; an engine in a directory of its own; a server on port 0.
class Bench {
 public:
  explicit Bench(ApiOptions options = {}) {
    std::string directory = (std::filesystem::temp_directory_path() / "trunkline-api-XXXXXX").string();
    TRUNKLINE_CHECK(::mkdtemp(directory.data()) != nullptr, "a temporary directory");
    directory_ = directory;
    for (const char* name : {"api-0", "api-1", "api-client"}) loops_.push_back(std::make_unique<net::IoLoop>(name));
    queue::EmbeddedOptions engine_options;
    engine_options.directory = directory;
    engine_options.min_free = 0;
    engine_ =
        queue::EmbeddedEngine::open(std::move(engine_options), {loops_[0].get(), loops_[1].get()}, clock_).value();
    hub_ = std::make_unique<FakeHub>(*engine_, *loops_[0]);
    api_ = std::make_unique<Api>(*hub_, std::move(options), clock_);
    server_ = std::make_unique<net::HttpServer>(
        std::vector<net::IoLoop*>{loops_[0].get(), loops_[1].get()}, net::HttpServerOptions{},
        [this](net::IoLoop& loop, net::HttpRequest request, net::Responder respond) {
          api_->handle(loop, std::move(request), std::move(respond));
        });
    port_ = server_->listen("127.0.0.1:0").value();
    for (const auto& loop : loops_) loop->start();
  }
  ~Bench() {
    loops_[0]->post([this] { hub_->operations().stop(); });
    engine_->stop();
    for (const auto& loop : loops_) loop->stop();
    for (const auto& loop : loops_) loop->join();
    connection_.reset();
    server_.reset();
    api_.reset();
    engine_.reset();
    loops_.clear();
    std::filesystem::remove_all(directory_);
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  FakeHub& hub() { return *hub_; }
  queue::EmbeddedEngine& engine() { return *engine_; }
  Api& api() { return *api_; }
  std::uint16_t port() const { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  // Declares the queue and puts the consumer into the hub's list.
  base::QueueId add(ConsumerInfo info) {
    info.spec.name = info.name;
    info.queue = engine_->declare(info.spec).value();
    hub_->list.push_back(info);
    return info.queue;
  }
  static ConsumerInfo pulled(const std::string& name, event::Order order) {
    ConsumerInfo info{name, {}, {}, "pulled"};
    info.spec.order = order;
    info.spec.pulled = true;
    return info;
  }
  static ConsumerInfo pushed(const std::string& name) {
    ConsumerInfo info{name, {}, {}, "http", "https://crm.example/hook"};
    info.spec.order = event::Order::conversation;
    info.delivery = delivery::Options();
    info.statistics = delivery::Statistics();
    return info;
  }

  // Returns its sequence number when the first queue it goes to has heard of it: other loops may hear a moment later.
  std::uint64_t publish(const std::string& conversation, const std::string& raw, std::vector<base::QueueId> routes) {
    engine::PublishEntry entry;
    entry.event.raw = raw;
    entry.event.topic_name = "v2.test." + conversation;
    entry.event.event_type = "v2.test.{id}";
    entry.event.category = "conversation";
    entry.event.org_id = "org";
    entry.event.conversation_id = conversation;
    entry.source_name = "genesys";
    entry.routes = std::move(routes);
    base::Loop& loop = engine_->loop_of(entry.routes.at(0));
    return publish_item(std::move(entry), loop);
  }
  std::uint64_t quarantine(const std::string& reason, const std::string& bytes) {
    engine::Quarantined entry;
    entry.received_at = base::WallTime(base::Millis(1'772'460'000'000));
    entry.source_name = "genesys";
    entry.content_type = "application/json";
    entry.reason = reason;
    entry.detail = "unexpected end at byte 1";
    entry.bytes = bytes;
    return publish_item(std::move(entry), *loops_[0]);
  }

  net::ClientResponse call(const std::string& method, const std::string& target, const std::string& body = {},
                           const net::Headers& headers = {}, const std::string& host = "localhost") {
    std::promise<base::Result<net::ClientResponse>> promise;
    loops_[2]->post([&] {
      if (!connection_) connection_ = std::make_unique<net::HttpConnection>(*loops_[2], "127.0.0.1", port_);
      connection_->send(net::request_bytes(method, target, host, headers, body), std::chrono::seconds(30),
                        [&](base::Result<net::ClientResponse> answer) { promise.set_value(std::move(answer)); });
    });
    auto answer = promise.get_future().get();
    if (!answer.ok()) return {0, {}, answer.error().detail};
    return std::move(answer).value();
  }

 private:
  std::uint64_t publish_item(engine::PublishItem item, base::Loop& loop) {
    std::promise<std::uint64_t> promise;
    std::vector<engine::PublishItem> items;
    items.push_back(std::move(item));
    engine_->publish(std::move(items), loop, [&](const std::vector<engine::PublishResult>& results) {
      TRUNKLINE_CHECK(!results[0].error, results[0].error->detail);
      promise.set_value(results[0].sequence);
    });
    return promise.get_future().get();
  }

  base::SystemClock clock_;
  std::string directory_;
  std::vector<std::unique_ptr<net::IoLoop>> loops_;
  std::unique_ptr<queue::EmbeddedEngine> engine_;
  std::unique_ptr<FakeHub> hub_;
  std::unique_ptr<Api> api_;
  std::unique_ptr<net::HttpServer> server_;
  std::unique_ptr<net::HttpConnection> connection_;
  std::uint16_t port_ = 0;
};

}  // namespace trunkline::api::testing
