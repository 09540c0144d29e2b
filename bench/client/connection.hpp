#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace trunkline::bench {

// One blocking keep-alive connection to a server of AWS's protocols on this machine, for the calls of one thread.
class CallConnection {
 public:
  explicit CallConnection(std::uint16_t port);
  ~CallConnection();
  CallConnection(const CallConnection&) = delete;
  CallConnection& operator=(const CallConnection&) = delete;

  // `headers`: whole lines, beside Host and Content-Length. The answer's body; what is no 200 is an error that it names.
  bool call(std::string_view headers, std::string_view body, std::string& answer);
  // There was a whole answer to the last call, whatever it was.
  bool answered() const { return open_; }

 private:
  bool read(std::string& answer);
  bool fill();
  bool ended(std::string& answer);

  int socket_;
  bool open_ = false;
  std::string request_, in_;
};

}  // namespace trunkline::bench
