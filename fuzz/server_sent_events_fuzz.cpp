// Server-sent events in pieces of any size give the same events as in one piece, up to where they are too long.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "cli/server_sent_events.hpp"

namespace {

std::vector<std::string> read(std::string_view bytes, std::size_t piece) {
  std::vector<std::string> events;
  trunkline::cli::ServerSentEvents reader(100);
  const auto take = [&](const trunkline::cli::ServerSentEvent& event) {
    events.push_back(event.type + "\n" + event.data);
    return event.type != "end";
  };
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    if (!reader.read(bytes.substr(at, piece), take)) break;
  }
  return events;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  TRUNKLINE_CHECK(read(bytes, 1 + data[0] % 7) == read(bytes, bytes.size() + 1), "pieces make a difference");
  return 0;
}
