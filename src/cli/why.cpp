#include <fmt/format.h>

#include <ostream>

#include "base/text.hpp"
#include "cli/client.hpp"
#include "cli/commands.hpp"
#include "cli/table.hpp"

namespace trunkline::cli {
namespace {

template <class Function>
void for_each_in(json::Value object, std::string_view name, Function function) {
  const auto list = object.find(name);
  for (auto item = list ? list->first() : std::nullopt; item; item = item->next()) function(*item);
}

bool needs_somebody(std::string_view state) {
  return state != "delivered" && state != "filtered" && state != "not_there";
}

void print_consumer(json::Value consumer, bool full, const Terminal& terminal) {
  const std::string state = text_at(consumer, "state");
  terminal.out << "  " << text_at(consumer, "consumer") << ": " << text_at(consumer, "answer") << "\n";
  if (const auto filter = consumer.find("filter_text"); filter && (full || state == "filtered"))
    print_indented(terminal.out, filter->string(), 6);
  for_each_in(consumer, "failures", [&](json::Value failure) {
    terminal.out << fmt::format("      failed {} ({}, {} spent): {}{}{}\n", text_at(failure, "at"),
                                text_at(failure, "outcome"), count_at(failure, "attempts"),
                                text_at(failure, "error_class"), failure.string_at("error_detail").empty() ? "" : ": ",
                                printable(failure.string_at("error_detail")));
  });
}

void print_event(json::Value event, bool full, const Terminal& terminal) {
  terminal.out << fmt::format("event {}  {}\n", number_at(event, "sequence"), text_at(event, "type"));
  terminal.out << fmt::format("  accepted {} from source {} ({}), id {}", text_at(event, "accepted_at"),
                              text_at(event, "source"), text_at(event, "form"), text_at(event, "envelope_id"));
  if (!event.string_at("conversation_id").empty())
    terminal.out << ", conversation " << text_at(event, "conversation_id");
  terminal.out << fmt::format("\n  category {}, routed by policy version {}\n", text_at(event, "category"),
                              number_at(event, "policy_version"));
  terminal.out << "  " << text_at(event, "identity") << "\n";
  for_each_in(event, "consumers", [&](json::Value consumer) { print_consumer(consumer, full, terminal); });
}

// A conversation at a glance: a line an event, and whole sentences only where something is not done.
void print_conversation(json::Value root, const Terminal& terminal) {
  for_each_in(root, "events", [&](json::Value event) {
    std::string states;
    for_each_in(event, "consumers", [&](json::Value consumer) {
      states +=
          fmt::format("{}{} {}", states.empty() ? "" : ", ", text_at(consumer, "consumer"), text_at(consumer, "state"));
    });
    terminal.out << fmt::format("  {}  {}  {}{}\n      {}\n", number_at(event, "sequence"),
                                text_at(event, "accepted_at"), text_at(event, "type"),
                                flag_at(event, "conflict") ? "  (conflict)" : "", states);
    for_each_in(event, "consumers", [&](json::Value consumer) {
      if (needs_somebody(consumer.string_at("state")))
        terminal.out << "      " << text_at(consumer, "consumer") << ": " << text_at(consumer, "answer") << "\n";
    });
  });
}

}  // namespace

int run_why(const WhyOptions& options, const Terminal& terminal) {
  Client client(options.connection, terminal);
  const auto answer = client.get("/api/v1/why/" + base::percent_encode(options.what) + (options.raw ? "?raw=1" : ""));
  if (!answer) return client.exit_code();
  if (options.connection.json) {
    terminal.out << answer->body();
    return exit_ok;
  }
  const json::Value root = answer->root();
  const std::string_view as = root.string_at("as");
  if (as != "sequence" && as != "envelope_id") terminal.out << text_at(root, "answer") << "\n";
  if (as == "conversation" && !options.full) {
    print_conversation(root, terminal);
  } else {
    for_each_in(root, "events", [&](json::Value event) { print_event(event, options.full, terminal); });
  }
  for_each_in(root, "quarantined",
              [&](json::Value entry) { terminal.out << "  " << text_at(entry, "answer") << "\n"; });
  return exit_ok;
}

}  // namespace trunkline::cli
