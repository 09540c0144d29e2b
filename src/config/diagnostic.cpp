#include "config/diagnostic.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace trunkline::config {

std::string format(const Diagnostic& diagnostic, std::string_view file) {
  const std::string_view severity = diagnostic.severity == Severity::error ? "error" : "warning";
  if (diagnostic.place == Place{}) return fmt::format("{}: {}: {}", file, severity, diagnostic.message);
  return fmt::format("{}:{}:{}: {}: {}", file, diagnostic.place.line, diagnostic.place.column, severity,
                     diagnostic.message);
}

void Diagnostics::add(Diagnostic diagnostic) {
  failed_ = failed_ || diagnostic.severity == Severity::error;
  if (list_.size() < kMax) {
    list_.push_back(std::move(diagnostic));
  } else if (list_.size() == kMax) {
    list_.push_back({Severity::error, {}, fmt::format("more than {} findings, the rest is left out", kMax)});
  }
}

std::vector<Diagnostic> Diagnostics::take() {
  // What has no place in the file goes last.
  const auto key = [](const Diagnostic& item) {
    return std::tuple(item.place.line == 0, item.place.line, item.place.column);
  };
  std::stable_sort(list_.begin(), list_.end(),
                   [&](const Diagnostic& left, const Diagnostic& right) { return key(left) < key(right); });
  failed_ = false;
  return std::exchange(list_, {});
}

}  // namespace trunkline::config
