#include "config/resolver.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace trunkline::config {

base::Result<std::string> read_file(const std::string& path, std::size_t bytes_max) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"), &std::fclose);
  if (!file) return {base::Errc::not_found, std::strerror(errno)};
  std::string bytes(bytes_max + 1, '\0');
  bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file.get()));
  // A directory opens well and fails to read.
  if (std::ferror(file.get()) != 0) return {base::Errc::unavailable, std::strerror(errno)};
  if (bytes.size() > bytes_max) return {base::Errc::too_large, fmt::format("larger than {} bytes", bytes_max)};
  return bytes;
}

Resolver Resolver::system() {
  constexpr std::size_t kCredentialBytesMax = 64 << 10;
  return {[](const std::string& name) -> std::optional<std::string> {
            const char* value = std::getenv(name.c_str());
            return value == nullptr ? std::nullopt : std::optional<std::string>(value);
          },
          [](const std::string& path) { return read_file(path, kCredentialBytesMax); }};
}

}  // namespace trunkline::config
