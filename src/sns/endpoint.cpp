#include "sns/endpoint.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "net/http_client.hpp"

namespace trunkline::sns {
namespace {

constexpr std::size_t kUrlMax = 2'048;  // AWS's own

std::string_view authority_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  const std::string_view rest = url.substr(scheme + 3);
  return rest.substr(0, rest.find_first_of("/?#"));
}

}  // namespace

std::optional<Fault> check_url(std::string_view url, std::string_view protocol) {
  if (!url.starts_with(fmt::format("{}://", protocol))) return invalid("Endpoint must match the specified protocol");
  const std::string_view authority = authority_of(url);
  const bool printable = std::ranges::all_of(url, [](char c) { return c > ' ' && c < '\x7f'; });
  if (authority.empty() || !printable || url.size() > kUrlMax) return invalid("Endpoint Reason: it is no URL");
  if (authority.find('@') != std::string_view::npos)
    return invalid("Endpoint Reason: a user and password in the URL are not supported by this hub");
  return std::nullopt;
}

std::optional<std::string> literal_address(std::string_view url) {
  std::string_view host = authority_of(url);
  if (host.starts_with('[')) {
    host = host.substr(1, host.find(']') - 1);
  } else {
    host = host.substr(0, host.rfind(':'));
  }
  if (!net::is_cidr(host)) return std::nullopt;
  return std::string(host);
}

}  // namespace trunkline::sns
