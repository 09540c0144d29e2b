#include <benchmark/benchmark.h>
#include <pthread.h>

#include <ctime>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "net/http_connection.hpp"
#include "net/http_parser.hpp"
#include "net/http_server.hpp"

namespace trunkline::net {
namespace {

std::string event_request() {
  return request_bytes("POST", "/ingest/genesys-prod", "127.0.0.1:8080",
                       {{"Content-Type", "application/json"},
                        {"X-Api-Key", "0123456789abcdef0123456789abcdef"},
                        {"User-Agent", "Amazon/EventBridge/ApiDestinations"},
                        {"Accept", "*/*"}},
                       std::string(1024, 'e'));
}

void parse_a_1k_event_request(benchmark::State& state) {
  const std::string request = event_request();
  RequestParser parser({});
  for (auto _ : state) {
    parser.put(request);
    benchmark::DoNotOptimize(parser.take());
  }
}
BENCHMARK(parse_a_1k_event_request);

double cpu_seconds(IoLoop& loop) {
  std::promise<double> seconds;
  loop.post([&] {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    seconds.set_value(static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9);
  });
  return seconds.get_future().get();
}

// Closed loop: each of range(0) connections keeps range(1) requests outstanding. `server_us` is the CPU of the server's
// thread a request, the kernel's part included; client and server have a thread each.
void serve_1k_posts(benchmark::State& state) {
  constexpr std::int64_t kRequests = 50'000;
  IoLoop server_loop("server");
  IoLoop client_loop("client");
  HttpServer server({&server_loop}, {}, [](IoLoop&, HttpRequest, Responder respond) {
    respond(HttpResponse::json(200, "{\"sequence\":1}"));
  });
  const std::uint16_t port = *server.listen("127.0.0.1:0");
  server_loop.start();
  client_loop.start();
  const std::string request = event_request();
  double server_cpu = 0;
  for (auto _ : state) {
    const double before = cpu_seconds(server_loop);
    std::promise<void> finished;
    std::vector<std::unique_ptr<HttpConnection>> connections;
    std::int64_t sent = 0;
    std::int64_t answered = 0;
    std::function<void(HttpConnection&)> next = [&](HttpConnection& connection) {
      if (sent++ >= kRequests) return;
      connection.send(request, std::chrono::seconds(30), [&](base::Result<ClientResponse> answer) {
        if (!answer) state.SkipWithError(answer.error().detail.c_str());
        if (++answered == kRequests) return finished.set_value();
        next(connection);
      });
    };
    client_loop.post([&] {
      for (std::int64_t i = 0; i < state.range(0); ++i) {
        connections.push_back(std::make_unique<HttpConnection>(client_loop, "127.0.0.1", port));
      }
      for (std::int64_t depth = 0; depth < state.range(1); ++depth) {
        for (const auto& connection : connections) next(*connection);
      }
    });
    finished.get_future().wait();
    std::promise<void> closed;
    client_loop.post([&] {
      connections.clear();
      closed.set_value();
    });
    closed.get_future().wait();
    server_cpu += cpu_seconds(server_loop) - before;
  }
  const double requests = static_cast<double>(kRequests) * static_cast<double>(state.iterations());
  state.counters["requests/s"] = benchmark::Counter(requests, benchmark::Counter::kIsRate);
  state.counters["server_us"] = server_cpu * 1e6 / requests;
  client_loop.stop();
  server_loop.stop();
  client_loop.join();
  server_loop.join();
}
BENCHMARK(serve_1k_posts)->Args({32, 1})->Args({256, 1})->Args({32, 16})->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace trunkline::net
