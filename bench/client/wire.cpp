#include "wire.hpp"

#include <fmt/format.h>

#include <charconv>

namespace trunkline::bench {
namespace {

std::uint64_t number_behind(std::string_view text, std::string_view mark) {
  const std::size_t found = text.find(mark);
  std::uint64_t value = 0;
  if (found != std::string_view::npos)
    std::from_chars(text.data() + found + mark.size(), text.data() + text.size(), value);
  return value;
}

class HttpWire final : public Wire {
 public:
  explicit HttpWire(const HttpWireOptions& options)
      : options_(options),
        events_(options.events),
        head_(fmt::format("POST {} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                          "x-api-key: 0123456789abcdef0123456789abcdef\r\n"
                          "User-Agent: Amazon/EventBridge/ApiDestinations\r\n{}Content-Length: ",
                          options.target, options.close_after ? "Connection: close\r\n" : "")) {}

  void request(std::string& out, std::uint64_t first, std::uint32_t count) override {
    const std::size_t size = count == 1 ? kEventBytes : count * (kEventBytes + 1) + 1;
    out.append(head_).append(std::to_string(size)).append("\r\n\r\n");
    if (count > 1) out += '[';
    for (std::uint32_t i = 0; i < count; ++i) {
      if (i > 0) out += ',';
      events_.append(out, first + i);
    }
    if (count > 1) out += ']';
  }

  Answer answer(std::string_view bytes, std::uint32_t count) override {
    const std::size_t end = bytes.find("\r\n\r\n");
    if (end == std::string_view::npos) return {};
    const std::string_view head = bytes.substr(0, end + 2);
    const std::uint64_t body = number_behind(head, "\r\nContent-Length: ");
    const std::size_t size = end + 4 + static_cast<std::size_t>(body);
    if (bytes.size() < size) return {};
    const bool taken = head.size() > 12 && head[9] == '2' &&
                       (!options_.hub || number_behind(bytes.substr(end, 64), "\"accepted\":") == count);
    return {size, taken, bytes.substr(0, std::min<std::size_t>(size, 400))};
  }

 private:
  HttpWireOptions options_;
  EventMaker events_;
  std::string head_;
};

class RedisWire final : public Wire {
 public:
  RedisWire(const std::string& stream, std::uint32_t salt)
      : events_({.salt = salt}),
        head_(fmt::format("*5\r\n$4\r\nXADD\r\n${}\r\n{}\r\n$1\r\n*\r\n$1\r\ne\r\n${}\r\n", stream.size(), stream,
                          kEventBytes)) {}

  void request(std::string& out, std::uint64_t first, std::uint32_t count) override {
    for (std::uint32_t i = 0; i < count; ++i) {
      out += head_;
      events_.append(out, first + i);
      out += "\r\n";
    }
  }

  // Every XADD is answered by its id, `$15\r\n…\r\n`.
  Answer answer(std::string_view bytes, std::uint32_t count) override {
    std::size_t at = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      if (at < bytes.size() && bytes[at] != '$') return {bytes.size(), false, bytes.substr(at, 200)};
      const std::size_t first = bytes.find("\r\n", at);
      if (first == std::string_view::npos) return {};
      const std::size_t second = bytes.find("\r\n", first + 2);
      if (second == std::string_view::npos) return {};
      at = second + 2;
    }
    return {at, true, {}};
  }

 private:
  EventMaker events_;
  std::string head_;
};

}  // namespace

std::unique_ptr<Wire> http_wire(const HttpWireOptions& options) {
  return std::make_unique<HttpWire>(options);
}
std::unique_ptr<Wire> redis_wire(const std::string& stream, std::uint32_t salt) {
  return std::make_unique<RedisWire>(stream, salt);
}

}  // namespace trunkline::bench
