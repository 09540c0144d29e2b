#include <fmt/format.h>

#include <ostream>

#include "cli/client.hpp"
#include "cli/commands.hpp"
#include "cli/table.hpp"
#include "json/writer.hpp"

namespace trunkline::cli {

int run_backup(const BackupOptions& options, const Terminal& terminal) {
  Client client(options.connection, terminal);
  client.wait_at_most(std::chrono::hours(12));  // a terabyte over a slow network device
  std::string body;
  json::Writer(body).begin_object().member("directory", options.directory).end_object();
  const auto answer = client.post("/api/v1/backup", body);
  if (!answer) return client.exit_code();
  if (options.connection.json) {
    terminal.out << answer->body();
    return exit_ok;
  }
  terminal.out << fmt::format("backup in {}: {}, events up to sequence {}\n", text_at(answer->root(), "directory"),
                              human_bytes(real_at(answer->root(), "bytes")), number_at(answer->root(), "end"));
  return exit_ok;
}

}  // namespace trunkline::cli
