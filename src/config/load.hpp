#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "config/diagnostic.hpp"
#include "config/resolver.hpp"

namespace trunkline::config {

struct Loaded {
  std::optional<Config> config;  // there exactly if no diagnostic is an error
  std::vector<Diagnostic> diagnostics;
};

// Collects all errors, not only the first, sorted by place. Never throws for what the text holds. At most 1 MiB of
// text, 1,000 consumers, 1,000 sources, 10,000 extra topics.
Loaded parse(std::string_view text, const Resolver& resolver);
// The file's text, through Resolver::system(). Relative paths are relative to the working directory.
Loaded load(const std::string& path);

}  // namespace trunkline::config
