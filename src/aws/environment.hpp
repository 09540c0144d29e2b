#pragma once

#include <cstdlib>
#include <functional>
#include <optional>
#include <string>

namespace trunkline::aws {

// A variable of the environment; nothing when it is not set, or set to nothing, which the SDKs take for the same.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

inline Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): nobody here sets any
    if (value == nullptr || *value == '\0') return std::nullopt;
    return value;
  };
}

}  // namespace trunkline::aws
