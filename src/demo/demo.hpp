#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "demo/receiver.hpp"
#include "demo/traffic.hpp"
#include "json/document.hpp"
#include "net/http_connection.hpp"
#include "net/http_server.hpp"
#include "net/io_loop.hpp"
#include "sim/ledger.hpp"

namespace trunkline::demo {

struct DemoOptions {
  std::string directory;  // exists; gets the ledgers
  TrafficOptions traffic{};
  bool send = true;  // false: no traffic of its own
};

// Everything around the hub in `trunkline demo`: the sender, the downstreams, their ledgers, and what the page asks for
// below /demo/. It knows the hub by its HTTP only, as the world does. Lives on a loop of its own; made, stopped and
// destroyed on one other thread.
//
//   GET  /demo/state                 {"accepted","modes":[…],"receivers":[{"name","mode","routed","delivered",
//                                     "out_of_order","repeated","lost","follows","witness"}…]}
//   POST /demo/downstreams/{name}    {"mode":"ok"|"503"|"hang"|"refuse"|"slow"}
class Demo {
 public:
  // The downstreams listen when it returns.
  static base::Result<std::unique_ptr<Demo>> make(DemoOptions options);
  ~Demo();
  Demo(const Demo&) = delete;
  Demo& operator=(const Demo&) = delete;

  // The hub's configuration, as somebody would write it.
  std::string config(const std::string& listen) const;

  // The hub is there: traffic begins.
  void start(std::uint16_t hub_port);

  static bool owns(std::string_view path) { return path == "/demo" || path.starts_with("/demo/"); }
  void handle(net::HttpRequest request, net::Responder respond);  // any thread

  struct Figures {
    std::uint64_t accepted = 0;
    std::uint64_t on_the_way = 0;  // to all receivers
  };
  Figures figures();

  // Ends the traffic: what is under way is answered first.
  void stop_traffic();
  // Mends what is broken and waits until everything has arrived and the hub says so, too. Asks `hurry` now and then and
  // gives up when it says yes. False: not everything in that time.
  bool drain(base::Millis within, const std::function<bool()>& hurry);
  // Ends the downstreams and writes the ledgers out. The hub is best stopped before. Idempotent.
  void stop();
  // After stop(): the files compared, one outcome per receiver.
  base::Result<std::vector<Outcome>> verify() const;

 private:
  explicit Demo(DemoOptions options);
  base::Result<void> open();
  void on_loop(base::UniqueFunction<void()> task);
  void watch();
  void watched(base::MonoTime asked_at, const std::string& body);
  void answer(const net::HttpRequest& request, net::Responder respond);
  net::HttpResponse set_mode(const std::string& name, const std::string& body);
  std::string state_json() const;
  Receiver* find(std::string_view name);
  std::string accepted_file() const { return options_.directory + "/accepted.tsv"; }
  std::string names_file() const { return options_.directory + "/names.json"; }

  const DemoOptions options_;
  base::SystemClock clock_;
  net::IoLoop loop_;
  std::unique_ptr<sim::LedgerWriter> ledger_;
  std::vector<std::unique_ptr<Receiver>> receivers_;
  std::unique_ptr<Traffic> traffic_;
  std::unique_ptr<net::HttpConnection> hub_;
  std::uint16_t hub_port_ = 0;
  base::MonoTime claims_from_{};  // when the hub was asked what is left
  std::uint64_t accepted_ = 0;    // stored events, as the sender was told
  bool sending_ = false;
  bool ending_ = false;   // on the loop
  bool running_ = false;  // the loop; the owner's thread
};

}  // namespace trunkline::demo
