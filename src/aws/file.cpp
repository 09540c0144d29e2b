#include "aws/file.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

namespace trunkline::aws {
namespace {

constexpr std::size_t kBytesMax = 1 << 20;

base::Error failure(const std::string& path, int code) {
  const bool absent = code == ENOENT || code == ENOTDIR;
  return {absent ? base::Errc::not_found : base::Errc::unavailable,
          fmt::format("{}: {}", path, std::generic_category().message(code))};
}

}  // namespace

base::Result<std::string> read_small_file(const std::string& path) {
  const auto close = [](std::FILE* file) { static_cast<void>(std::fclose(file)); };
  const std::unique_ptr<std::FILE, decltype(close)> file(std::fopen(path.c_str(), "rbe"), close);
  if (!file) return failure(path, errno);
  std::string text(kBytesMax + 1, '\0');
  errno = 0;
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) return failure(path, errno);
  if (text.size() > kBytesMax) return {base::Errc::too_large, path + ": larger than 1 MiB"};
  return text;
}

}  // namespace trunkline::aws
