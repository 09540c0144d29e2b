#include "api/keyring.hpp"

#include "base/crypto.hpp"
#include "net/http_client.hpp"

namespace trunkline::api {
namespace {

std::string_view given_key(const net::HttpRequest& request) {
  constexpr std::string_view kScheme = "bearer ";
  if (const auto header = request.header("authorization")) {
    if (header->size() > kScheme.size() && net::equal_ignoring_case(header->substr(0, kScheme.size()), kScheme)) {
      std::string_view key = header->substr(kScheme.size());
      key.remove_prefix(std::min(key.find_first_not_of(' '), key.size()));
      return key;
    }
  }
  return request.header("x-api-key").value_or(std::string_view());
}

// Without its port, and without the brackets of an IPv6 address.
std::string_view host_name(std::string_view host) {
  if (host.starts_with('[')) return host.substr(1, std::min(host.find(']'), host.size()) - 1);
  return host.substr(0, host.find(':'));
}

bool names_this_machine(std::string_view host) {
  const std::string_view name = host_name(host);
  return net::equal_ignoring_case(name, "localhost") || (name.find('/') == name.npos && net::is_cidr(name));
}

base::Result<void> refuse_foreign_pages(const net::HttpRequest& request) {
  const std::string_view host = request.header("host").value_or(std::string_view());
  if (!host.empty() && !names_this_machine(host)) {
    return {base::Errc::unauthenticated,
            "without api.keys the API answers to an address or to localhost only, not to '" + std::string(host) + "'"};
  }
  const auto origin = request.header("origin");
  if (!origin) return {};
  const std::size_t scheme = origin->find("://");
  if (scheme != origin->npos && net::equal_ignoring_case(origin->substr(scheme + 3), host)) return {};
  return {base::Errc::unauthenticated, "without api.keys no page of another site may call the API"};
}

}  // namespace

Keyring::Keyring(std::vector<ApiKey> keys) {
  set(std::move(keys));
}

void Keyring::set(std::vector<ApiKey> keys) {
  auto next = std::make_shared<const std::vector<ApiKey>>(std::move(keys));
  const std::scoped_lock lock(mutex_);
  keys_ = std::move(next);
}

Keyring::Keys Keyring::keys() const {
  const std::scoped_lock lock(mutex_);
  return keys_;
}

base::Result<void> Keyring::check(const net::HttpRequest& request, base::WallTime now, bool query_too) const {
  const Keys keys = this->keys();
  if (keys->empty()) return refuse_foreign_pages(request);
  std::string given(given_key(request));
  if (given.empty() && query_too) given = request.query_parameter("key").value_or(std::string());
  if (given.empty()) return {base::Errc::unauthenticated, "an API key is needed"};
  bool known = false;
  bool valid = false;
  for (const ApiKey& key : *keys) {
    const bool equal = !key.key.empty() && base::equal_constant_time(key.key, given);
    known |= equal;
    valid |= equal && (!key.until || now < *key.until);
  }
  if (valid) return {};
  return {base::Errc::unauthenticated, known ? "this API key has expired" : "this API key is not known"};
}

}  // namespace trunkline::api
