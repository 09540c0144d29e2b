#include "net/browser.hpp"

#include "net/http_client.hpp"

namespace trunkline::net {
namespace {

// Without its port, and without the brackets of an IPv6 address.
std::string_view host_name(std::string_view host) {
  if (host.starts_with('[')) return host.substr(1, std::min(host.find(']'), host.size()) - 1);
  return host.substr(0, host.find(':'));
}

}  // namespace

bool names_this_machine(std::string_view host) {
  const std::string_view name = host_name(host);
  return equal_ignoring_case(name, "localhost") || (name.find('/') == name.npos && is_cidr(name));
}

bool is_of_foreign_page(const HttpRequest& request) {
  const auto is = [&](std::string_view name, std::string_view value) {
    const auto given = request.header(name);
    return given && equal_ignoring_case(*given, value);
  };
  const bool reads = request.method == "GET" || request.method == "HEAD";
  if (is("sec-fetch-site", "same-origin") || is("sec-fetch-site", "none")) return false;
  if (request.header("sec-fetch-site"))
    return !(reads && is("sec-fetch-mode", "navigate") && is("sec-fetch-dest", "document"));
  const auto origin = request.header("origin");
  if (!origin) return false;
  const std::size_t scheme = origin->find("://");
  return scheme == origin->npos ||
         !equal_ignoring_case(origin->substr(scheme + 3), request.header("host").value_or(std::string_view()));
}

bool may_be_of_foreign_page(const HttpRequest& request) {
  if (is_of_foreign_page(request)) return true;
  const auto host = request.header("host");
  return host && !names_this_machine(*host) && (request.header("origin") || request.header("sec-fetch-site"));
}

}  // namespace trunkline::net
