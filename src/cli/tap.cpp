#include <fmt/format.h>

#include <ostream>

#include "base/text.hpp"
#include "cli/client.hpp"
#include "cli/commands.hpp"
#include "cli/table.hpp"

namespace trunkline::cli {
namespace {

void add_parameter(std::string& target, std::string_view name, std::string_view value) {
  target += target.find('?') == std::string::npos ? '?' : '&';
  target += fmt::format("{}={}", name, base::percent_encode(value));
}

std::string target_of(const TapOptions& options) {
  std::string target = "/api/v1/tap";
  if (!options.filter.empty()) add_parameter(target, "filter", options.filter);
  if (options.body_scope) add_parameter(target, "filter_scope", "MessageBody");
  if (!options.categories.empty())
    add_parameter(target, "category", fmt::format("{}", fmt::join(options.categories, ",")));
  if (!options.consumers.empty())
    add_parameter(target, "consumer", fmt::format("{}", fmt::join(options.consumers, ",")));
  if (options.rate > 0) add_parameter(target, "rate", fmt::format("{}", options.rate));
  if (options.body) add_parameter(target, "body", "1");
  if (options.raw) add_parameter(target, "raw", "1");
  return target;
}

std::string names_of(json::Value event) {
  std::string names;
  const auto list = event.find("consumers");
  for (auto name = list ? list->first() : std::nullopt; name; name = name->next())
    names += (names.empty() ? "" : ", ") + printable(name->string());
  return names.empty() ? "nobody" : names;
}

// What tells one event from the next: of whom it speaks, else where it comes from.
std::string subject_of(json::Value event) {
  for (const char* name : {"conversation_id", "user_id", "queue_id"}) {
    if (!event.string_at(name).empty()) return text_at(event, name);
  }
  return text_at(event, "topic");
}

void print_event(json::Value event, const Terminal& terminal) {
  std::string_view at = event.string_at("accepted_at");
  if (at.size() > 11) at = at.substr(11);  // the time of day
  terminal.out << fmt::format("{:<13} {:>8}  {:<13} {}  {}  -> {}\n", printable(at), number_at(event, "sequence"),
                              text_at(event, "category"), text_at(event, "type"), subject_of(event), names_of(event));
  if (const auto body = event.find("event")) terminal.out << "    " << printable(body->raw()) << "\n";
}

// What is not an event is said beside the list, so that a script's input stays clean.
void print_report(const ServerSentEvent& event, json::Value report, const Terminal& terminal) {
  if (event.type == "dropped") {
    terminal.err << fmt::format(
        "-- {} events were lost here, {} in all: this end reads too slowly; --rate N shows fewer\n",
        number_at(report, "dropped"), number_at(report, "total"));
  } else if (event.type == "sampled") {
    terminal.err << fmt::format("-- {} events over the rate are not shown, {} in all\n", number_at(report, "left_out"),
                                number_at(report, "total"));
  }
}

}  // namespace

int run_tap(const TapOptions& options, const Terminal& terminal) {
  Client client(options.connection, terminal);
  std::uint64_t seen = 0;
  const bool done = client.follow(target_of(options), [&](const ServerSentEvent& event) {
    Answer parsed(event.data);
    if (!parsed.parse()) return true;
    if (event.type == "open") {
      if (terminal.interactive) terminal.err << "-- listening; Ctrl-C ends it\n" << std::flush;
      return true;
    }
    if (event.type != "event") {
      print_report(event, parsed.root(), terminal);
      return true;
    }
    if (options.connection.json) {
      terminal.out << event.data << "\n";
    } else {
      print_event(parsed.root(), terminal);
    }
    terminal.out << std::flush;
    return ++seen != options.count;
  });
  return done ? exit_ok : client.exit_code();
}

}  // namespace trunkline::cli
