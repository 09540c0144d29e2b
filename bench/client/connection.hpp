#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace trunkline::bench {

// One keep-alive connection to a server of AWS's protocols on this machine, a call at a time. Of one thread.
class CallConnection {
 public:
  explicit CallConnection(std::uint16_t port);
  ~CallConnection();
  CallConnection(const CallConnection&) = delete;
  CallConnection& operator=(const CallConnection&) = delete;

  // `headers`: whole lines, beside Host and Content-Length. Waits until the answer is whole; false for what is no 200.
  bool call(std::string_view headers, std::string_view body, std::string& answer);
  // There was a whole answer to the last call, whatever it was.
  bool answered() const { return open_; }

  // The same in two steps. receive() reads once, and is true when the answer is whole, or will never be.
  void send(std::string_view headers, std::string_view body);
  bool receive();
  bool good() const { return good_; }                  // it is a 200
  std::string_view answer() const { return answer_; }  // its body, or what is wrong; until the next call
  int socket() const { return socket_; }

 private:
  bool ended();

  int socket_;
  bool open_ = false, good_ = false;
  std::string request_;
  std::vector<char> in_;
  std::size_t have_ = 0;  // of in_
  std::string_view answer_;
};

// Connections that one thread serves at the same time.
class CallLoop {
 public:
  CallLoop(std::uint16_t port, std::size_t count);
  ~CallLoop();
  CallLoop(const CallLoop&) = delete;
  CallLoop& operator=(const CallLoop&) = delete;

  std::size_t size() const { return connections_.size(); }
  CallConnection& at(std::size_t place) { return *connections_[place]; }
  // Those whose answers are whole. Waits for one until `until`, by now_nanoseconds().
  const std::vector<std::size_t>& wait(std::int64_t until);

 private:
  int epoll_;
  std::vector<std::unique_ptr<CallConnection>> connections_;
  std::vector<std::size_t> whole_;
};

}  // namespace trunkline::bench
