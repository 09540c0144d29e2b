#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "event/event_testing.hpp"
#include "net/http_server.hpp"
#include "net/io_loop.hpp"
#include "net/raw_client_test.hpp"
#include "queue/embedded_engine.hpp"
#include "source/gated_engine.hpp"
#include "source/ingest.hpp"

namespace trunkline::source {

// Stands still until told; may be told while loops read it.
class SharedClock final : public base::Clock {
 public:
  static constexpr base::WallTime kStart{base::Millis(1'772'460'000'000)};
  base::WallTime wall() const override { return kStart + base::Millis(passed_.load()); }
  base::MonoTime mono() const override { return base::MonoTime(base::Millis(passed_.load())); }
  void advance(base::Millis by) { passed_ += by.count(); }

 private:
  std::atomic<std::int64_t> passed_{0};
};

// An ingest behind a real server on loopback, in front of a real embedded engine with a gate between. For tests.
class IngestFixture {
 public:
  using Answer = net::testing::RawClient::Answer;

  explicit IngestFixture(IngestOptions options = {}, queue::EmbeddedOptions engine = {},
                         std::vector<SourceSpec> specs = sources()) {
    std::vector<net::IoLoop*> loops;
    for (const char* name : {"one", "two"}) {
      loops_.push_back(std::make_unique<net::IoLoop>(name));
      loops_.back()->start();
      loops.push_back(loops_.back().get());
    }
    char directory[] = "/tmp/trunkline-ingest-XXXXXX";
    engine.directory = directory_ = ::mkdtemp(directory);
    engine.memory_budget = 16 << 20;
    auto opened = queue::EmbeddedEngine::open(engine, {loops.begin(), loops.end()}, engine_clock_);
    if (!opened.ok()) {
      ADD_FAILURE() << opened.error().detail;
      std::abort();
    }
    engine_ = std::move(*opened);
    gate_ = std::make_unique<GatedEngine>(*engine_);
    ingest_ =
        std::make_unique<Ingest>(*gate_, event::testing::topics(), std::move(specs), loops, clock_, std::move(options));
    server_ = std::make_unique<net::HttpServer>(
        loops, net::HttpServerOptions{}, [this](net::IoLoop& loop, net::HttpRequest request, net::Responder respond) {
          ingest_->handle(loop, std::move(request), std::move(respond));
        });
    auto port = server_->listen("127.0.0.1:0");
    EXPECT_TRUE(port.ok());
    port_ = port.ok() ? *port : 0;
  }
  ~IngestFixture() {
    std::promise<void> stopped;
    server_->stop(base::Millis(0), [&] { stopped.set_value(); });
    stopped.get_future().wait();
    engine_->stop();
    for (const auto& loop : loops_) {
      loop->stop();
      loop->join();
    }
    engine_.reset();
    std::filesystem::remove_all(directory_);
  }

  static std::vector<SourceSpec> sources() {
    const auto end = SharedClock::kStart + std::chrono::hours(1);
    return {
        {"bridge", Kind::eventbridge, "x-api-key", {{"old", end}, {"new", {}}}, "key", {{"in-query", end}}, {}},
        {"grid", Kind::eventgrid, "x-api-key", {{"grid-header", {}}}, "code", {{"grid key", {}}}, {}},
        {"notifications", Kind::genesys, "x-api-key", {{"new", {}}}, {}, {}, "org-default"},
        {"open", Kind::eventbridge, {}, {}, {}, {}, {}},
    };
  }

  SharedClock& clock() { return clock_; }
  GatedEngine& gate() { return *gate_; }
  Ingest& ingest() { return *ingest_; }
  net::IoLoop& loop() { return *loops_[0]; }
  net::testing::RawClient connect() const { return net::testing::RawClient(port_); }

  // `fields` are whole header lines, each with its CRLF.
  static std::string request(std::string_view method, std::string_view target, std::string_view body,
                             std::string_view fields = {}) {
    std::string text(method);
    text.append(" /ingest/").append(target).append(" HTTP/1.1\r\nHost: hub\r\n").append(fields);
    return text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n").append(body);
  }
  Answer send(std::string_view method, std::string_view target, std::string_view body, std::string_view fields = {}) {
    net::testing::RawClient client = connect();
    EXPECT_TRUE(client.send(request(method, target, body, fields)));
    return client.read_answer(method == "HEAD");
  }
  Answer post(std::string_view target, std::string_view body, std::string_view fields = {}) {
    return send("POST", target, body, fields);
  }

  // Waits until the server has that many connections: until it has seen that a peer went away.
  void wait_for_connections(std::uint64_t count) {
    auto seen = std::make_shared<std::promise<void>>();
    auto look = std::make_shared<std::function<void()>>();
    *look = [this, count, seen, weak = std::weak_ptr(look)] {
      if (server_->statistics().connections == count) return seen->set_value();
      if (const auto again = weak.lock()) loop().after(base::Millis(10), [again] { (*again)(); });
    };
    loop().post([look] { (*look)(); });
    wait(seen->get_future());
  }
  std::vector<engine::Quarantined> quarantine() {
    auto promise = std::make_shared<std::promise<std::vector<engine::Quarantined>>>();
    gate_->quarantine_list({}, loop(), [promise](base::Result<std::vector<engine::Quarantined>> listed) {
      promise->set_value(listed.ok() ? *listed : std::vector<engine::Quarantined>());
    });
    return wait(promise->get_future());
  }
  // Runs it on the first loop.
  void on_loop(std::function<void(net::IoLoop&)> task) {
    std::promise<void> done;
    loop().post([&] {
      task(loop());
      done.set_value();
    });
    done.get_future().wait();
  }

  struct Metrics {
    std::map<std::string, std::uint64_t> quarantined;
    std::map<std::string, std::uint64_t> answers;  // "source status"; zeros are left out
    std::uint64_t failed = 0;
  };
  Metrics metrics() const {
    Metrics found;
    const IngestTotals totals = ingest_->totals();
    found.failed = totals.failed;
    for (const IngestTotals::Answers& each : totals.answers) {
      if (each.count > 0) found.answers[each.source + " " + std::to_string(each.status)] = each.count;
    }
    for (const auto& [reason, count] : totals.quarantined) {
      if (count > 0) found.quarantined[reason] = count;
    }
    return found;
  }

 private:
  template <class T>
  static T wait(std::future<T> future) {
    if (future.wait_for(std::chrono::seconds(60)) != std::future_status::ready) {
      ADD_FAILURE() << "nothing within a minute";
      std::abort();
    }
    return future.get();
  }

  SharedClock clock_;
  base::SystemClock engine_clock_;
  std::string directory_;
  std::vector<std::unique_ptr<net::IoLoop>> loops_;
  std::unique_ptr<queue::EmbeddedEngine> engine_;
  std::unique_ptr<GatedEngine> gate_;
  std::unique_ptr<Ingest> ingest_;
  std::unique_ptr<net::HttpServer> server_;
  std::uint16_t port_ = 0;
};

}  // namespace trunkline::source
