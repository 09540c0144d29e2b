#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "base/text.hpp"
#include "cli/client.hpp"
#include "cli/commands.hpp"
#include "cli/table.hpp"
#include "json/writer.hpp"

namespace trunkline::cli {
namespace {

bool is_number(const std::string& text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

void print_consumer(json::Value consumer, const Terminal& terminal) {
  const bool gets = flag_at(consumer, "gets");
  terminal.out << "  " << text_at(consumer, "consumer") << ": " << (gets ? "gets it" : "does not get it");
  if (consumer.find("got") && flag_at(consumer, "got") != gets)
    terminal.out << (gets ? "   (did not when it was accepted: the filter was another)"
                          : "   (got it when it was accepted: the filter was another)");
  terminal.out << "\n";
  print_indented(terminal.out, consumer.string_at("text"), 4);
}

void print_samples(json::Value report, std::string_view name, const Terminal& terminal) {
  const auto samples = report.find(name);
  for (auto sample = samples ? samples->first() : std::nullopt; sample; sample = sample->next()) {
    const auto event = sample->find("event");
    terminal.out << fmt::format("{} {} {}\n", number_at(*sample, "sequence"), text_at(*sample, "type"),
                                event ? printable(event->raw(), 160) : "");
  }
}

std::string looked_at(json::Value report) {
  return fmt::format("from {} on{}", text_at(report, "from"),
                     flag_at(report, "complete") ? "" : "; there are older ones, which were not looked at");
}

void print_backtest(json::Value report, const std::string& consumer, const Terminal& terminal) {
  terminal.out << fmt::format("{} got {} of {} events, {}; with this filter {}: {} more, {} less\n", consumer,
                              number_at(report, "got"), number_at(report, "total"), looked_at(report),
                              number_at(report, "matched"), number_at(report, "gained"), number_at(report, "lost"));
  Table table({{"MORE", Table::Align::right}, {"LESS", Table::Align::right}, {"OF", Table::Align::right}, {"TYPE"}});
  const auto types = report.find("types");
  for (auto type = types ? types->first() : std::nullopt; type; type = type->next()) {
    if (number_at(*type, "gained") + number_at(*type, "lost") == 0) continue;
    table.add({count_at(*type, "gained"), count_at(*type, "lost"), count_at(*type, "total"), text_at(*type, "type")});
  }
  if (!table.empty()) table.print(terminal.out);
  if (number_at(report, "lost") > 0) terminal.out << "lost, for example:\n";
  print_samples(report, "lost_samples", terminal);
  if (number_at(report, "gained") > 0) terminal.out << "new, for example:\n";
  print_samples(report, "gained_samples", terminal);
}

// False: the first event of it was none.
bool print_events(json::Value root, const Terminal& terminal) {
  bool all = true;
  const auto events = root.find("events");
  for (auto event = events ? events->first() : std::nullopt; event; event = event->next()) {
    if (const auto problem = event->find("problem")) {
      terminal.err << "no event: " << printable(problem->string()) << "\n";
      all = false;
      continue;
    }
    if (event->find("sequence")) terminal.out << number_at(*event, "sequence") << " ";
    terminal.out << text_at(*event, "type") << " " << text_at(*event, "envelope_id") << "\n";
    const auto consumers = event->find("consumers");
    for (auto consumer = consumers ? consumers->first() : std::nullopt; consumer; consumer = consumer->next())
      print_consumer(*consumer, terminal);
  }
  return all;
}

}  // namespace

int run_explain_live(const ExplainLiveOptions& options, const Terminal& terminal) {
  std::string body;
  json::Writer writer(body);
  writer.begin_object();
  if (!options.payload.empty()) {
    writer.member("event", options.payload);
  } else if (is_number(options.event)) {
    writer.key("sequence").raw(options.event);
  } else {
    writer.member("id", options.event);
  }
  writer.end_object();
  Client client(options.connection, terminal);
  const auto answer = client.post("/api/v1/explain", body);
  if (!answer) return client.exit_code();
  if (options.connection.json) {
    terminal.out << answer->body();
    return exit_ok;
  }
  return print_events(answer->root(), terminal) ? exit_ok : exit_failed;
}

int run_matches(const MatchesOptions& options, const Terminal& terminal) {
  Client client(options.connection, terminal);
  std::string policy = options.policy;
  if (!options.consumer.empty()) {
    const auto consumer = client.get("/api/v1/consumers/" + base::percent_encode(options.consumer));
    if (!consumer) return client.exit_code();
    const auto filter = consumer->root().find("filter");
    policy = filter ? std::string(filter->raw()) : "{}";
  }
  std::string body;
  json::Writer writer(body);
  writer.begin_object().member("policy", policy);
  writer.member("scope", options.body_scope ? "MessageBody" : "MessageAttributes");
  writer.key("hours").number(options.hours);
  writer.end_object();
  const auto answer = client.post("/api/v1/filters/matches", body);
  if (!answer) return client.exit_code();
  if (options.connection.json) {
    terminal.out << answer->body();
    return exit_ok;
  }
  const json::Value report = answer->root();
  terminal.out << fmt::format("{} of {} events match, {}\n", number_at(report, "matched"), number_at(report, "total"),
                              looked_at(report));
  Table table({{"MATCHED", Table::Align::right}, {"OF", Table::Align::right}, {"TYPE"}});
  const auto types = report.find("types");
  for (auto type = types ? types->first() : std::nullopt; type; type = type->next())
    table.add({count_at(*type, "matched"), count_at(*type, "total"), text_at(*type, "type")});
  if (!table.empty()) table.print(terminal.out);
  print_samples(report, "samples", terminal);
  return number_at(report, "matched") > 0 ? exit_ok : exit_failed;
}

int run_backtest(const BacktestOptions& options, const Terminal& terminal) {
  Client client(options.connection, terminal);
  std::string body;
  json::Writer writer(body);
  writer.begin_object().member("policy", options.policy).member("against", options.consumer);
  writer.member("scope", options.body_scope ? "MessageBody" : "MessageAttributes");
  writer.key("hours").number(options.hours);
  writer.end_object();
  const auto answer = client.post("/api/v1/filters/matches", body);
  if (!answer) return client.exit_code();
  const json::Value report = answer->root();
  if (options.connection.json) {
    terminal.out << answer->body();
  } else {
    print_backtest(report, options.consumer, terminal);
  }
  return number_at(report, "gained") + number_at(report, "lost") > 0 ? exit_ok : exit_failed;
}

}  // namespace trunkline::cli
