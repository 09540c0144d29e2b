#include "net/request_target.hpp"

#include <algorithm>

#include "net/http_types.hpp"

namespace trunkline::net {
namespace {

// What follows the authority of "http://authority/path?query", or nothing if it is not in that form.
std::optional<std::string_view> after_authority(std::string_view target) {
  const std::size_t scheme = target.find("://");
  if (scheme == std::string_view::npos) return std::nullopt;
  const std::string_view name = target.substr(0, scheme);
  if (!equal_ignoring_case(name, "http") && !equal_ignoring_case(name, "https")) return std::nullopt;
  const std::string_view rest = target.substr(scheme + 3);
  return rest.substr(std::min(rest.size(), rest.find_first_of("/?")));
}

}  // namespace

std::optional<RequestTarget> parse_request_target(std::string_view target) {
  if (target == "*") return RequestTarget{"*", ""};
  if (!target.starts_with('/')) {
    const std::optional<std::string_view> rest = after_authority(target);
    if (!rest) return std::nullopt;
    target = *rest;
  }
  target = target.substr(0, target.find('#'));
  const std::size_t question = std::min(target.size(), target.find('?'));
  std::optional<std::string> path = percent_decode(target.substr(0, question), false);
  if (!path || path->find('\0') != std::string::npos) return std::nullopt;
  if (path->empty()) path = "/";
  return RequestTarget{*std::move(path), std::string(target.substr(std::min(target.size(), question + 1)))};
}

}  // namespace trunkline::net
