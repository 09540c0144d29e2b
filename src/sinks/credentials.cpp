#include "sinks/credentials.hpp"

#include <algorithm>
#include <array>

namespace trunkline::sinks {
namespace {

constexpr std::size_t kBytesMin = 6;

bool holds_ignoring_case(std::string_view text, std::string_view word) {
  for (std::size_t at = 0; at + word.size() <= text.size(); ++at) {
    if (net::equal_ignoring_case(text.substr(at, word.size()), word)) return true;
  }
  return false;
}

}  // namespace

bool names_a_credential(std::string_view name) {
  constexpr std::array kNames = {"auth", "token", "key", "secret", "password", "cookie", "signature"};
  return std::any_of(kNames.begin(), kNames.end(),
                     [&](std::string_view each) { return holds_ignoring_case(name, each); });
}

std::vector<std::string> credentials(const net::Headers& headers) {
  std::vector<std::string> found;
  for (const auto& [name, value] : headers) {
    if (!names_a_credential(name)) continue;
    const std::size_t space = value.find(' ');
    for (const std::string& each : {value, space == value.npos ? std::string() : value.substr(space + 1)}) {
      if (each.size() >= kBytesMin) found.push_back(each);
    }
  }
  return found;
}

}  // namespace trunkline::sinks
