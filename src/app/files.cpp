#include "app/files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "app/from_config.hpp"
#include "config/load.hpp"

namespace trunkline::app {
namespace {

constexpr std::size_t kFileBytesMax = 64 << 20;

}  // namespace

base::Result<std::string> read_file(const std::string& path) {
  const auto close = [](std::FILE* file) {
    if (file != stdin) std::fclose(file);
  };
  const std::unique_ptr<std::FILE, decltype(close)> file(path == "-" ? stdin : std::fopen(path.c_str(), "rb"), close);
  if (!file) return {base::Errc::not_found, fmt::format("{}: {}", path, std::strerror(errno))};
  std::string text;
  char buffer[65536];
  while (const std::size_t got = std::fread(buffer, 1, sizeof buffer, file.get())) {
    text.append(buffer, got);
    if (text.size() > kFileBytesMax) return {base::Errc::too_large, fmt::format("{}: more than 64 MiB", path)};
  }
  if (std::ferror(file.get()) != 0) return {base::Errc::unavailable, fmt::format("{}: {}", path, std::strerror(errno))};
  return text;
}

bool print_diagnostics(const std::vector<config::Diagnostic>& diagnostics, const std::string& path) {
  bool well = true;
  for (const config::Diagnostic& diagnostic : diagnostics) {
    fmt::print(stderr, "{}\n", config::format(diagnostic, path));
    well &= diagnostic.severity != config::Severity::error;
  }
  return well;
}

base::Result<void> write_file(const std::string& path, const std::string& text, bool replace) {
  const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (replace ? O_TRUNC : O_EXCL);
  const int file = ::open(path.c_str(), flags, 0600);
  if (file < 0) {
    if (errno == EEXIST)
      return {base::Errc::conflict, fmt::format("{} is there already: --force writes over it", path)};
    return {base::Errc::unavailable, fmt::format("{}: {}", path, std::strerror(errno))};
  }
  ::fchmod(file, 0600);  // of a file that was there
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t wrote = ::write(file, text.data() + done, text.size() - done);
    if (wrote < 0) break;
    done += static_cast<std::size_t>(wrote);
  }
  const bool complete = done == text.size() && ::fsync(file) == 0;
  const int error = errno;
  ::close(file);
  if (!complete) return {base::Errc::unavailable, fmt::format("{}: {}", path, std::strerror(error))};
  return {};
}

std::optional<config::Config> load_config(const std::string& path) {
  config::Loaded loaded = config::load(path);
  print_diagnostics(loaded.diagnostics, path);
  if (!loaded.config) return std::nullopt;
  bool valid = true;
  for (const config::Consumer& consumer : loaded.config->consumers) {
    if (const auto policy = policy_of(consumer); !policy.ok()) {
      fmt::print(stderr, "{}:{}\n", path, policy.error().detail);
      valid = false;
    }
    if (const auto mapping = mapping_of(consumer, mapping_key(*loaded.config)); !mapping.ok()) {
      fmt::print(stderr, "{}:{}\n", path, mapping.error().detail);
      valid = false;
    }
  }
  if (const auto topics = topic_table(*loaded.config); !topics.ok()) {
    fmt::print(stderr, "{}: error: topics: {}\n", path, topics.error().detail);
    valid = false;
  }
  if (!valid) return std::nullopt;
  return std::move(loaded.config);
}

}  // namespace trunkline::app
