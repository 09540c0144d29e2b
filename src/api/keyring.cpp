#include "api/keyring.hpp"

#include "base/crypto.hpp"
#include "net/authorization.hpp"
#include "net/browser.hpp"

namespace trunkline::api {
namespace {

std::string_view given_key(const net::HttpRequest& request) {
  const auto bearer = net::authorization(request, "Bearer");
  return bearer ? *bearer : request.header("x-api-key").value_or(std::string_view());
}

// Two keys without a name are told apart; nothing of the key is given away.
std::string name_of(const ApiKey& key) {
  if (!key.name.empty()) return key.name;
  return "key " + base::hex_encode(base::sha256("trunkline key print\n" + key.key)).substr(0, 8);
}

struct Match {
  bool known = false;
  std::optional<std::string> name{};  // of a valid one
};

Match find(const std::vector<ApiKey>& keys, std::string_view given, base::WallTime now) {
  Match found;
  for (const ApiKey& key : keys) {
    const bool equal = !key.key.empty() && base::equal_constant_time(key.key, given);
    found.known |= equal;
    if (equal && (!key.until || now < *key.until)) found.name = name_of(key);
  }
  return found;
}

base::Result<void> refuse_foreign_pages(const net::HttpRequest& request) {
  const std::string_view host = request.header("host").value_or(std::string_view());
  if (!host.empty() && !net::names_this_machine(host)) {
    return {base::Errc::unauthenticated,
            "without api.keys and api.users the API answers to an address or to localhost only, not to '" +
                std::string(host) + "'"};
  }
  if (!net::is_of_foreign_page(request)) return {};
  return {base::Errc::unauthenticated, "without api.keys and api.users no page of another site may call the API"};
}

base::Result<std::string> check_key(const std::vector<ApiKey>& keys, std::string_view given, base::WallTime now) {
  const Match found = find(keys, given, now);
  if (found.name) return *found.name;
  return {base::Errc::unauthenticated, found.known ? "this API key has expired" : "this API key is not known"};
}

base::Result<std::string> check_user(const std::vector<ApiUser>& users, std::string_view credentials,
                                     const net::HttpRequest& request, base::WallTime now) {
  const auto given = net::basic_credentials(credentials);
  if (!given) return {base::Errc::unauthenticated, "the Basic credentials are not base64 of USER:PASSWORD"};
  Match found;
  for (const ApiUser& user : users) {
    const bool named = base::equal_constant_time(user.name, given->first);
    const Match password = find(user.passwords, given->second, now);
    found.known |= named && password.known;
    if (named && password.name) found.name = user.name;
  }
  if (!found.name) {
    return {base::Errc::unauthenticated,
            found.known ? "this password has expired" : "this user and password are not known"};
  }
  if (!net::is_of_foreign_page(request)) return *found.name;
  return {base::Errc::unauthenticated, "no page of another site may use a password that the browser has kept"};
}

}  // namespace

Keyring::Keyring(ApiCredentials credentials) {
  set(std::move(credentials));
}

void Keyring::set(ApiCredentials credentials) {
  auto next = std::make_shared<const ApiCredentials>(std::move(credentials));
  const std::scoped_lock lock(mutex_);
  credentials_ = std::move(next);
}

Keyring::Shared Keyring::credentials() const {
  const std::scoped_lock lock(mutex_);
  return credentials_;
}

base::Result<std::string> Keyring::check(const net::HttpRequest& request, base::WallTime now, bool query_too) const {
  const Shared accepted = credentials();
  if (accepted->none()) {
    TRUNKLINE_TRY_VOID(refuse_foreign_pages(request));
    return std::string("local");
  }
  const auto basic = net::authorization(request, "Basic");
  const bool with_user = basic && !accepted->users.empty();
  std::string given(given_key(request));
  if (given.empty() && query_too) given = request.query_parameter("key").value_or(std::string());
  if (!given.empty()) {
    base::Result<std::string> allowed = check_key(accepted->keys, given, now);
    if (allowed.ok() || !with_user) return allowed;
  }
  if (with_user) return check_user(accepted->users, *basic, request, now);
  if (accepted->users.empty()) return {base::Errc::unauthenticated, "an API key is needed"};
  if (accepted->keys.empty()) return {base::Errc::unauthenticated, "a user and a password are needed"};
  return {base::Errc::unauthenticated, "an API key, or a user and a password, is needed"};
}

std::string Keyring::challenge(const net::HttpRequest& request) const {
  const Shared accepted = credentials();
  const bool basic = !accepted->users.empty() && !request.header("x-requested-with");
  if (!basic) return "Bearer";
  constexpr std::string_view kBasic = "Basic realm=\"trunkline\", charset=\"UTF-8\"";
  return std::string(kBasic) + (accepted->keys.empty() ? "" : ", Bearer");
}

std::string Keyring::hint() const {
  const Shared accepted = credentials();
  if (accepted->users.empty()) return "send 'Authorization: Bearer KEY' with one of the configured api.keys";
  if (accepted->keys.empty()) return "send Basic authorization of one of the configured api.users (curl -u USER)";
  return "send 'Authorization: Bearer KEY' with one of the configured api.keys, or Basic authorization of one of the "
         "configured api.users (curl -u USER)";
}

}  // namespace trunkline::api
