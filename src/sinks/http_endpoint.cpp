#include "sinks/http_endpoint.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace trunkline::sinks {
namespace {

using base::Errc;
using base::Millis;

// Scheme, host and port: paths and queries may hold secrets.
std::string_view origin(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return url;
  return url.substr(0, url.find_first_of("/?#", scheme + 3));
}

std::string_view way_out(const base::Error& error) {
  const auto says = [&](std::string_view word) { return error.detail.find(word) != std::string::npos; };
  if (error.code == Errc::timeout) return "it takes connections, but does not answer: look at the service behind it";
  if (error.code == Errc::invalid) return "allow the address in the sink's options, or correct the url";
  if (says("ertificate") || says("SSL") || says("TLS"))
    return "its certificate must be valid for this name and signed by an authority that this machine knows";
  if (says("resolve")) return "correct the name in the url, or look at this machine's name service";
  return "look whether the service runs, and whether a firewall stands between";
}

}  // namespace

base::Result<void> validate_url(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return {Errc::invalid, "url must begin with https:// or http://"};
  if (url.substr(0, scheme) != "https" && url.substr(0, scheme) != "http")
    return {Errc::invalid, "url must begin with https:// or http://"};
  const std::string_view rest = url.substr(scheme + 3);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  if (authority.empty()) return {Errc::invalid, "url has no host"};
  if (authority.find('@') != std::string_view::npos)
    return {Errc::invalid, "url must hold no credentials; put them into a header"};
  const auto printable = [](char c) { return c > ' ' && c < 0x7F; };
  if (!std::all_of(url.begin(), url.end(), printable)) return {Errc::invalid, "url must be percent-encoded ASCII"};
  return {};
}

base::Result<void> validate_timeouts(Millis connect_timeout, Millis timeout) {
  if (connect_timeout < Millis(100) || connect_timeout > timeout || timeout > std::chrono::minutes(5))
    return {Errc::invalid, "time-outs must have 100ms <= connect_timeout <= timeout <= 5m"};
  return {};
}

bool is_header_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c == '\t' || (c >= ' ' && c != 0x7F) || c < 0; });
}

std::string reachable(std::string_view url) {
  return fmt::format("{} is reachable{}", origin(url), url.starts_with("https://") ? ", its certificate is valid" : "");
}

base::Error unreachable(std::string_view url, const base::Error& error) {
  return {error.code, fmt::format("{} cannot be reached: {}; {}", origin(url), error.detail, way_out(error))};
}

}  // namespace trunkline::sinks
