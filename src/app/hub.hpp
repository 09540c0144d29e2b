#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "api/api.hpp"
#include "api/hub.hpp"
#include "app/alarms.hpp"
#include "app/bounded_work.hpp"
#include "app/consumer_set.hpp"
#include "app/sqs_queues.hpp"
#include "app/sqs_sources.hpp"
#include "app/watcher.hpp"
#include "aws_engine/aws_engine.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "config/config.hpp"
#include "config/load.hpp"
#include "console/page.hpp"
#include "event/enrich.hpp"
#include "event/topic_table.hpp"
#include "mapping/mapping.hpp"
#include "net/http_server.hpp"
#include "net/io_loop.hpp"
#include "operation/operations.hpp"
#include "put_events/service.hpp"
#include "queue/embedded_engine.hpp"
#include "sinks/mapped_sink.hpp"
#include "sns/http_deliveries.hpp"
#include "sns/registry.hpp"
#include "sns/service.hpp"
#include "source/ingest.hpp"
#include "sqs/registry.hpp"
#include "sqs/service.hpp"
#include "tap/taps.hpp"

namespace trunkline::app {

struct HubOptions {
  std::size_t loops = 0;                             // threads for connections and consumers; 0: one per core
  std::shared_ptr<rocksdb::FileSystem> file_system;  // the crash drill's
  base::Millis stop_within = std::chrono::seconds(10);
  // The demonstration's: asked before everything else, on the connection's loop; true when it has taken the request, and
  // then it answers. With it the page shows what only the demonstration has.
  std::function<bool(net::IoLoop& loop, net::HttpRequest& request, net::Responder& respond)> front{};
  // Reads the configuration anew, with what the command line overrides. Called on the hub's own operator thread. Null:
  // a reload is refused.
  std::function<config::Loaded()> load_config{};
  std::vector<std::string> drop{};  // queues without a consumer whose waiting events may go at the start
};

// The running program: loops, engine, sources, consumers, listener. Made and stopped on one thread that is none of its
// loops.
class Hub final : public api::Hub {
 public:
  // Ready when it returns. The error says what to do.
  static base::Result<std::unique_ptr<Hub>> start(const config::Config& config, HubOptions options = {});
  ~Hub() override;

  std::uint16_t port() const { return port_; }
  std::uint16_t tls_port() const { return tls_port_; }          // 0: no TLS
  std::uint16_t sqs_port() const { return sqs_port_; }          // 0: no SQS API
  std::uint16_t sqs_tls_port() const { return sqs_tls_port_; }  // 0: no TLS there

  // Any thread: reads the certificate files of listen_tls now. On an error what is in use stays.
  base::Result<void> reload_certificates();

  // Graceful: refuses new events, finishes what is in flight, writes and syncs what is settled. Idempotent.
  void stop();

  std::vector<api::ConsumerInfo> consumers() override;
  std::optional<api::ConsumerInfo> consumer(std::string_view name) override;
  engine::Engine& engine() override { return *engine_; }
  operation::Operations& operations() override { return *operations_; }
  api::AlarmsInfo alarms() override;
  api::Readiness readiness() override;
  api::HubMetrics metrics() override;
  void pause(const std::string& consumer, api::PauseRequest request, base::Loop& reply_on,
             engine::DoneCallback done) override;
  void resume(const std::string& consumer, base::Loop& reply_on, engine::DoneCallback done) override;
  void resubmit(std::vector<api::Resubmission> entries, base::Loop& reply_on, ResubmitCallback done) override;
  base::Result<api::ShadowReport> shadow(const std::string& consumer) override;
  std::shared_ptr<const mapping::Mapping> views() override;
  bool may_see_raw(std::string_view caller) override;
  void mapping_text(std::string version, base::Loop& reply_on, MappingCallback done) override;
  base::Result<StreamStart> live(const std::string& consumer, base::Loop& loop, LiveRequest request) override;
  void read_record(base::Sequence sequence, base::Loop& reply_on, RecordCallback done) override;
  void backup(std::string directory, base::Loop& reply_on, BackupCallback done) override;
  base::Result<StreamStart> tap(api::TapQuery query, base::Loop& loop) override;
  void matches(api::MatchesRequest request, base::Loop& reply_on, MatchesCallback done) override;
  void explain(api::ExplainRequest request, base::Loop& reply_on, ExplainCallback done) override;
  void why(std::string what, base::Loop& reply_on, WhyCallback done) override;
  void reload(api::ReloadRequest request, base::Loop& reply_on, ReloadCallback done) override;
  // The same, and waits. Not on a loop.
  api::ReloadReport reload_now(api::ReloadRequest request);

 private:
  explicit Hub(const config::Config& config, HubOptions options);
  base::Result<void> open();
  // hub_engine.cpp: what the two engines do in their own ways.
  base::Result<void> open_engine(std::vector<base::Loop*> loops);
  base::Result<std::vector<engine::QueueSpec>> stored_queues();
  base::Result<engine::QueueStatistics> statistics_now(base::QueueId queue);
  void drain_engine(base::Millis within);
  void stop_engine();
  void take_engine_metrics(api::HubMetrics& metrics) const;
  base::Result<void> read_log(base::Sequence first, const std::function<bool(const engine::Record&)>& take);
  // Waits until it is on disk; not on a loop. Without a version it replaces what is there, whoever else writes it.
  base::Result<void> put_state(const std::string& owner, const std::string& key, std::string bytes);
  base::Result<void> put_state(const std::string& owner, const std::string& key, std::uint64_t version,
                               std::string bytes);
  base::Result<std::string> token_key(const config::Config& config);
  // hub_privacy.cpp
  base::Result<std::string> stored_mapping_key(const config::Config& config);
  void take_privacy(const config::Config& config);
  base::Result<sinks::MappedSinkOptions> mappings_of(const config::Consumer& consumer);
  // Writes down since when the consumer has its mapping, and that mapping's text. Not on a loop.
  base::Result<void> note_mapping(const config::Consumer& consumer);
  // The mapping that the consumer had then; empty: none.
  base::Result<std::string> mapping_at(const std::string& consumer, base::WallTime at);
  base::Result<std::string> run_mapping(const std::string& version);
  base::Result<void> start_consumers();
  base::Result<void> settle_unnamed_queues();
  base::Result<void> open_sns(const std::vector<engine::QueueSpec>& stored);
  std::unique_ptr<sns::Service> make_sns(sqs::Work work);
  base::Result<void> check_sqs_name(const config::Consumer& consumer) const;
  base::Result<MadeSink> sink_of(const config::Consumer& consumer, net::IoLoop& loop, base::QueueId queue);
  base::Result<MadeSink> sink_on_loop(const config::Consumer& consumer, base::QueueId queue);
  void start_consumer(const config::Consumer& consumer, base::QueueId queue, MadeSink made, watch::PauseState pause);
  base::Result<std::uint64_t> held_by(base::QueueId queue);
  base::Result<void> remove_consumer(const std::string& name, bool drop);
  void destroy_consumer(const std::shared_ptr<RunningConsumer>& consumer);
  base::Result<void> forget(const std::string& consumer);
  watch::PauseState configured_pause(const config::Consumer& consumer) const;
  base::Result<void> put_pause(const std::string& consumer, const std::string& value);
  base::Result<void> listen();
  base::Result<void> listen_sqs(const std::vector<net::IoLoop*>& loops);
  std::unique_ptr<put_events::Service> make_put_events();
  void store_put_events(net::IoLoop& loop, std::vector<put_events::Service::Event> events,
                        base::UniqueFunction<void(std::vector<std::string>)> done);
  void stop_server(net::HttpServer& server);
  base::Result<void> start_sqs_sources();
  base::Result<std::unique_ptr<source::Ingest>> make_ingest(const config::Config& config);
  void take_requests_by(std::unique_ptr<source::Ingest> ingest);
  void set_router(const std::shared_ptr<const source::Router>& router);
  source::IngestTotals ingest_totals() const;
  void make_taps();
  base::Result<api::MatchesReport> run_matches(const api::MatchesRequest& request);
  base::Result<std::vector<api::ExplainedEvent>> run_explain(const api::ExplainRequest& request);
  // hub_why.cpp; reader thread.
  base::Result<api::WhyReport> run_why(const std::string& what);
  // hub_aws_why.cpp; likewise.
  base::Result<std::vector<base::Sequence>> find_in_table(const std::string& what, api::WhyReport& report);
  base::Result<api::WhyConsumer> why_in_table(const api::ConsumerInfo& consumer, const engine::Record& record);
  base::Result<std::vector<base::Sequence>> find_events(const std::string& what, api::WhyReport& report);
  base::Result<std::vector<base::Sequence>> find_identified(const std::set<std::string>& organisations,
                                                            const std::string& what);
  base::Result<std::vector<base::Sequence>> find_in_newest(const std::string& what);
  base::Result<void> find_quarantined(const std::string& what, api::WhyReport& report);
  base::Result<void> why_events(const std::vector<base::Sequence>& sequences, api::WhyReport& report);
  base::Result<api::WhyEvent> why_event(const engine::RecordPtr& record, const std::string& policies);
  base::Result<api::WhyConsumer> why_routed(const api::ConsumerInfo& consumer, const engine::Record& record);
  // Events that one question reads whole: about two seconds. The newest are the ones that are asked about.
  static constexpr std::uint64_t kLookedAtMax = 200'000;
  base::Sequence first_of_newest(std::uint64_t count) const;
  base::Result<engine::RecordPtr> stored_event(base::Sequence sequence);  // null where there is none (any more)
  base::Result<engine::RecordPtr> find_event(const api::ExplainRequest& request);
  void name_taps();
  base::Result<void> start_operations();
  void stop_operations();
  void handle(net::IoLoop& loop, net::HttpRequest request, net::Responder respond);
  void set_paused(const std::string& consumer, watch::PauseState said, base::Loop& reply_on, engine::DoneCallback done);
  base::Result<watch::PauseState> stored_pause(const config::Consumer& consumer);
  watch::PauseState pause_of(const std::string& consumer, const std::string& bytes) const;
  void take_what_workers_say();
  void take_pause(RunningConsumer& consumer, const std::string& bytes);
  delivery::BreakerNote breaker_note(const std::string& consumer, const std::string& bytes);
  base::Result<void> forget_breaker(const std::string& consumer);
  delivery::BreakerNote stored_breaker(const std::string& consumer);
  base::Result<void> forget_former(const std::string& consumer, base::QueueId queue);
  net::IoLoop& io_loop(base::Loop& loop);
  void stop_consumers();
  void look();
  base::Result<void> check_alarms(const config::Config& config) const;
  void make_alarms();
  void change_alarms(const config::Config& config);

  // hub_reload.cpp; operator thread.
  struct Reload;
  api::ReloadReport run_reload(const api::ReloadRequest& request);
  void check_reload(Reload& reload, const api::ReloadRequest& request);
  void compare_reload(Reload& reload);
  void compare_files(Reload& reload);
  void check_removals(Reload& reload, const api::ReloadRequest& request);
  base::Result<void> try_reload(Reload& reload);
  base::Result<void> prepare_reload(Reload& reload);
  base::Result<void> prepare_consumer(Reload& reload, source::Subscription& subscription);
  void undo_reload(Reload& reload);
  void apply_reload(Reload& reload, const api::ReloadRequest& request);
  void apply_consumer(Reload& reload, const source::Subscription& subscription);
  void apply_removals(Reload& reload, const api::ReloadRequest& request);

  // A consumer that the configuration has no more and that could not be removed: nothing new is routed to it, and it
  // delivers what it has. The next reload tries again, or takes it back.
  struct Leaving {
    config::Consumer consumer;
    std::vector<config::Setting> settings;
  };

  config::Config config_;         // as it is in effect; after start() the operator thread's alone
  std::vector<Leaving> leaving_;  // the operator thread's; not in config_
  std::string mapping_key_;
  mutable std::mutex views_mutex_;                 // guards the two below; taken once a request
  std::shared_ptr<const mapping::Mapping> views_;  // what operators see; null: all
  std::vector<std::string> raw_by_;
  const HubOptions options_;
  base::SystemClock clock_;
  const base::WallTime started_at_;
  std::vector<std::unique_ptr<net::IoLoop>> loops_;
  std::unique_ptr<event::TopicTable> topics_;
  std::shared_ptr<const event::NameTable>
      names_;  // set by the operator thread; read by it, and by loops that it waits for
  std::map<std::string, std::string> codes_read_;  // the operator thread's: which codes a consumer has begun with
  std::unique_ptr<engine::Engine> engine_;
  queue::EmbeddedEngine* embedded_ = nullptr;  // the same where it is that, for what only a store and its log can do
  aws_engine::AwsEngine* aws_ = nullptr;       // the same where it is that
  // The last one takes requests; the others are of former sources and answer what they have begun. They are kept to the
  // end, since nobody knows when a disk that hangs lets go of their last publish; kIngestsMax bounds them.
  std::vector<std::unique_ptr<source::Ingest>> ingests_;
  mutable std::mutex ingests_mutex_;  // guards the list; requests go by the pointer
  std::atomic<source::Ingest*> ingest_{nullptr};
  std::unique_ptr<SqsSources> sqs_sources_;  // changed by the operator thread
  ConsumerSet consumers_;
  std::unique_ptr<operation::History> history_;
  std::unique_ptr<operation::Operations> operations_;
  std::unique_ptr<tap::Taps> taps_;
  const console::Page page_;
  std::unique_ptr<api::Api> api_;
  std::unique_ptr<net::HttpServer> server_;
  SqsQueues sqs_queues_{*this};
  std::unique_ptr<sqs::Registry> sqs_registry_;  // changed by the operator thread alone
  std::unique_ptr<BoundedWork> sqs_work_;        // for it
  std::unique_ptr<sqs::Service> sqs_;
  std::unique_ptr<sns::Registry> sns_topics_;  // changed by the operator thread alone
  std::unique_ptr<sns::HttpDeliveries> sns_deliveries_;
  std::unique_ptr<sns::Service> sns_;
  std::unique_ptr<put_events::Service> put_events_;
  std::unique_ptr<net::HttpServer> sqs_server_;
  std::unique_ptr<net::IoLoop> reader_;  // long looks into the log, one after the other
  std::unique_ptr<BoundedWork> looks_;   // for it
  struct PulledFailures {
    bool seen = false;
    std::uint64_t left = 0;  // in the dead-letter queue
    std::uint64_t total = 0;
  };
  std::unique_ptr<Watcher> watcher_;
  std::unique_ptr<Alarms> alarms_;                         // on the watcher's thread, which is joined before it goes
  std::map<std::string, PulledFailures> pulled_failures_;  // the watcher's; by consumer, of the whole run
  std::map<std::string, std::string> pauses_seen_;         // the watcher's: what other workers have said, by consumer
  std::uint64_t looks_taken_ = 0;                          // the watcher's
  std::unique_ptr<net::IoLoop> operator_;                  // reloads, one after the other; may wait for the others
  std::atomic<std::uint64_t> disk_budget_{0};
  std::uint16_t port_ = 0;
  std::uint16_t tls_port_ = 0;
  std::uint16_t sqs_port_ = 0;
  std::uint16_t sqs_tls_port_ = 0;
  std::atomic<bool> stopping_{false};
  bool stopped_ = false;
};

}  // namespace trunkline::app
