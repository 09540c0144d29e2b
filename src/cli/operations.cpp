// Redrives, replays and what was done.
#include <fmt/format.h>

#include <ostream>
#include <thread>

#include "base/text.hpp"
#include "cli/client.hpp"
#include "cli/commands.hpp"
#include "cli/table.hpp"
#include "json/writer.hpp"

namespace trunkline::cli {
namespace {

constexpr std::chrono::milliseconds kLook(250);
constexpr std::size_t kTextWidth = 70;
constexpr base::Millis kPreviewAtMost = std::chrono::minutes(5);

std::string operation_path(std::uint64_t id, std::string_view rest = {}) {
  return fmt::format("/api/v1/operations/{}{}", id, rest);
}

void write_pace(json::Writer& writer, const PaceOptions& pace) {
  writer.key("rate").number(pace.rate).key("stop_share").number(pace.stop_share);
  writer.member("dry_run", pace.dry_run);
}

void member(json::Writer& writer, std::string_view name, const std::string& value) {
  if (!value.empty()) writer.member(name, value);
}

double seconds(std::chrono::milliseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

// "2h" is so long ago; everything else is a time. Nothing, with a complaint, when it is neither.
std::optional<std::string> time_of(const std::string& text, std::string_view option, const Terminal& terminal) {
  const base::SystemClock clock;
  if (text.empty()) return base::format_time(clock.wall());
  if (const auto ago = base::parse_duration(text); ago.ok()) return base::format_time(clock.wall() - *ago);
  if (const auto time = base::parse_time(text)) return base::format_time(*time);
  complain(terminal, fmt::format("{} '{}' is neither a time nor how long ago", option, text),
           "2026-03-02T08:00:00Z, or 90m, 2h, 3d");
  return std::nullopt;
}

std::string line_of(json::Value operation) {
  std::string line = fmt::format("{} given", number_at(operation, "given"));
  if (const auto total = operation.find("total"); total && total->is(json::Type::number))
    line += fmt::format(" of {}", number_at(operation, "total"));
  line +=
      fmt::format(", {} delivered, {} failed again", number_at(operation, "delivered"), number_at(operation, "failed"));
  if (const auto passed = number_at(operation, "passed"); passed > 0)
    line += fmt::format(", {} passed over since they still wait or are gone", passed);
  return line;
}

int exit_of(json::Value operation) {
  const std::string state(operation.string_at("state"));
  const bool good = state == "running" || state == "paused" || (state == "done" && number_at(operation, "failed") == 0);
  return good ? exit_ok : exit_failed;
}

void say(json::Value operation, const Terminal& terminal) {
  terminal.out << fmt::format(
      "operation {}, {} to {}: {}{}\n  {}\n", number_at(operation, "id"), text_at(operation, "kind"),
      text_at(operation, "consumer"), text_at(operation, "state"),
      operation.string_at("reason").empty() ? "" : fmt::format(" ({})", printable(operation.string_at("reason"))),
      line_of(operation));
  if (const auto note = operation.string_at("note"); !note.empty()) terminal.out << "  " << printable(note) << "\n";
}

// Until it ends or stops; a paused one is waited for, too, since somebody may resume it.
int follow(Client& client, std::uint64_t id, bool as_json, const Terminal& terminal) {
  for (;;) {
    const auto answer = client.get(operation_path(id));
    if (!answer) return client.exit_code();
    const json::Value operation = answer->root();
    const std::string_view state = operation.string_at("state");
    const bool over = state != "running" && state != "paused";
    if (terminal.interactive && !as_json) {
      terminal.err << fmt::format("\r\x1b[K{:.0f} %  {}  {:.0f}/s{}", real_at(operation, "progress") * 100,
                                  line_of(operation), real_at(operation, "rate_now"),
                                  state == "paused" ? "  paused" : "")
                   << (over ? "\r\x1b[K" : "") << std::flush;
    }
    if (over) {
      if (as_json) {
        terminal.out << answer->body();
      } else {
        say(operation, terminal);
      }
      return exit_of(operation);
    }
    std::this_thread::sleep_for(kLook);
  }
}

void print_words(json::Value preview, std::string_view name, std::string_view title, const Terminal& terminal) {
  const auto words = preview.find(name);
  if (!words || !words->first()) return;
  terminal.out << title << ":\n";
  for (auto word = words->first(); word; word = word->next())
    terminal.out << fmt::format("  {:>10}  {}\n", word->integer().value_or(0), printable(word->name()));
}

int say_preview(json::Value preview, const std::string& consumer, const Terminal& terminal) {
  const std::uint64_t total = number_at(preview, "total");
  const auto complete = preview.find("complete");
  terminal.out << fmt::format("{}{} event{} would be given to {}", complete && !complete->boolean() ? "at least " : "",
                              total, total == 1 ? "" : "s", consumer);
  if (const std::uint64_t parked = number_at(preview, "parked"); parked > 0)
    terminal.out << fmt::format("; {} of them hold a parked lane", parked);
  terminal.out << "\n";
  print_words(preview, "by_error_class", "by error", terminal);
  print_words(preview, "by_type", "by type", terminal);
  print_words(preview, "by_age", "dead for at most", terminal);
  return total > 0 ? exit_ok : exit_failed;
}

int start(const Connection& connection, const std::string& consumer, const PaceOptions& pace, const std::string& body,
          const Terminal& terminal) {
  Client client(connection, terminal);
  if (pace.dry_run) client.wait_at_most(kPreviewAtMost);
  const auto answer = client.post_or(201, "/api/v1/operations", body);
  if (!answer) return client.exit_code();
  if (pace.wait && !pace.dry_run) return follow(client, number_at(answer->root(), "id"), connection.json, terminal);
  if (connection.json) {
    terminal.out << answer->body();
    return exit_ok;
  }
  if (pace.dry_run) return say_preview(answer->root(), consumer, terminal);
  const std::uint64_t id = number_at(answer->root(), "id");
  terminal.out << fmt::format("operation {} begins\n", id);
  terminal.err << fmt::format("trunkline operations show {} says how far it is; --wait waits\n", id);
  return exit_ok;
}

int redrive_at_once(const RedriveOptions& options, const Terminal& terminal) {
  const int given = (options.sequence != 0 ? 1 : 0) + (options.error_class.empty() ? 0 : 1) + (options.all ? 1 : 0);
  const bool more = !options.type.empty() || !options.group.empty() || options.older_than.count() > 0 ||
                    options.newer_than.count() > 0 || options.pace.dry_run;
  if (given != 1 || more) {
    complain(terminal, "--at-once takes exactly one of --all, --sequence, --error-class and nothing else",
             "without --at-once a redrive takes any of them, ramps up and stops by itself");
    return exit_usage;
  }
  std::string body;
  json::Writer writer(body);
  writer.begin_object();
  if (options.sequence != 0) writer.member("sequence", options.sequence);
  if (options.all) writer.member("all", true);
  member(writer, "error_class", options.error_class);
  writer.end_object();
  Client client(options.connection, terminal);
  const auto answer =
      client.post(fmt::format("/api/v1/consumers/{}/redrive", base::percent_encode(options.consumer)), body);
  if (!answer) return client.exit_code();
  const std::uint64_t count = number_at(answer->root(), "redriven");
  if (options.connection.json) {
    terminal.out << answer->body();
  } else {
    terminal.out << fmt::format("{} dead letter{} of {} redriven\n", count, count == 1 ? "" : "s", options.consumer);
  }
  return count > 0 ? exit_ok : exit_failed;
}

int command(const OperationOptions& options, std::string_view word, const Terminal& terminal) {
  Client client(options.connection, terminal);
  const auto answer = client.post(operation_path(options.id, word), {});
  if (!answer) return client.exit_code();
  if (options.connection.json) {
    terminal.out << answer->body();
  } else {
    say(answer->root(), terminal);
  }
  return exit_ok;
}

}  // namespace

int run_dlq_redrive(const RedriveOptions& options, const Terminal& terminal) {
  if (options.at_once) return redrive_at_once(options, terminal);
  const bool some = options.sequence != 0 || !options.error_class.empty() || !options.type.empty() ||
                    !options.group.empty() || options.older_than.count() > 0 || options.newer_than.count() > 0;
  if (options.all == some) {
    complain(terminal, "redrive which dead letters? Give --all, or what they must match",
             "trunkline dlq redrive " + options.consumer + " --all --dry-run says what there is");
    return exit_usage;
  }
  std::string body;
  json::Writer writer(body);
  writer.begin_object().member("kind", "redrive").member("consumer", options.consumer);
  if (options.all) writer.member("all", true);
  if (options.sequence != 0) writer.member("sequence", options.sequence);
  member(writer, "error_class", options.error_class);
  member(writer, "type", options.type);
  member(writer, "group", options.group);
  if (options.older_than.count() > 0) writer.key("older_than_seconds").number(seconds(options.older_than));
  if (options.newer_than.count() > 0) writer.key("newer_than_seconds").number(seconds(options.newer_than));
  write_pace(writer, options.pace);
  writer.end_object();
  return start(options.connection, options.consumer, options.pace, body, terminal);
}

int run_replay(const ReplayOptions& options, const Terminal& terminal) {
  const auto from = time_of(options.from, "--from", terminal);
  const auto to = time_of(options.to, "--to", terminal);
  if (!from || !to) return exit_usage;
  std::string body;
  json::Writer writer(body);
  writer.begin_object().member("kind", "replay").member("consumer", options.consumer);
  writer.member("from", *from).member("to", *to);
  member(writer, "type", options.type);
  member(writer, "conversation", options.conversation);
  if (options.all_routed) writer.member("all_routed", true);
  write_pace(writer, options.pace);
  writer.end_object();
  return start(options.connection, options.consumer, options.pace, body, terminal);
}

int run_operations_ls(const OperationsListOptions& options, const Terminal& terminal) {
  Client client(options.connection, terminal);
  std::string path = "/api/v1/operations";
  if (!options.consumer.empty()) path += "?consumer=" + base::percent_encode(options.consumer);
  const auto answer = client.get(path);
  if (!answer) return client.exit_code();
  if (options.connection.json) {
    terminal.out << answer->body();
    return exit_ok;
  }
  using enum Table::Align;
  Table table({{"ID", right},
               {"KIND"},
               {"CONSUMER"},
               {"STATE"},
               {"GIVEN", right},
               {"DELIVERED", right},
               {"FAILED", right},
               {"BEGAN"},
               {"BY"},
               {"REASON"}});
  const auto list = answer->root().find("operations");
  for (auto each = list ? list->first() : std::nullopt; each; each = each->next()) {
    table.add({count_at(*each, "id"), text_at(*each, "kind"), text_at(*each, "consumer"), text_at(*each, "state"),
               count_at(*each, "given"), count_at(*each, "delivered"), count_at(*each, "failed"),
               text_at(*each, "created_at"), printable(each->string_at("by"), kTextWidth),
               printable(each->string_at("reason"), kTextWidth)});
  }
  if (table.empty()) {
    terminal.err << "there are no operations\n";
    return exit_ok;
  }
  table.print(terminal.out);
  return exit_ok;
}

int run_operations_show(const OperationOptions& options, const Terminal& terminal) {
  Client client(options.connection, terminal);
  if (options.wait) return follow(client, options.id, options.connection.json, terminal);
  const auto answer = client.get(operation_path(options.id));
  if (!answer) return client.exit_code();
  const json::Value operation = answer->root();
  if (options.connection.json) {
    terminal.out << answer->body();
    return exit_of(operation);
  }
  Facts facts;
  facts.add("operation", fmt::format("{}, {} to {}", count_at(operation, "id"), text_at(operation, "kind"),
                                     text_at(operation, "consumer")));
  facts.add("state", fmt::format("{} {}", text_at(operation, "state"), printable(operation.string_at("reason"))));
  facts.add("since", text_at(operation, "changed_at"));
  facts.add("began", fmt::format("{}, by {}", text_at(operation, "created_at"), text_at(operation, "by")));
  if (const auto filter = operation.find("filter")) facts.add("which", printable(filter->raw()));
  facts.add("progress", fmt::format("{:.0f} %, {}", real_at(operation, "progress") * 100, line_of(operation)));
  facts.add("in lanes", count_at(operation, "in_lanes"));
  facts.add("rate",
            fmt::format("{:g}/s now, up to {:g}/s", real_at(operation, "rate_now"), real_at(operation, "rate")));
  if (const auto failed = operation.find("last_failed"); failed && failed->first())
    facts.add("last failed", printable(failed->raw()) + " " + text_at(operation, "error_class"));
  if (const auto note = operation.string_at("note"); !note.empty()) facts.add("note", printable(note));
  facts.print(terminal.out);
  return exit_of(operation);
}

int run_operations_pause(const OperationOptions& options, const Terminal& terminal) {
  return command(options, "/pause", terminal);
}
int run_operations_resume(const OperationOptions& options, const Terminal& terminal) {
  return command(options, "/resume", terminal);
}
int run_operations_cancel(const OperationOptions& options, const Terminal& terminal) {
  return command(options, "/cancel", terminal);
}

int run_audit(const AuditOptions& options, const Terminal& terminal) {
  Client client(options.connection, terminal);
  std::string path = fmt::format("/api/v1/audit?limit={}", options.limit);
  if (options.before > 0) path += fmt::format("&before={}", options.before);
  if (!options.consumer.empty()) path += "&consumer=" + base::percent_encode(options.consumer);
  const auto answer = client.get(path);
  if (!answer) return client.exit_code();
  if (options.connection.json) {
    terminal.out << answer->body();
    return exit_ok;
  }
  using enum Table::Align;
  Table table({{"ID", right}, {"AT"}, {"BY"}, {"ACTION"}, {"CONSUMER"}, {"OPERATION", right}, {"WHAT"}, {"OUTCOME"}});
  const auto list = answer->root().find("audit");
  for (auto each = list ? list->first() : std::nullopt; each; each = each->next()) {
    const auto outcome = each->string_at("outcome");
    table.add({count_at(*each, "id"), text_at(*each, "at"), printable(each->string_at("by"), kTextWidth),
               text_at(*each, "action"), text_at(*each, "consumer"), count_at(*each, "operation"),
               printable(each->string_at("what"), kTextWidth),
               outcome.empty() ? "not known" : printable(outcome, kTextWidth)});
  }
  if (table.empty()) {
    terminal.err << "nothing was done" << (options.before > 0 ? " before that" : "") << "\n";
    return exit_ok;
  }
  table.print(terminal.out);
  if (const std::uint64_t next = number_at(answer->root(), "next_before"); next > 0)
    terminal.err << fmt::format("there may be more: --before {}\n", next);
  return exit_ok;
}

}  // namespace trunkline::cli
