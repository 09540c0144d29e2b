// trunkline shadow: what a shadow would have sent.
#include <fmt/format.h>

#include "base/text.hpp"
#include "cli/client.hpp"
#include "cli/commands.hpp"
#include "cli/table.hpp"

namespace trunkline::cli {
namespace {

void print_request(json::Value request, std::ostream& out) {
  out << fmt::format("\n#{} at {}\n{} {}\n", number_at(request, "number"), text_at(request, "at"),
                     text_at(request, "method"), text_at(request, "url"));
  const auto headers = request.find("headers");
  for (auto header = headers ? headers->first() : std::nullopt; header; header = header->next())
    out << text_at(*header, "name") << ": " << text_at(*header, "value") << "\n";
  out << "\n" << text_at(request, "body") << "\n";
  const auto complete = request.find("complete");
  if (!complete || !complete->boolean())
    out << fmt::format("(the beginning of {})\n", human_bytes(real_at(request, "bytes")));
}

}  // namespace

int run_shadow(const ShadowOptions& options, const Terminal& terminal) {
  Client client(options.connection, terminal);
  const auto answer =
      client.get("/api/v1/consumers/" + base::percent_encode(options.name) + "/shadow" + (options.raw ? "?raw=1" : ""));
  if (!answer) return client.exit_code();
  if (options.connection.json) {
    terminal.out << answer->body();
    return exit_ok;
  }
  const auto counts = answer->root().find("shadowed");
  if (counts) {
    terminal.out << fmt::format("{} is a shadow: since {} it has rendered {} requests of {}, and sent none\n",
                                options.name, text_at(*counts, "since"), number_at(*counts, "requests"),
                                human_bytes(real_at(*counts, "bytes")));
  }
  const auto newest = answer->root().find("newest");
  std::size_t shown = 0;
  for (auto request = newest ? newest->first() : std::nullopt; request && shown < options.last;
       request = request->next(), ++shown)
    print_request(*request, terminal.out);
  return exit_ok;
}

}  // namespace trunkline::cli
