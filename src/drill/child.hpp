#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace trunkline::drill {

struct ChildSpec {
  std::string executable{};
  std::vector<std::string> arguments{};    // without the name of the program
  std::vector<std::string> environment{};  // "NAME=value", beside this process's own
  std::string log_path{};                  // standard output and error are appended there
};

struct Death {
  int signal = 0;  // 0: it ended by itself
  int code = 0;    // of the exit, then
};
std::string describe(const Death& death);

// A child process that is never left behind: the destructor kills it, and so does the kernel when this thread ends
// (PR_SET_PDEATHSIG). One thread.
class Child {
 public:
  static base::Result<Child> start(const ChildSpec& spec);
  ~Child();
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, 0)) {}
  Child& operator=(Child&&) = delete;

  // Waits until it is dead; nothing when it still lives after `within`. Once a death was given, no more calls.
  std::optional<Death> wait(base::Millis within);
  void send(int signal) const;

 private:
  explicit Child(pid_t pid) : pid_(pid) {}
  pid_t pid_;  // 0: none, or reaped
};

// The path of the program that runs.
base::Result<std::string> own_executable();

// A TCP port on 127.0.0.1 that nobody listens on, below the ports that the kernel gives to clients: a client that
// knocks while the hub is down can otherwise be given the hub's own port, and connects to itself. Another process may
// still take it.
base::Result<std::uint16_t> free_port(std::uint64_t seed);

}  // namespace trunkline::drill
