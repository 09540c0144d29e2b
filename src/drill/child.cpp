#include "drill/child.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <thread>

#include "sim/random.hpp"

namespace trunkline::drill {

using base::Errc;
using base::Result;

namespace {

constexpr base::Millis kPoll{1};
constexpr int kPortTries = 100;
constexpr int kPortFirst = 10'000;

base::Error system_error(std::string_view what) {
  return {Errc::unavailable, fmt::format("{}: {}", what, std::strerror(errno))};
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

}  // namespace

std::string describe(const Death& death) {
  if (death.signal != 0) return fmt::format("signal {}", death.signal);
  return fmt::format("exit code {}", death.code);
}

Result<Child> Child::start(const ChildSpec& spec) {
  std::vector<std::string> arguments{spec.executable};
  arguments.insert(arguments.end(), spec.arguments.begin(), spec.arguments.end());
  std::vector<std::string> environment;
  // What this process was itself given for crashes is not passed on: the drill decides.
  for (char** at = ::environ; *at != nullptr; ++at) {
    const std::string_view variable(*at);
    if (!variable.starts_with("TRUNKLINE_FAILPOINTS=") && !variable.starts_with("TRUNKLINE_CRASH_DISK="))
      environment.emplace_back(variable);
  }
  environment.insert(environment.end(), spec.environment.begin(), spec.environment.end());
  const std::vector<char*> argv = pointers(arguments);
  const std::vector<char*> envp = pointers(environment);
  const int log = ::open(spec.log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log < 0) return system_error(spec.log_path);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) {
    // Only async-signal-safe calls: the parent has threads.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
    ::dup2(log, STDOUT_FILENO);
    ::dup2(log, STDERR_FILENO);
    ::execve(argv[0], argv.data(), envp.data());
    ::_exit(127);
  }
  const int reason = errno;
  ::close(log);
  errno = reason;
  if (pid < 0) return system_error("fork");
  return Child(pid);
}

Child::~Child() {
  if (pid_ == 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

std::optional<Death> Child::wait(base::Millis within) {
  const auto until = std::chrono::steady_clock::now() + within;
  for (;;) {
    int status = 0;
    const pid_t got = ::waitpid(pid_, &status, WNOHANG);
    if (got == pid_) {
      pid_ = 0;
      if (WIFSIGNALED(status)) return Death{WTERMSIG(status), 0};
      return Death{0, WEXITSTATUS(status)};
    }
    if (std::chrono::steady_clock::now() >= until) return std::nullopt;
    std::this_thread::sleep_for(kPoll);
  }
}

void Child::send(int signal) const {
  if (pid_ != 0) ::kill(pid_, signal);
}

Result<std::string> own_executable() {
  std::array<char, 4096> path{};
  const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size());
  if (length <= 0) return system_error("/proc/self/exe");
  return std::string(path.data(), static_cast<std::size_t>(length));
}

Result<std::uint16_t> free_port(std::uint64_t seed) {
  int low = 32'768;
  std::ifstream("/proc/sys/net/ipv4/ip_local_port_range") >> low;
  if (low <= kPortFirst + kPortTries) low = 32'768;
  sim::Random random(seed ^ static_cast<std::uint64_t>(::getpid()));
  for (int i = 0; i < kPortTries; ++i) {
    const auto port = static_cast<std::uint16_t>(random.between(kPortFirst, low - 1));
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (socket < 0) return system_error("socket");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool free = ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::close(socket);
    if (free) return port;
  }
  return {Errc::unavailable, "no free port found"};
}

}  // namespace trunkline::drill
