#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "api/api.hpp"
#include "api/hub.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "config/config.hpp"
#include "console/page.hpp"
#include "delivery/consumer.hpp"
#include "event/enrich.hpp"
#include "event/topic_table.hpp"
#include "net/http_server.hpp"
#include "net/io_loop.hpp"
#include "queue/embedded_engine.hpp"
#include "source/ingest.hpp"
#include "tap/taps.hpp"

namespace trunkline::app {

struct HubOptions {
  std::size_t loops = 0;                             // threads for connections and consumers; 0: one per core
  std::shared_ptr<rocksdb::FileSystem> file_system;  // the crash drill's
  base::Millis stop_within = std::chrono::seconds(10);
  // The demonstration's: asked before everything else, on the connection's loop; true when it has taken the request, and
  // then it answers. With it the page shows what only the demonstration has.
  std::function<bool(net::IoLoop& loop, net::HttpRequest& request, net::Responder& respond)> front{};
};

// The running program: loops, engine, sources, consumers, listener. Made and stopped on one thread that is none of its
// loops.
class Hub final : public api::Hub {
 public:
  // Ready when it returns. The error says what to do.
  static base::Result<std::unique_ptr<Hub>> start(const config::Config& config, HubOptions options = {});
  ~Hub() override;

  std::uint16_t port() const { return port_; }
  std::uint16_t tls_port() const { return tls_port_; }  // 0: no TLS

  // Any thread: reads the certificate files of listen_tls now. On an error what is in use stays.
  base::Result<void> reload_certificates();

  // Graceful: refuses new events, finishes what is in flight, writes and syncs what is settled. Idempotent.
  void stop();

  std::vector<api::ConsumerInfo> consumers() override;
  std::optional<api::ConsumerInfo> consumer(std::string_view name) override;
  engine::Engine& engine() override { return *engine_; }
  api::Readiness readiness() override;
  api::HubMetrics metrics() override;
  void pause(const std::string& consumer, base::Loop& reply_on, engine::DoneCallback done) override;
  void resume(const std::string& consumer, base::Loop& reply_on, engine::DoneCallback done) override;
  void resubmit(std::vector<api::Resubmission> entries, base::Loop& reply_on, ResubmitCallback done) override;
  base::Result<StreamStart> live(const std::string& consumer, base::Loop& loop, LiveRequest request) override;
  void read_record(base::Sequence sequence, base::Loop& reply_on, RecordCallback done) override;
  void backup(std::string directory, base::Loop& reply_on, BackupCallback done) override;
  base::Result<StreamStart> tap(api::TapQuery query, base::Loop& loop) override;

 private:
  struct Running;  // a consumer

  explicit Hub(const config::Config& config, HubOptions options);
  base::Result<void> open();
  base::Result<std::string> token_key();
  base::Result<void> start_consumers();
  base::Result<void> start_consumer(const config::Consumer& consumer, base::QueueId queue);
  base::Result<std::unique_ptr<delivery::Sink>> sink_of(Running& running);
  base::Result<base::PolicyVersion> policy_version(const std::vector<source::Subscription>& subscriptions);
  base::Result<void> listen();
  void make_taps();
  void name_taps();
  void handle(net::IoLoop& loop, net::HttpRequest request, net::Responder respond);
  void set_paused(const std::string& consumer, bool paused, base::Loop& reply_on, engine::DoneCallback done);
  base::Result<bool> stored_pause(const config::Consumer& consumer);
  net::IoLoop& io_loop(base::Loop& loop);
  api::ConsumerInfo info(const Running& running) const;
  void stop_consumers();

  const config::Config config_;
  const HubOptions options_;
  base::SystemClock clock_;
  const base::WallTime started_at_;
  std::vector<std::unique_ptr<net::IoLoop>> loops_;
  std::unique_ptr<event::TopicTable> topics_;
  std::shared_ptr<const event::NameTable> names_;
  std::unique_ptr<queue::EmbeddedEngine> engine_;
  std::unique_ptr<source::Ingest> ingest_;
  std::vector<std::unique_ptr<Running>> consumers_;  // in order of the configuration; fixed after start
  std::unique_ptr<tap::Taps> taps_;
  const console::Page page_;
  std::unique_ptr<api::Api> api_;
  std::unique_ptr<net::HttpServer> server_;
  std::uint16_t port_ = 0;
  std::uint16_t tls_port_ = 0;
  std::atomic<bool> stopping_{false};
  bool stopped_ = false;
};

}  // namespace trunkline::app
