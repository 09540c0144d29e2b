#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <charconv>
#include <string>

#include "base/check.hpp"
#include "peers.hpp"

namespace trunkline::bench {
namespace {

// One blocking connection, and the replies of the two commands that are used.
class RedisClient {
 public:
  explicit RedisClient(int socket) : socket_(socket) {}

  // False: the connection has ended.
  bool command(const std::vector<std::string>& words) {
    std::string bytes = fmt::format("*{}\r\n", words.size());
    for (const std::string& word : words) bytes += fmt::format("${}\r\n{}\r\n", word.size(), word);
    for (std::size_t sent = 0; sent < bytes.size();) {
      const ssize_t size = ::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (size <= 0) return false;
      sent += static_cast<std::size_t>(size);
    }
    return true;
  }

  // Reads one reply, whatever its shape; bulk strings are handed to `bulk`.
  template <class Bulk>
  bool reply(const Bulk& bulk) {
    for (std::int64_t left = 1; left > 0; --left) {
      std::string_view line;
      if (!read_line(line)) return false;
      std::int64_t number = 0;
      std::from_chars(line.data() + 1, line.data() + line.size(), number);
      const char kind = line[0];
      if (kind == '-') return false;
      if (kind == '*') left += std::max<std::int64_t>(number, 0);
      if (kind != '$' || number < 0) continue;
      const auto size = static_cast<std::size_t>(number);
      while (in_.size() - at_ < size + 2) {
        if (!fill()) return false;
      }
      bulk(std::string_view(in_).substr(at_, size));
      at_ += size + 2;
    }
    in_.erase(0, at_);
    at_ = 0;
    return true;
  }

 private:
  bool fill() {
    const std::size_t had = in_.size();
    in_.resize(had + (256 << 10));
    const ssize_t size = ::recv(socket_, in_.data() + had, 256 << 10, 0);
    in_.resize(had + static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    return size > 0;
  }
  bool read_line(std::string_view& line) {
    std::size_t end = 0;
    while ((end = in_.find("\r\n", at_)) == std::string::npos) {
      if (!fill()) return false;
    }
    line = std::string_view(in_).substr(at_, end - at_);
    at_ = end + 2;
    return !line.empty();
  }

  int socket_;
  std::string in_;
  std::size_t at_ = 0;
};

int connect_to(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  TRUNKLINE_CHECK(::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "redis listens");
  return socket;
}

}  // namespace

RedisGroups::RedisGroups(std::uint16_t port, const std::string& stream, std::size_t groups)
    : stream_(stream), counts_(groups) {
  for (std::size_t i = 0; i < groups; ++i) {
    const int socket = connect_to(port);
    RedisClient setup(socket);
    const bool made = setup.command({"XGROUP", "CREATE", stream_, "g" + std::to_string(i), "$", "MKSTREAM"}) &&
                      setup.reply([](std::string_view) {});
    TRUNKLINE_CHECK(made, "a fresh group can be made");
    threads_.emplace_back([this, i, socket] { run(i, socket); });
  }
}

RedisGroups::~RedisGroups() {
  stopping_.store(true);
  for (std::thread& thread : threads_) thread.join();
}

void RedisGroups::run(std::size_t group, int socket) {
  RedisClient client(socket);
  const std::string name = "g" + std::to_string(group);
  const std::vector<std::string> read = {"XREADGROUP", "GROUP", name,      "c",     "COUNT", "500",
                                         "BLOCK",      "100",   "STREAMS", stream_, ">"};
  while (!stopping_.load(std::memory_order_relaxed)) {
    std::vector<std::string> acknowledge = {"XACK", stream_, name};
    // An entry is its id, the field's name and the value; the stream's name comes first.
    std::size_t place = 0;
    const auto take = [&](std::string_view text) {
      if (place > 0 && (place - 1) % 3 == 0) acknowledge.emplace_back(text);
      ++place;
    };
    if (!client.command(read) || !client.reply(take)) break;
    if (acknowledge.size() == 3) continue;
    if (!client.command(acknowledge) || !client.reply([](std::string_view) {})) break;
    counts_[group].fetch_add(acknowledge.size() - 3, std::memory_order_relaxed);
  }
  ::close(socket);
}

}  // namespace trunkline::bench
