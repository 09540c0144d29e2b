#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace trunkline::cli {

struct ServerSentEvent {
  std::string type;  // "message" where the stream names none
  std::string data;  // its lines joined by line feeds
};

// Reads server-sent events from pieces of any size (WHATWG HTML, section 9.2.6): fields `event` and `data`, comments and
// other fields skipped, lines ended by CR LF, LF or CR, events by an empty line.
class ServerSentEvents {
 public:
  // An event or line over that size ends the reading.
  explicit ServerSentEvents(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // False: `take` has returned false, or overflowed(); the rest is not read.
  bool read(std::string_view bytes, const std::function<bool(const ServerSentEvent&)>& take);
  bool ended() const { return ended_; }  // by `take`
  bool overflowed() const { return overflowed_; }

 private:
  bool end_line(const std::function<bool(const ServerSentEvent&)>& take);
  void field(std::string_view name, std::string_view value);

  const std::size_t bytes_max_;
  std::string line_;
  std::string type_;
  std::string data_;
  bool has_data_ = false;
  bool after_carriage_return_ = false;
  bool ended_ = false;
  bool overflowed_ = false;
};

}  // namespace trunkline::cli
