#include <ostream>

#include "cli/client.hpp"
#include "cli/commands.hpp"
#include "cli/table.hpp"
#include "json/writer.hpp"

namespace trunkline::cli {
namespace {

constexpr int kRefused = 409;

void print_list(json::Value report, std::string_view name, const std::string& before, std::ostream& out) {
  const auto list = report.find(name);
  for (auto text = list ? list->first() : std::nullopt; text; text = text->next())
    out << before << printable(text->string()) << "\n";
}

}  // namespace

int run_reload(const ReloadOptions& options, const Terminal& terminal) {
  std::string body;
  json::Writer writer(body);
  writer.begin_object().member("dry_run", options.dry_run).key("drop").begin_array();
  for (const std::string& name : options.drop) writer.string(name);
  writer.end_array().end_object();
  Client client(options.connection, terminal);
  const auto answer = client.post_or(kRefused, "/api/v1/reload", body);
  if (!answer) return client.exit_code();
  const bool refused = client.status() == kRefused;
  const int code = refused ? exit_failed : exit_ok;
  if (options.connection.json) {
    terminal.out << answer->body();
    return code;
  }
  const json::Value report = answer->root();
  const auto changes = report.find("changes");
  bool any = false;
  for (auto change = changes ? changes->first() : std::nullopt; change; change = change->next()) {
    const auto restart = change->find("needs_restart");
    terminal.out << text_at(*change, "text") << (restart && restart->boolean() ? "   (needs a restart)" : "") << "\n";
    any = true;
  }
  print_list(report, "notes", "note: ", terminal.err);
  if (refused) {
    print_list(report, "problems", "refused: ", terminal.err);
    complain(terminal, "nothing was changed");
  } else if (!any) {
    terminal.out << "nothing has changed\n";
  } else if (options.dry_run) {
    terminal.out << "a dry run: nothing was changed\n";
  } else {
    terminal.out << "in effect\n";
  }
  return code;
}

}  // namespace trunkline::cli
