#include <fmt/format.h>

#include <ostream>

#include "base/text.hpp"
#include "cli/client.hpp"
#include "cli/commands.hpp"
#include "cli/table.hpp"
#include "json/writer.hpp"

namespace trunkline::cli {
namespace {

std::string oldest_of(json::Value consumer) {
  return consumer.string_at("oldest_waiting").empty() ? "-"
                                                      : human_seconds(real_at(consumer, "oldest_waiting_seconds"));
}

std::string millis_at(json::Value object, std::string_view name) {
  const auto value = object.find(name);
  if (!value || value->is(json::Type::null)) return "-";
  const double millis = real_at(object, name);
  return millis < 1000 ? fmt::format("{:.0f}ms", millis) : human_seconds(millis / 1000);
}

// "120.5/s in, 130/s out, p50 4ms, p99 31ms"
std::string recent_of(json::Value recent) {
  return fmt::format("{:.1f}/s in, {:.1f}/s out, p50 {}, p99 {}", real_at(recent, "arrived_per_second"),
                     real_at(recent, "delivered_per_second"), millis_at(recent, "p50_millis"),
                     millis_at(recent, "p99_millis"));
}

std::string rest_of(json::Value consumer) {
  const auto rest = consumer.find("rest");
  if (!rest || !rest->is(json::Type::object)) return "";
  std::string text = fmt::format("by {}", text_at(*rest, "by"));
  if (!rest->string_at("reason").empty()) text += fmt::format(" ({})", text_at(*rest, "reason"));
  if (!rest->string_at("since").empty()) text += fmt::format(" since {}", text_at(*rest, "since"));
  if (!rest->string_at("until").empty())
    text += fmt::format(", goes on in {}", human_seconds(real_at(*rest, "resumes_in_seconds")));
  return text;
}

void print_blockers(json::Value consumer, std::ostream& out) {
  const auto list = consumer.find("blockers");
  if (!list || !list->first()) return;
  using enum Table::Align;
  Table table({{"LANE"}, {"STATE"}, {"HEAD", right}, {"BEHIND", right}, {"ATTEMPTS", right}, {"ERROR"}, {"SINCE"}});
  for (auto blocker = list->first(); blocker; blocker = blocker->next()) {
    table.add({text_at(*blocker, "group"), text_at(*blocker, "state"), count_at(*blocker, "sequence"),
               count_at(*blocker, "behind"), count_at(*blocker, "attempts"), text_at(*blocker, "error_class"),
               text_at(*blocker, "since")});
  }
  out << "\nlanes that hold up most\n";
  table.print(out);
}

// Every number, text and truth value of the object, one a line; what is nested is left to --json.
void add_members(Facts& facts, json::Value object) {
  for (auto member = object.first(); member; member = member->next()) {
    if (member->is(json::Type::object) || member->is(json::Type::array)) continue;
    const bool text = member->is(json::Type::string);
    facts.add(printable(member->name()), text ? printable(member->string()) : std::string(member->raw()));
  }
}

std::string budget_of(json::Value consumer) {
  const auto budget = consumer.find("budget");
  if (!budget || !budget->is(json::Type::object)) return {};
  const std::uint64_t reserve = number_at(*budget, "reserve");
  const std::string until = text_at(*budget, "used_up_until");
  return fmt::format("{} of {} requests used, {}, per {}{}{}", number_at(*budget, "used"),
                     number_at(*budget, "requests"), text_at(*budget, "window"),
                     human_seconds(real_at(*budget, "per_seconds")),
                     reserve > 0 ? fmt::format(", {} reserved", reserve) : "",
                     budget->string_at("used_up_until").empty() ? "" : "; used up until " + until);
}

int show(const ConsumersOptions& options, Client& client, const Terminal& terminal) {
  const auto answer = client.get("/api/v1/consumers/" + base::percent_encode(options.name));
  if (!answer) return client.exit_code();
  if (options.connection.json) {
    terminal.out << answer->body();
    return exit_ok;
  }
  const json::Value consumer = answer->root();
  Facts facts;
  add_members(facts, consumer);
  if (const auto error = consumer.find("last_error"); error && error->is(json::Type::object))
    facts.add("last error",
              fmt::format("{}: {} ({})", text_at(*error, "class"), text_at(*error, "detail"), text_at(*error, "at")));
  if (const std::string rest = rest_of(consumer); !rest.empty()) facts.add("rests", rest);
  if (const std::string budget = budget_of(consumer); !budget.empty()) facts.add("budget", budget);
  facts.add("drained in", drain_of(consumer));
  if (const auto recent = consumer.find("recent")) {
    if (const auto minute = recent->find("minute")) facts.add("last minute", recent_of(*minute));
    if (const auto quarter = recent->find("quarter_hour")) facts.add("last 15 minutes", recent_of(*quarter));
  }
  if (const auto filter = consumer.find("filter")) facts.add("filter", printable(filter->raw()));
  facts.print(terminal.out);
  print_blockers(consumer, terminal.out);
  for (const char* part : {"queue", "delivery", "statistics"}) {
    const auto object = consumer.find(part);
    if (!object) continue;
    terminal.out << "\n" << part << "\n";
    Facts details;
    add_members(details, *object);
    details.print(terminal.out);
  }
  return exit_ok;
}

int set_paused(const PauseOptions& options, const Terminal& terminal, bool paused) {
  Client client(options.connection, terminal);
  std::string body;
  if (paused) {
    json::Writer writer(body);
    writer.begin_object();
    if (!options.reason.empty()) writer.member("reason", options.reason);
    if (options.for_time.count() > 0)
      writer.key("for_seconds").number(std::chrono::duration<double>(options.for_time).count());
    writer.end_object();
  }
  const auto answer =
      client.post("/api/v1/consumers/" + base::percent_encode(options.name) + (paused ? "/pause" : "/resume"), body);
  if (!answer) return client.exit_code();
  if (options.connection.json) {
    terminal.out << answer->body();
    return exit_ok;
  }
  if (!paused) {
    terminal.out << options.name << " goes on\n";
    return exit_ok;
  }
  const auto rest = answer->root().find("rest");
  const bool ends = rest && !rest->string_at("until").empty();
  terminal.out << options.name << " is paused; its events wait. "
               << (ends ? "It goes on by itself at " + text_at(*rest, "until") + ", or with trunkline resume " +
                              options.name
                        : "trunkline resume " + options.name + " goes on")
               << "\n";
  return exit_ok;
}

}  // namespace

int run_consumers(const ConsumersOptions& options, const Terminal& terminal) {
  Client client(options.connection, terminal);
  if (!options.name.empty()) return show(options, client, terminal);
  const auto answer = client.get("/api/v1/consumers");
  if (!answer) return client.exit_code();
  if (options.connection.json) {
    terminal.out << answer->body();
    return exit_ok;
  }
  using enum Table::Align;
  Table table({{"NAME"},
               {"SINK"},
               {"ORDER"},
               {"STATE"},
               {"WAITING", right},
               {"OLDEST", right},
               {"DRAINED IN", right},
               {"EXPIRES IN", right},
               {"IN FLIGHT", right},
               {"PARKED", right},
               {"DEAD", right},
               {"DELIVERED", right}});
  const auto list = answer->root().find("consumers");
  for (auto consumer = list ? list->first() : std::nullopt; consumer; consumer = consumer->next()) {
    table.add({text_at(*consumer, "name"), text_at(*consumer, "sink"), text_at(*consumer, "order"), state_of(*consumer),
               count_at(*consumer, "waiting"), oldest_of(*consumer), drain_of(*consumer), expiry_of(*consumer),
               count_at(*consumer, "in_flight"), count_at(*consumer, "parked"), count_at(*consumer, "dead_letters"),
               count_at(*consumer, "delivered")});
  }
  table.print(terminal.out);
  return exit_ok;
}

int run_consumer_names(const ConsumerNamesOptions& options, const Terminal& terminal) {
  Client client(options.connection, terminal);
  const auto answer = client.get("/api/v1/consumers");
  if (!answer) return client.exit_code();
  const auto list = answer->root().find("consumers");
  for (auto consumer = list ? list->first() : std::nullopt; consumer; consumer = consumer->next())
    terminal.out << text_at(*consumer, "name") << "\n";
  return exit_ok;
}

int run_pause(const PauseOptions& options, const Terminal& terminal) {
  return set_paused(options, terminal, true);
}
int run_resume(const PauseOptions& options, const Terminal& terminal) {
  return set_paused(options, terminal, false);
}

int run_status(const StatusOptions& options, const Terminal& terminal) {
  Client client(options.connection, terminal);
  const auto answer = client.get("/api/v1/status");
  if (!answer) return client.exit_code();
  const json::Value status = answer->root();
  const auto flag = status.find("ready");
  const bool ready = flag && flag->boolean();
  const int code = ready ? exit_ok : exit_failed;
  if (options.connection.json) {
    terminal.out << answer->body();
    return code;
  }
  const auto events = status.find("events");
  const auto consumers = status.find("consumers");
  const auto store = status.find("store");
  if (!events || !consumers || !store) {
    complain(terminal, "the hub's answer lacks what this version of trunkline expects", "use --json");
    return exit_failed;
  }
  Facts facts;
  facts.add("ready", ready ? "yes" : "no: " + text_at(status, "reason"));
  facts.add("version", text_at(status, "version"));
  facts.add("up", human_seconds(real_at(status, "uptime_seconds")));
  facts.add("accepted", fmt::format("{} events, {} duplicates suppressed, {} conflicts, {} failed",
                                    number_at(*events, "accepted"), number_at(*events, "duplicates"),
                                    number_at(*events, "conflicts"), number_at(*events, "failed")));
  facts.add("quarantine", fmt::format("{} entries", number_at(*events, "in_quarantine")));
  facts.add("consumers", fmt::format("{}, {} paused, {} with their downstream out", number_at(*consumers, "count"),
                                     number_at(*consumers, "paused"), number_at(*consumers, "breaker_open")));
  facts.add("waiting", fmt::format("{} events, {} parked lanes, {} dead letters", number_at(*consumers, "waiting"),
                                   number_at(*consumers, "parked"), number_at(*consumers, "dead_letters")));
  const double budget = real_at(*store, "disk_budget_bytes");
  facts.add("disk", fmt::format("{}{}, {} free", human_bytes(real_at(*store, "disk_bytes")),
                                budget > 0 ? " of " + human_bytes(budget) : "",
                                human_bytes(real_at(*store, "disk_free_bytes"))));
  facts.add("memory", human_bytes(real_at(status, "resident_bytes")));
  facts.print(terminal.out);
  return code;
}

}  // namespace trunkline::cli
