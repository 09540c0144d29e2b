#include <fmt/format.h>

#include <ostream>

#include "base/text.hpp"
#include "cli/client.hpp"
#include "cli/commands.hpp"
#include "cli/table.hpp"
#include "json/writer.hpp"

namespace trunkline::cli {
namespace {

constexpr std::size_t kDetailWidth = 60;

std::string path_of(const std::string& consumer, const std::string& rest) {
  return "/api/v1/consumers/" + base::percent_encode(consumer) + rest;
}

// The body that says which dead letters; empty, with a complaint, when the options do not say it.
std::string selection(const DlqActOptions& options, const Terminal& terminal, std::string_view command) {
  const int given = (options.sequence != 0 ? 1 : 0) + (options.error_class.empty() ? 0 : 1) + (options.all ? 1 : 0);
  if (given != 1) {
    complain(terminal,
             fmt::format("{} which dead letters? Give exactly one of SEQUENCE, --error-class WORD, --all", command),
             "trunkline dlq ls " + options.consumer + " lists them");
    return {};
  }
  std::string body;
  json::Writer writer(body);
  writer.begin_object();
  if (options.sequence != 0) {
    writer.member("sequence", options.sequence);
  } else if (options.all) {
    writer.member("all", true);
  } else {
    writer.member("error_class", options.error_class);
  }
  writer.end_object();
  return body;
}

int act(const DlqActOptions& options, const Terminal& terminal, const std::string& body, const char* action,
        const char* done) {
  Client client(options.connection, terminal);
  const auto answer = client.post(path_of(options.consumer, std::string("/") + action), body);
  if (!answer) return client.exit_code();
  const std::uint64_t count = number_at(answer->root(), done);
  if (options.connection.json) {
    terminal.out << answer->body();
  } else {
    terminal.out << fmt::format("{} dead letter{} of {} {}\n", count, count == 1 ? "" : "s", options.consumer, done);
  }
  return count > 0 ? exit_ok : exit_failed;
}

}  // namespace

int run_dlq_ls(const DlqListOptions& options, const Terminal& terminal) {
  Client client(options.connection, terminal);
  const auto answer =
      client.get(path_of(options.consumer, fmt::format("/dead-letters?after={}&limit={}{}", options.after,
                                                       options.limit, options.raw ? "&raw=1" : "")));
  if (!answer) return client.exit_code();
  if (options.connection.json) {
    terminal.out << answer->body();
    return exit_ok;
  }
  using enum Table::Align;
  Table table({{"SEQUENCE", right}, {"STATE"}, {"ATTEMPTS", right}, {"SINCE"}, {"TYPE"}, {"ERROR"}, {"DETAIL"}});
  const auto letters = answer->root().find("dead_letters");
  for (auto letter = letters ? letters->first() : std::nullopt; letter; letter = letter->next()) {
    table.add({count_at(*letter, "sequence"), text_at(*letter, "state"), count_at(*letter, "attempts"),
               text_at(*letter, "since"), text_at(*letter, "type"), text_at(*letter, "error_class"),
               printable(letter->string_at("error_detail"), kDetailWidth)});
  }
  if (table.empty()) {
    terminal.err << options.consumer << " has no dead letters" << (options.after > 0 ? " there" : "") << "\n";
    return exit_ok;
  }
  table.print(terminal.out);
  if (const std::uint64_t next = number_at(answer->root(), "next_after"); next > 0)
    terminal.err << fmt::format("there may be more: --after {}\n", next);
  return exit_ok;
}

int run_dlq_show(const DlqShowOptions& options, const Terminal& terminal) {
  Client client(options.connection, terminal);
  const auto answer = client.get(
      path_of(options.consumer, fmt::format("/dead-letters/{}{}", options.sequence, options.raw ? "?raw=1" : "")));
  if (!answer) return client.exit_code();
  if (options.connection.json) {
    terminal.out << answer->body();
    return exit_ok;
  }
  const json::Value letter = answer->root();
  Facts facts;
  facts.add("sequence", count_at(letter, "sequence"));
  facts.add("state", text_at(letter, "state"));
  facts.add("group", text_at(letter, "group"));
  facts.add("type", text_at(letter, "type"));
  facts.add("accepted", text_at(letter, "accepted_at"));
  facts.add("since", text_at(letter, "since"));
  facts.add("attempts", count_at(letter, "attempts"));
  facts.add("error", fmt::format("{}: {}", text_at(letter, "error_class"), text_at(letter, "error_detail")));
  const auto event = letter.find("event");
  facts.add("event", event && event->is(json::Type::object) ? printable(event->raw()) : "its body is gone");
  if (const auto edited = letter.find("edited"); edited && edited->is(json::Type::object))
    facts.add("edited", printable(edited->raw()));
  facts.print(terminal.out);
  return exit_ok;
}

int run_dlq_edit(const DlqEditOptions& options, const Terminal& terminal) {
  const auto body = read_input(options.body, terminal);
  if (!body || body->empty()) {
    complain(terminal, fmt::format("{} cannot be read, or is empty", options.body));
    return exit_usage;
  }
  Client client(options.connection, terminal);
  const auto answer =
      client.post(path_of(options.consumer, fmt::format("/dead-letters/{}/edit", options.sequence)), *body);
  if (!answer) return client.exit_code();
  if (options.connection.json) {
    terminal.out << answer->body();
    return exit_ok;
  }
  terminal.out << fmt::format("dead letter {} of {} has a new body\n", options.sequence, options.consumer);
  terminal.err << fmt::format("trunkline dlq redrive {} --sequence {} delivers it\n", options.consumer,
                              options.sequence);
  return exit_ok;
}

int run_dlq_purge(const DlqActOptions& options, const Terminal& terminal) {
  const std::string body = selection(options, terminal, "purge");
  if (body.empty()) return exit_usage;
  std::string which = "every dead letter";
  if (options.sequence != 0) which = fmt::format("dead letter {}", options.sequence);
  if (!options.error_class.empty()) which = fmt::format("every dead letter of class {}", options.error_class);
  const std::string question = fmt::format("Purge {} of {}? They will never be delivered.", which, options.consumer);
  if (!options.yes && !confirm(terminal, question)) return exit_usage;
  return act(options, terminal, body, "purge", "purged");
}

}  // namespace trunkline::cli
