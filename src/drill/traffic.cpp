#include "drill/traffic.hpp"

#include <future>
#include <thread>

namespace trunkline::drill {
namespace {

using base::Result;

// Some 100 conversations are under way at a time, so that lanes have successors while their heads are in flight.
sim::ContactCentreOptions centre_options(std::uint64_t seed) {
  sim::ContactCentreOptions options;
  options.world.seed = seed;
  options.start += 10 * sim::SimTime{3'600'000};  // the day's busiest hour
  options.arrivals_until = 0;
  return options;
}

sim::FaultShares fault_shares() {
  sim::FaultShares shares;
  shares.duplicates = 0.02;
  shares.republished = 0.01;
  shares.reordered = 0.01;
  shares.malformed = 0.005;
  return shares;
}

// Answers after 10 ms, at times with "not now", with "this one is bad" (the batch is halved, the event tried again) and
// with "I am down" (the breaker opens).
sim::SinkRules sink_rules() {
  sim::SinkRules rules;
  rules.latency = base::Millis(10);
  rules.errors = {{429, 0.02}, {500, 0.005}, {503, 0.001}};
  return rules;
}

// Runs the task on the loop and waits for it.
void on_loop(net::IoLoop& loop, base::Task task) {
  std::promise<void> ran;
  loop.post([&task, &ran] {
    task();
    ran.set_value();
  });
  ran.get_future().wait();
}

}  // namespace

Traffic::Traffic(const TrafficOptions& options, sim::LedgerWriter sent, sim::LedgerWriter pushed,
                 sim::LedgerWriter pulled)
    : options_(options),
      sent_(std::move(sent)),
      pushed_(std::move(pushed)),
      pulled_(std::move(pulled)),
      centre_(centre_options(options.seed)),
      mixer_([this](sim::GeneratedEvent& event) { return centre_.next(event); }, fault_shares(), options.seed),
      load_loop_("drill-load"),
      sink_loop_("drill-sinks") {}

Result<std::unique_ptr<Traffic>> Traffic::open(const TrafficOptions& options) {
  TRUNKLINE_TRY(auto sent, sim::LedgerWriter::open(options.sent_ledger, sim::kAcceptedHeader));
  TRUNKLINE_TRY(auto pushed, sim::LedgerWriter::open(options.pushed_ledger, sim::kDeliveredHeader));
  TRUNKLINE_TRY(auto pulled, sim::LedgerWriter::open(options.pulled_ledger, sim::kDeliveredHeader));
  std::unique_ptr<Traffic> traffic(new Traffic(options, std::move(sent), std::move(pushed), std::move(pulled)));
  traffic->sink_ =
      std::make_unique<sim::SinkServer>(traffic->sink_loop_, sink_rules(), options.seed, &traffic->pushed_);
  TRUNKLINE_TRY(traffic->sink_port_, traffic->sink_->listen("127.0.0.1:0"));
  traffic->driver_ = std::make_unique<sim::LoadDriver>(
      traffic->load_loop_, traffic->load_options(),
      [self = traffic.get()](sim::GeneratedEvent& event) { return self->next_event(event); }, &traffic->sent_);
  traffic->puller_ = std::make_unique<Puller>(
      traffic->sink_loop_, PullerOptions{.port = options.hub_port, .consumer = options.pulled_consumer},
      traffic->pulled_);
  traffic->sink_loop_.start();
  traffic->load_loop_.start();
  return traffic;
}

sim::LoadOptions Traffic::load_options() const {
  sim::LoadOptions load;
  load.port = options_.hub_port;
  load.target = "/ingest/genesys";
  load.headers.emplace_back("Content-Type", "application/json");
  load.rate = options_.rate;
  load.seed = options_.seed;
  // Nothing is ever given up: what is lost must show.
  load.attempts_max = UINT32_MAX;
  return load;
}

Traffic::~Traffic() {
  static_cast<void>(close());
}

bool Traffic::next_event(sim::GeneratedEvent& event) {
  return !ending_.load() && mixer_.next(event);
}

void Traffic::start() {
  load_loop_.post([this] { driver_->start([this] { answered_all_.store(true); }); });
  sink_loop_.post([this] { puller_->start(); });
}

TrafficFigures Traffic::figures() {
  TrafficFigures figures;
  on_loop(load_loop_, [&] {
    const sim::LoadStatistics& load = driver_->statistics();
    figures.sent = load.sent;
    figures.answered = load.answered;
    figures.malformed = load.malformed;
    figures.retries = load.retries;
    figures.bad_answers = load.bad_answers;
    figures.dropped = load.dropped;
  });
  on_loop(sink_loop_, [&] {
    const sim::SinkStatistics& sink = sink_->statistics();
    figures.pushed = sink.events_taken;
    figures.batches_open = sink.requests - sink.taken_requests - sink.refused_requests;
    figures.pulled = puller_->received();
  });
  return figures;
}

bool Traffic::finish_sending(base::Millis within) {
  ending_.store(true);
  const auto until = std::chrono::steady_clock::now() + within;
  while (!answered_all_.load() && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(base::Millis(5));
  }
  return answered_all_.load();
}

Result<void> Traffic::close() {
  if (std::exchange(closed_, true)) return {};
  ending_.store(true);
  on_loop(load_loop_, [this] { driver_.reset(); });
  on_loop(sink_loop_, [this] { puller_.reset(); });
  std::promise<void> stopped;
  sink_loop_.post([&] { sink_->stop([&stopped] { stopped.set_value(); }); });
  stopped.get_future().wait();
  for (net::IoLoop* loop : {&load_loop_, &sink_loop_}) {
    loop->stop();
    loop->join();
  }
  sink_.reset();
  for (sim::LedgerWriter* ledger : {&sent_, &pushed_, &pulled_}) TRUNKLINE_TRY_VOID(ledger->flush(false));
  return {};
}

}  // namespace trunkline::drill
