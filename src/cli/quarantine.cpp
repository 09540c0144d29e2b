#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "base/crypto.hpp"
#include "base/text.hpp"
#include "cli/client.hpp"
#include "cli/commands.hpp"
#include "cli/table.hpp"
#include "json/writer.hpp"

namespace trunkline::cli {
namespace {

constexpr std::size_t kDetailWidth = 60;
constexpr std::uint32_t kPageMax = 1'000;  // the API's

std::string entry_path(std::uint64_t id) {
  return fmt::format("/api/v1/quarantine/{}", id);
}

// The bytes as received, whatever they are.
std::string bytes_of(json::Value entry) {
  const std::string_view body = entry.string_at("body");
  if (entry.string_at("encoding") != "base64") return std::string(body);
  return base::base64_decode(body).value_or(std::string());
}

void say_resubmitted(json::Value outcome, const Terminal& terminal) {
  const auto id = number_at(outcome, "id");
  if (const auto error = outcome.find("error"); error && error->is(json::Type::object)) {
    complain(terminal, fmt::format("entry {} stays: {}", id, text_at(*error, "message")));
    return;
  }
  std::string stored;
  const auto list = outcome.find("stored");
  for (auto result = list ? list->first() : std::nullopt; result; result = result->next())
    stored += fmt::format(" {} as {}", text_at(*result, "verdict"), count_at(*result, "sequence"));
  terminal.out << fmt::format("entry {}:{}\n", id, stored);
}

// Sums of the calls that one command makes.
struct Totals {
  std::uint64_t resubmitted = 0;
  std::uint64_t left = 0;
};

// False when the hub could not be asked.
bool resubmit_page(Client& client, const std::string& body, const QuarantineResubmitOptions& options,
                   const Terminal& terminal, Totals& totals, std::uint64_t& next) {
  const auto answer = client.post("/api/v1/quarantine/resubmit", body);
  if (!answer) return false;
  totals.resubmitted += number_at(answer->root(), "resubmitted");
  totals.left += number_at(answer->root(), "left");
  next = number_at(answer->root(), "next_after");
  if (options.connection.json) {
    terminal.out << answer->body();
    return true;
  }
  const auto results = answer->root().find("results");
  for (auto outcome = results ? results->first() : std::nullopt; outcome; outcome = outcome->next())
    say_resubmitted(*outcome, terminal);
  return true;
}

int end_of_resubmit(const Totals& totals, const QuarantineResubmitOptions& options, const Terminal& terminal) {
  if (!options.connection.json)
    terminal.err << fmt::format("{} resubmitted, {} left in the quarantine\n", totals.resubmitted, totals.left);
  return totals.left == 0 && totals.resubmitted > 0 ? exit_ok : exit_failed;
}

int resubmit_all(const QuarantineResubmitOptions& options, const Terminal& terminal) {
  Client client(options.connection, terminal);
  Totals totals;
  // Ids only grow and `next` with them, so that this ends even where every entry stays.
  std::uint64_t next = 0;
  do {
    std::string body;
    json::Writer writer(body);
    writer.begin_object().member("all", true).member("after", next);
    if (!options.reason.empty()) writer.member("reason", options.reason);
    writer.end_object();
    if (!resubmit_page(client, body, options, terminal, totals, next)) return client.exit_code();
  } while (next > 0);
  return end_of_resubmit(totals, options, terminal);
}

int resubmit_ids(const QuarantineResubmitOptions& options, const Terminal& terminal) {
  if (options.ids.size() > kPageMax) {
    complain(terminal, fmt::format("at most {} ids at once", kPageMax));
    return exit_usage;
  }
  Client client(options.connection, terminal);
  std::string body;
  json::Writer writer(body);
  writer.begin_object().key("ids").begin_array();
  for (const std::uint64_t id : options.ids) writer.unsigned_integer(id);
  writer.end_array().end_object();
  Totals totals;
  std::uint64_t next = 0;
  if (!resubmit_page(client, body, options, terminal, totals, next)) return client.exit_code();
  return end_of_resubmit(totals, options, terminal);
}

int resubmit_corrected(const QuarantineResubmitOptions& options, const Terminal& terminal) {
  const auto bytes = read_input(options.file, terminal);
  if (!bytes || bytes->empty()) {
    complain(terminal, fmt::format("{} cannot be read, or is empty", options.file));
    return exit_usage;
  }
  Client client(options.connection, terminal);
  const auto answer = client.post(entry_path(options.ids.front()) + "/resubmit", *bytes);
  if (!answer) return client.exit_code();
  if (options.connection.json) {
    terminal.out << answer->body();
  } else {
    say_resubmitted(answer->root(), terminal);
  }
  return exit_ok;
}

}  // namespace

int run_quarantine_ls(const QuarantineListOptions& options, const Terminal& terminal) {
  Client client(options.connection, terminal);
  Table table(
      {{"ID", Table::Align::right}, {"RECEIVED"}, {"SOURCE"}, {"REASON"}, {"BYTES", Table::Align::right}, {"DETAIL"}});
  std::uint64_t after = options.after;
  std::uint64_t next = 0;
  std::uint64_t left = options.limit;
  do {
    const auto answer =
        client.get(fmt::format("/api/v1/quarantine?after={}&limit={}&reason={}", after,
                               std::min<std::uint64_t>(left, kPageMax), base::percent_encode(options.reason)));
    if (!answer) return client.exit_code();
    next = number_at(answer->root(), "next_after");
    after = next;
    const auto entries = answer->root().find("entries");
    if (options.connection.json) terminal.out << answer->body();
    for (auto entry = entries ? entries->first() : std::nullopt; entry && left > 0; entry = entry->next(), --left) {
      table.add({count_at(*entry, "id"), text_at(*entry, "received_at"), text_at(*entry, "source"),
                 text_at(*entry, "reason"), count_at(*entry, "bytes"),
                 printable(entry->string_at("detail"), kDetailWidth)});
    }
  } while (next > 0 && left > 0);
  if (options.connection.json) return exit_ok;
  if (table.empty()) {
    terminal.err << "the quarantine holds nothing" << (options.reason.empty() ? "" : " of that reason") << "\n";
    return exit_ok;
  }
  table.print(terminal.out);
  if (next > 0) terminal.err << fmt::format("there may be more: --after {}\n", next);
  return exit_ok;
}

int run_quarantine_show(const QuarantineShowOptions& options, const Terminal& terminal) {
  Client client(options.connection, terminal);
  const auto answer = client.get(entry_path(options.id) + (options.raw ? "?raw=1" : ""));
  if (!answer) return client.exit_code();
  if (options.connection.json) {
    terminal.out << answer->body();
    return exit_ok;
  }
  const json::Value entry = answer->root();
  if (options.bytes) {
    terminal.out << bytes_of(entry);
    return exit_ok;
  }
  Facts facts;
  facts.add("id", count_at(entry, "id"));
  facts.add("received", text_at(entry, "received_at"));
  facts.add("source", text_at(entry, "source"));
  facts.add("content type", text_at(entry, "content_type"));
  facts.add("reason", text_at(entry, "reason"));
  facts.add("detail", text_at(entry, "detail"));
  facts.add("bytes", count_at(entry, "bytes"));
  facts.print(terminal.out);
  terminal.out << "\n" << printable(bytes_of(entry)) << "\n";
  return exit_ok;
}

int run_quarantine_resubmit(const QuarantineResubmitOptions& options, const Terminal& terminal) {
  if (options.ids.empty() != options.all) {
    complain(terminal, "resubmit which entries? Give either ids or --all", "trunkline quarantine ls lists them");
    return exit_usage;
  }
  if (!options.reason.empty() && !options.all) {
    complain(terminal, "--reason goes with --all");
    return exit_usage;
  }
  if (options.file.empty()) return options.all ? resubmit_all(options, terminal) : resubmit_ids(options, terminal);
  if (options.ids.size() == 1) return resubmit_corrected(options, terminal);
  complain(terminal, "--file goes with exactly one id: it holds the corrected bytes of that entry");
  return exit_usage;
}

int run_quarantine_rm(const QuarantineRemoveOptions& options, const Terminal& terminal) {
  if (options.ids.empty()) {
    complain(terminal, "remove which entries? Give their ids", "trunkline quarantine ls lists them");
    return exit_usage;
  }
  const std::string question = fmt::format("Remove {} quarantine entr{}? What was received is gone then.",
                                           options.ids.size(), options.ids.size() == 1 ? "y" : "ies");
  if (!options.yes && !confirm(terminal, question)) return exit_usage;
  Client client(options.connection, terminal);
  int code = exit_ok;
  for (const std::uint64_t id : options.ids) {
    const auto answer = client.remove(entry_path(id));
    if (!answer && client.exit_code() != exit_failed) return client.exit_code();
    if (!answer) {
      code = exit_failed;
    } else if (options.connection.json) {
      terminal.out << answer->body();
    } else {
      terminal.out << fmt::format("entry {} removed\n", id);
    }
  }
  return code;
}

}  // namespace trunkline::cli
