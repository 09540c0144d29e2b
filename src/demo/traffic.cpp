#include "demo/traffic.hpp"

#include <iterator>

#include <fmt/format.h>

#include "json/writer.hpp"

namespace trunkline::demo {
namespace {

constexpr double kInteractionsPerDay = 9'000;
constexpr std::uint32_t kAgents = 84;
constexpr std::uint32_t kQueues = 6;
constexpr double kDuplicates = 0.01;
constexpr double kRepublished = 0.003;
constexpr std::string_view kQueueNames[kQueues] = {"Sales", "Support", "Billing", "Claims", "Returns", "Priority"};
constexpr std::string_view kFirstNames[] = {"Ada",  "Ben",  "Cleo", "Dov",   "Edda", "Finn", "Gita", "Hugo",
                                            "Ines", "Jun",  "Kaya", "Levi",  "Mila", "Nils", "Oona", "Per",
                                            "Quin", "Rosa", "Sami", "Tilda", "Udo",  "Vera", "Wim",  "Yara"};

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

Traffic::Traffic(net::IoLoop& loop, TrafficOptions options, sim::LedgerWriter& ledger, base::WallTime now)
    : loop_(loop),
      options_(options),
      ledger_(ledger),
      centre_(centre_options(options.seed, now)),
      mixer_([this](sim::GeneratedEvent& event) { return centre_.next(event); },
             {.duplicates = kDuplicates, .republished = kRepublished}, options.seed) {}

std::string Traffic::names() const {
  std::string out;
  json::Writer writer(out);
  writer.begin_object();
  const auto add = [&writer](const sim::Id& id, const std::string& name) {
    std::string text;
    sim::append_id(text, id);
    writer.member(text, name);
  };
  const sim::World& world = centre_.world();
  for (std::size_t i = 0; i < world.agents.size(); ++i) {
    // A first name and a letter that differ for each agent of the first 624.
    const char letter = static_cast<char>('A' + (i / std::size(kFirstNames) * 7 + i) % 26);
    add(world.agents[i].user, fmt::format("{} {}.", kFirstNames[i % std::size(kFirstNames)], letter));
  }
  for (std::size_t i = 0; i < world.queues.size(); ++i) {
    add(world.queues[i].id, std::string(kQueueNames[i % std::size(kQueueNames)]));
  }
  writer.end_object();
  return out;
}

void Traffic::start(std::uint16_t hub_port, base::Task ended) {
  driver_ = std::make_unique<sim::LoadDriver>(
      loop_, load_options(options_, hub_port), [this](sim::GeneratedEvent& event) { return mixer_.next(event); },
      &ledger_);
  driver_->start(std::move(ended));
}

void Traffic::stop(base::Millis grace) {
  if (driver_) driver_->stop(grace);
}

}  // namespace trunkline::demo
