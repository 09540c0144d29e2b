#include "app/sim_commands.hpp"

#include <memory>

#include "app/durations.hpp"
#include "sim/cli.hpp"

namespace trunkline::app {
namespace {

void add_volume(CLI::App& command, sim::SimOptions& options) {
  command
      .add_option("--events", options.events,
                  "Send exactly so many events, faults included; 0: what the interactions make")
      ->capture_default_str();
  command.add_option("--interactions", options.interactions, "Interactions a day")->capture_default_str();
  command.add_option("--days", options.days, "Length of the simulated time")->capture_default_str();
  command.add_option("--rate", options.rate, "Events per second; 0: as fast as possible")->capture_default_str();
  command.add_option("--speed", options.speed, "Play the day so many times faster than real time; 0: do not")
      ->capture_default_str();
  add_duration(command, "--for", options.duration, "Stop after this long; 0: do not");
  command.add_option("--seed", options.seed, "The same seed gives the same bytes")->capture_default_str();
  command.add_option("--start", options.start, "Simulated time of the first moment")->capture_default_str();
  command.add_option("--peak", options.peak, "Busiest hour, as a multiple of the day's mean")->capture_default_str();
  command.add_option("--incident", options.incident, "Simulated time when an incident begins");
  add_duration(command, "--incident-for", options.incident_for, "Length of the incident, in simulated time");
  command.add_option("--incident-factor", options.incident_factor, "Rate in the incident, as a multiple of the mean")
      ->capture_default_str();
  command.add_option("--agents", options.agents, "0: as many as the volume needs")->capture_default_str();
  command.add_option("--queues", options.queues, "0: one per 2,500 interactions a day")->capture_default_str();
}

void add_faults(CLI::App& command, sim::SimOptions& options) {
  const auto share = [&](const char* name, double& target, const char* help) {
    command.add_option(name, target, help)
        ->check(CLI::Range(0.0, 1.0))
        ->group("Faults, as shares of the events (0.02 is 2 %)");
  };
  share("--duplicates", options.duplicates, "Sent a second time later, same bytes");
  share("--republished", options.republished, "Sent a second time later under a new envelope id");
  share("--late", options.late, "Sent thousands of events later");
  share("--reordered", options.reordered, "Change places with the next event of the same conversation");
  share("--malformed", options.malformed, "Followed by a broken copy");
  share("--conflicts", options.conflicts, "Followed by one with the same identity and another body");
}

void add_generator(CLI::App& sim, int& code) {
  auto options = std::make_shared<sim::SimOptions>();
  sim.add_option("--to", options->to, "URL of the hub's ingest: http://127.0.0.1:8080/ingest/NAME");
  sim.add_option("--out", options->out, "Write JSON lines to this file instead; '-' is standard output");
  sim.add_option("--connections", options->connections, "Keep-alive connections")->capture_default_str();
  sim.add_option("--pipeline", options->pipeline, "Requests outstanding on one connection")->capture_default_str();
  sim.add_option("--batch", options->batch, "Events per POST; more than one are sent as a JSON array")
      ->capture_default_str();
  sim.add_flag("--sticky", options->sticky, "All events of one conversation over the same connection");
  sim.add_option("--key", options->key, "API key, sent as x-api-key")->envname("TRUNKLINE_API_KEY");
  sim.add_option_function<std::vector<std::string>>(
      "--header",
      [options](const std::vector<std::string>& lines) {
        for (const std::string& line : lines) {
          const std::size_t colon = line.find(':');
          if (colon == std::string::npos) throw CLI::ValidationError("--header", "wants 'Name: value'");
          const std::size_t value = line.find_first_not_of(' ', colon + 1);
          options->headers.emplace_back(line.substr(0, colon), value == std::string::npos ? "" : line.substr(value));
        }
      },
      "Further request header, 'Name: value'");
  add_duration(sim, "--timeout", options->timeout, "Of one request");
  add_duration(sim, "--give-up", options->give_up, "Stop retrying an event after this long");
  sim.add_option("--attempts", options->attempts_max, "Or after this many tries")->capture_default_str();
  add_volume(sim, *options);
  add_faults(sim, *options);
  sim.add_option("--ledger", options->ledger, "File with one line per event answered 2xx");
  sim.add_flag("--ledger-sync", options->ledger_sync, "Sync the ledger each second");
  sim.add_flag("--json", options->json, "Summary as JSON");
  sim.add_flag("--quiet", options->quiet, "No progress line");
  sim.callback([&sim, options, &code] {
    if (sim.get_subcommands().empty()) code = sim::run_sim(*options);
  });
}

void add_sink(CLI::App& sim, int& code) {
  auto options = std::make_shared<sim::SinkOptions>();
  CLI::App* sink =
      sim.add_subcommand("sink", "A downstream with latency, errors, hangs and limits that keeps a ledger");
  sink->add_option("--listen", options->listen, "Address of the downstream")->capture_default_str();
  sink->add_option("--control", options->control, "Address of the control endpoint; empty: POST /control on the same");
  sink->add_option("--ledger", options->ledger, "File with one line per event of each request answered 2xx");
  sink->add_flag("--ledger-sync", options->ledger_sync, "Sync the ledger each second");
  add_duration(*sink, "--latency", options->latency, "Mean time to answer");
  add_duration(*sink, "--latency-p99", options->latency_p99, "99th percentile; 0: every answer takes --latency");
  sink->add_option_function<std::vector<std::string>>(
      "--error",
      [options](const std::vector<std::string>& entries) {
        for (const std::string& entry : entries) {
          const std::size_t equals = entry.find('=');
          if (equals == std::string::npos) throw CLI::ValidationError("--error", "wants STATUS=SHARE, e.g. 503=0.05");
          options->errors.emplace_back(std::stoi(entry.substr(0, equals)), std::stod(entry.substr(equals + 1)));
        }
      },
      "Status and share of requests answered so: 503=0.05");
  sink->add_option("--hang", options->hang, "Share of requests never answered")->check(CLI::Range(0.0, 1.0));
  sink->add_flag("--accept-and-hang", options->accept_and_hang, "Answer no request at all");
  sink->add_option("--rate", options->rate, "Events per second; more are answered 429 with Retry-After");
  sink->add_option("--poison", options->poison, "A request whose body holds this text is answered 400");
  add_duration(*sink, "--refuse-for", options->refuse_for, "Refuse connections for this long at the start");
  sink->add_option("--seed", options->seed, "Of the shares")->capture_default_str();
  add_duration(*sink, "--for", options->duration, "Stop after this long; 0: run until a signal");
  sink->add_flag("--json", options->json, "Summary as JSON");
  sink->callback([options, &code] { code = sim::run_sink(*options); });
}

void add_verify(CLI::App& sim, int& code) {
  auto options = std::make_shared<sim::VerifyOptions>();
  CLI::App* verify =
      sim.add_subcommand("verify", "Compare ledgers: completeness, repeats, order within each lane, bytes");
  verify->add_option("--accepted", options->accepted, "Ledger of 'sim'")->required();
  verify->add_option("--delivered", options->delivered, "Ledger of 'sim sink', or the hub's JSON lines file")
      ->required();
  verify->add_option("--order", options->order, "What a lane is")
      ->check(CLI::IsMember({"conversation", "agent", "queue", "topic", "none"}))
      ->capture_default_str();
  verify
      ->add_option("--topics", options->topics, "Only events whose topicName begins with one of these were routed here")
      ->delimiter(',');
  verify->add_option("--category", options->categories, "Or whose category is one of these; neither: all")
      ->delimiter(',');
  verify->add_option("--consumer", options->consumers, "Look only at delivered lines of these consumers")
      ->delimiter(',');
  verify->add_flag("--repeats-allowed", options->repeats_allowed, "Deliveries repeated after a crash are no failure");
  verify->add_flag("--skips-allowed", options->skips_allowed, "Redriven events may come behind their successors");
  verify->add_flag("--overlap-allowed", options->overlap_allowed,
                   "A lane's next event may be sent before the one before is answered");
  verify->add_option("--offenders", options->offenders_max, "So many of each kind are named")->capture_default_str();
  verify->add_flag("--json", options->json, "Report as JSON");
  verify->callback([options, &code] { code = sim::run_verify(*options); });
}

}  // namespace

void add_sim_commands(CLI::App& app, int& code) {
  CLI::App* sim =
      app.add_subcommand("sim", "A simulated contact centre: realistic Genesys load at a rate, with faults");
  sim->footer(
      "Example: trunkline sim --to http://127.0.0.1:8080/ingest/genesys --rate 500 --for 1m --duplicates 0.02 --ledger "
      "sent.tsv");
  sim->require_subcommand(0, 1);
  add_generator(*sim, code);
  add_sink(*sim, code);
  add_verify(*sim, code);
}

}  // namespace trunkline::app
