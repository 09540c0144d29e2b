#include "demo/traffic.hpp"

namespace trunkline::demo {
namespace {

constexpr double kInteractionsPerDay = 9'000;
constexpr std::uint32_t kAgents = 120;
constexpr std::uint32_t kQueues = 6;
constexpr double kDuplicates = 0.01;
constexpr double kRepublished = 0.003;

sim::ContactCentreOptions centre_options(std::uint64_t seed, base::WallTime now) {
  sim::ContactCentreOptions options;
  options.world.seed = seed;
  options.world.agents = kAgents;
  options.world.queues = kQueues;
  options.world.day.interactions_per_day = kInteractionsPerDay;
  // Half past nine: two thirds of the shifts have begun, and the peak is ahead.
  const auto today = std::chrono::floor<std::chrono::days>(now);
  auto start = today + std::chrono::hours(9) + std::chrono::minutes(30);
  if (start > now) start -= std::chrono::days(1);
  options.start = std::chrono::duration_cast<base::Millis>(start.time_since_epoch()).count();
  options.arrivals_until = 0;
  return options;
}

sim::LoadOptions load_options(const TrafficOptions& options, std::uint16_t port) {
  sim::LoadOptions load;
  load.port = port;
  load.target = "/ingest/genesys";
  load.headers.emplace_back("Content-Type", "application/json");
  load.connections = 16;
  load.rate = options.rate;
  load.seed = options.seed;
  return load;
}

}  // namespace

Traffic::Traffic(net::IoLoop& loop, TrafficOptions options, std::uint16_t hub_port, sim::LedgerWriter& ledger,
                 base::WallTime now)
    : centre_(centre_options(options.seed, now)),
      mixer_([this](sim::GeneratedEvent& event) { return centre_.next(event); },
             {.duplicates = kDuplicates, .republished = kRepublished}, options.seed),
      driver_(std::make_unique<sim::LoadDriver>(
          loop, load_options(options, hub_port), [this](sim::GeneratedEvent& event) { return mixer_.next(event); },
          &ledger)) {}

}  // namespace trunkline::demo
