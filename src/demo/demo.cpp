#include "demo/demo.hpp"

#include <algorithm>
#include <fstream>
#include <future>
#include <thread>

#include <fmt/format.h>

#include "json/writer.hpp"

namespace trunkline::demo {

using base::Errc;
using base::Millis;
using base::Result;

namespace {

constexpr Millis kWatchEvery = std::chrono::seconds(1);
// The hub's figures are about a second old (engine::QueueStatistics): older claims say nothing of now.
constexpr Millis kClaimsAge{1'500};
constexpr Millis kStopGrace = std::chrono::seconds(5);

std::vector<ReceiverSpec> specs() {
  return {
      {"siem", Kind::siem, {sim::LaneKind::none, {}}},
      {"crm", Kind::hook, {sim::LaneKind::conversation, {"conversation"}}},
      {"dashboard", Kind::board, {sim::LaneKind::agent, {"agent", "queue", "conversation"}}},
      {"wfm", Kind::pulled, {sim::LaneKind::agent, {"wfm", "agent"}}},
  };
}

// A JSON string is a YAML one: whatever stands in a path.
std::string quoted(const std::string& text) {
  std::string out;
  json::append_string(out, text);
  return out;
}

net::HttpResponse error(int status, std::string_view code, std::string_view message) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().key("error").begin_object().member("code", code).member("message", message);
  writer.end_object().end_object();
  return net::HttpResponse::json(status, std::move(out));
}

std::uint64_t count_at(json::Value object, std::string_view name) {
  const auto member = object.find(name);
  return member ? static_cast<std::uint64_t>(std::max<std::int64_t>(0, member->integer().value_or(0))) : 0;
}

}  // namespace

Demo::Demo(DemoOptions options) : options_(std::move(options)), loop_("demo") {}

Demo::~Demo() {
  stop();
}

Result<std::unique_ptr<Demo>> Demo::make(DemoOptions options) {
  std::unique_ptr<Demo> demo(new Demo(std::move(options)));
  TRUNKLINE_TRY_VOID(demo->open());
  demo->loop_.start();
  demo->running_ = true;
  return demo;
}

Result<void> Demo::open() {
  TRUNKLINE_TRY(sim::LedgerWriter ledger, sim::LedgerWriter::open(accepted_file(), sim::kAcceptedHeader));
  ledger_ = std::make_unique<sim::LedgerWriter>(std::move(ledger));
  ledger_->set_observer([this](std::string_view line) {
    const auto parsed = sim::parse_accepted(line);
    if (!parsed.ok()) return;
    if (parsed->verdict == "accepted" || parsed->verdict == "conflict") ++accepted_;
    const base::MonoTime now = clock_.mono();
    for (const auto& receiver : receivers_) receiver->add_accepted(*parsed, now);
  });
  for (ReceiverSpec& spec : specs()) {
    TRUNKLINE_TRY(auto receiver, Receiver::make(loop_, std::move(spec), options_.directory));
    receivers_.push_back(std::move(receiver));
  }
  traffic_ = std::make_unique<Traffic>(loop_, options_.traffic, *ledger_, clock_.wall());
  std::ofstream names(names_file());
  names << traffic_->names();
  names.close();
  if (!names) return {Errc::unavailable, names_file() + " cannot be written"};
  return {};
}

std::string Demo::config(const std::string& listen) const {
  const auto port = [this](std::size_t receiver) { return receivers_[receiver]->port(); };
  return fmt::format(
      R"(# What `trunkline demo` runs. The downstreams are the demonstration's own; put yours in their place.
data_dir: {}
listen: {}
names: {{file: {}}}  # Genesys publishes ids, not names
sources:
  genesys: {{kind: eventbridge}}            # no key: on loopback only
consumers:
  siem:                                   # every event, as to Splunk
    sink: {{splunk_hec: {{url: "http://127.0.0.1:{}", token: demo, connect_timeout: 2s, timeout: 4s}}}}
    breaker: {{probe_every: 1s, probe_cap: 2s}}
    retry: {{cap: 3s}}
  crm:                                    # what happens in conversations, each one's in order
    filter: {{eventCategory: [conversation]}}
    order: conversation
    sink: {{http: {{url: "http://127.0.0.1:{}/crm", connect_timeout: 2s, timeout: 4s, allow_loopback: true}}}}
    breaker: {{probe_every: 1s, probe_cap: 2s}}
    retry: {{cap: 3s}}
  dashboard:                              # agents, queues and conversations as they are now, for browsers
    filter: {{eventCategory: [agent, queue, conversation]}}
    order: agent
    sink: {{live: {{}}}}
  wfm:                                    # no sink: received by whoever asks, each agent's events in order
    filter: {{eventCategory: [wfm, agent]}}
    order: agent
)",
      quoted(options_.directory + "/store"), listen, quoted(names_file()), port(0), port(1));
}

// Runs the task on the loop and waits for it.
void Demo::on_loop(base::UniqueFunction<void()> task) {
  std::promise<void> ran;
  loop_.post([&task, &ran] {
    task();
    ran.set_value();
  });
  ran.get_future().wait();
}

void Demo::start(std::uint16_t hub_port) {
  on_loop([this, hub_port] {
    hub_port_ = hub_port;
    hub_ = std::make_unique<net::HttpConnection>(loop_, "127.0.0.1", hub_port);
    for (const auto& receiver : receivers_) receiver->start(hub_port);
    watch();
    if (!options_.send) return;
    sending_ = true;
    traffic_->start(hub_port, [this] { sending_ = false; });
  });
}

// ---- what the hub says

void Demo::watch() {
  if (ending_) return;
  const base::MonoTime asked_at = clock_.mono();
  hub_->send(net::request_bytes("GET", "/api/v1/consumers", fmt::format("127.0.0.1:{}", hub_port_), {}, ""),
             std::chrono::seconds(5), [this, asked_at](const Result<net::ClientResponse>& response) {
               if (response.ok() && response->status == 200) watched(asked_at, response->body);
             });
  loop_.after(kWatchEvery, [this] {
    static_cast<void>(ledger_->flush(false));
    for (const auto& receiver : receivers_) static_cast<void>(receiver->flush());
    watch();
  });
}

void Demo::watched(base::MonoTime asked_at, const std::string& body) {
  json::Document document;
  const auto root = document.parse(body);
  const auto list = root.ok() ? root->find("consumers") : std::nullopt;
  if (!list) return;
  for (auto consumer = list->first(); consumer; consumer = consumer->next()) {
    const auto place = std::ranges::find_if(
        receivers_, [&](const auto& receiver) { return receiver->spec().name == consumer->string_at("name"); });
    if (place == receivers_.end()) continue;
    std::uint64_t left = 0;
    for (const char* state : {"waiting", "in_flight", "backing_off", "parked", "dead_letters"}) {
      left += count_at(*consumer, state);
    }
    const auto oldest = consumer->find("oldest_waiting_seconds");
    const auto age = std::chrono::duration<double>(oldest ? oldest->number().value_or(0) : 0);
    (*place)->hub_says({left == 0, count_at(*consumer, "delivered"), std::chrono::ceil<Millis>(age)}, asked_at);
  }
  claims_from_ = asked_at;
}

// ---- what the page asks

void Demo::handle(net::HttpRequest request, net::Responder respond) {
  loop_.post([this, request = std::move(request), respond = std::move(respond)]() mutable {
    answer(request, std::move(respond));
  });
}

void Demo::answer(const net::HttpRequest& request, net::Responder respond) {
  constexpr std::string_view kDownstreams = "/demo/downstreams/";
  const bool reads = request.method == "GET" || request.method == "HEAD";
  if (request.path == "/demo/state") {
    if (!reads) return respond(error(405, "method_not_allowed", "the state is read with GET"));
    return respond(net::HttpResponse::json(200, state_json()));
  }
  if (request.path.starts_with(kDownstreams)) {
    if (request.method != "POST") return respond(error(405, "method_not_allowed", "a mode is set with POST"));
    return respond(set_mode(request.path.substr(kDownstreams.size()), request.body));
  }
  respond(error(404, "not_found", "there is /demo/state and /demo/downstreams/NAME"));
}

net::HttpResponse Demo::set_mode(const std::string& name, const std::string& body) {
  Receiver* receiver = find(name);
  if (receiver == nullptr) return error(404, "not_found", "no downstream is named '" + name + "'");
  json::Document document;
  const auto root = document.parse(body);
  if (!root.ok()) return error(400, "invalid", root.error().detail);
  if (const auto set = receiver->set_mode(root->string_at("mode")); !set.ok()) {
    return error(400, "invalid", set.error().detail);
  }
  return net::HttpResponse::json(200, state_json());
}

std::string Demo::state_json() const {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().member("accepted", accepted_).key("modes").begin_array();
  for (const std::string_view mode : kModes) writer.string(mode);
  writer.end_array().key("receivers").begin_array();
  for (const auto& receiver : receivers_) {
    const Counts& counts = receiver->counts();
    writer.begin_object().member("name", receiver->spec().name).member("mode", receiver->mode());
    writer.member("routed", counts.routed).member("delivered", counts.delivered);
    writer.member("out_of_order", counts.out_of_order).member("repeated", counts.repeated).member("lost", counts.lost);
    writer.member("follows", receiver->follows())
        .member("witness", receiver->spec().kind == Kind::board ? "counted by the hub: a page keeps no ledger"
                                                                : "written down by the receiver itself");
    writer.end_object();
  }
  writer.end_array().end_object();
  return out;
}

Receiver* Demo::find(std::string_view name) {
  for (const auto& receiver : receivers_) {
    if (receiver->spec().name == name) return receiver.get();
  }
  return nullptr;
}

Demo::Figures Demo::figures() {
  Figures figures;
  on_loop([this, &figures] {
    figures.accepted = accepted_;
    for (const auto& receiver : receivers_) figures.on_the_way += receiver->missing();
  });
  return figures;
}

// ---- the end

void Demo::stop_traffic() {
  bool sending = false;
  on_loop([this, &sending] {
    if (sending_) traffic_->stop(kStopGrace);
    sending = sending_;
  });
  while (sending) {
    std::this_thread::sleep_for(Millis(20));
    on_loop([this, &sending] { sending = sending_; });
  }
}

bool Demo::drain(Millis within, const std::function<bool()>& hurry) {
  on_loop([this] {
    for (const auto& receiver : receivers_) {
      if (receiver->breakable()) static_cast<void>(receiver->set_mode(kModes[0]));
    }
  });
  const base::MonoTime from = clock_.mono();
  while (clock_.mono() - from < within && !hurry()) {
    bool drained = false;
    on_loop([this, from, &drained] {
      drained = claims_from_ > from + kClaimsAge;
      for (const auto& receiver : receivers_) drained = drained && receiver->missing() == 0;
      for (const auto& receiver : receivers_) drained = drained && receiver->emptied();
    });
    if (drained) return true;
    std::this_thread::sleep_for(Millis(50));
  }
  return false;
}

void Demo::stop() {
  if (!std::exchange(running_, false)) return;
  on_loop([this] { ending_ = true; });
  for (const auto& receiver : receivers_) {
    auto gone = std::make_shared<std::promise<void>>();
    std::future<void> wait = gone->get_future();
    loop_.post([&receiver, gone] { receiver->stop([gone] { gone->set_value(); }); });
    wait.wait_for(kStopGrace);
  }
  on_loop([this] {
    traffic_.reset();
    hub_.reset();
    static_cast<void>(ledger_->flush(false));
    for (const auto& receiver : receivers_) static_cast<void>(receiver->flush());
  });
  loop_.stop();
  loop_.join();
}

Result<std::vector<Outcome>> Demo::verify() const {
  std::vector<Outcome> outcomes;
  for (const auto& receiver : receivers_) {
    TRUNKLINE_TRY(Outcome outcome, receiver->verify(accepted_file()));
    outcomes.push_back(std::move(outcome));
  }
  return outcomes;
}

}  // namespace trunkline::demo
