#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/result.hpp"

namespace trunkline::config {

// Where `${env:NAME}` and `${file:PATH}` come from; tests bring their own.
struct Resolver {
  std::function<std::optional<std::string>(const std::string& name)> environment;
  std::function<base::Result<std::string>(const std::string& path)> file;

  // The process environment, read while no other thread changes it, and the file system. A credential's file may have
  // 64 KiB.
  static Resolver system();
};

// A whole file. Errc::not_found when it cannot be opened, Errc::too_large over bytes_max, Errc::unavailable when
// reading fails.
base::Result<std::string> read_file(const std::string& path, std::size_t bytes_max);

}  // namespace trunkline::config
