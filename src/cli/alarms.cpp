#include <ostream>

#include "cli/client.hpp"
#include "cli/commands.hpp"
#include "cli/table.hpp"

namespace trunkline::cli {
namespace {

constexpr std::size_t kDetailWidth = 100;

void print(json::Value answer, std::string_view list_name, std::string_view none, std::ostream& out) {
  const auto list = answer.find(list_name);
  if (!list || !list->first()) {
    out << none << "\n";
    return;
  }
  const bool recent = list_name == "recent";
  Table table(recent ? std::vector<Table::Column>{{"ALARM"}, {"OF"}, {"BEGAN"}, {"ENDED"}, {"DETAIL"}}
                     : std::vector<Table::Column>{{"ALARM"}, {"OF"}, {"SINCE"}, {"DETAIL"}});
  for (auto incident = list->first(); incident; incident = incident->next()) {
    const std::string subject =
        incident->string_at("subject").empty() ? text_at(*incident, "scope") : text_at(*incident, "subject");
    std::vector<std::string> cells = {text_at(*incident, "alarm"), subject, text_at(*incident, "opened_at")};
    if (recent) cells.push_back(text_at(*incident, "resolved_at"));
    cells.push_back(printable(incident->string_at("detail"), kDetailWidth));
    table.add(std::move(cells));
  }
  table.print(out);
}

}  // namespace

int run_alarms(const AlarmsOptions& options, const Terminal& terminal) {
  Client client(options.connection, terminal);
  const auto answer = client.get("/api/v1/alarms");
  if (!answer) return client.exit_code();
  const auto open = answer->root().find("open");
  const int code = open && open->first() ? exit_failed : exit_ok;
  if (options.connection.json) {
    terminal.out << answer->body();
    return code;
  }
  print(answer->root(), "open", "no alarm is open", terminal.out);
  if (options.recent) {
    terminal.out << "\n";
    print(answer->root(), "recent", "none was resolved lately", terminal.out);
  }
  return code;
}

}  // namespace trunkline::cli
