#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/function.hpp"
#include "base/loop.hpp"
#include "base/result.hpp"
#include "net/http_types.hpp"
#include "sinks/http_sender.hpp"

namespace trunkline::sinks {

// How to get an access token.
struct OauthOptions {
  enum class Grant : std::uint8_t {
    client_credentials,  // RFC 6749 section 4.4
    jwt_bearer,          // RFC 7523 section 2.1, RS256; as Salesforce wants it
  };
  enum class ClientAuth : std::uint8_t { basic, post };  // client_secret_basic, client_secret_post

  Grant grant = Grant::client_credentials;
  std::string token_url;
  std::string client_id;  // of a JWT its issuer
  ClientAuth client_auth = ClientAuth::basic;
  std::string client_secret;
  std::string scope;                                            // empty: not sent
  std::vector<std::pair<std::string, std::string>> parameters;  // more of the form: audience, resource; at most 16
  std::string private_key;                                      // PEM, of jwt_bearer
  std::string subject;                                          // of the JWT: the user that is acted for
  std::string audience;                                         // of the JWT; empty: token_url
  // A token without expires_in is kept so long, or until it is refused.
  base::Millis lifetime = std::chrono::hours(1);
  base::Millis connect_timeout = std::chrono::seconds(5);
  base::Millis timeout = std::chrono::seconds(15);
};

// Errc::invalid names the option, never its value.
base::Result<void> validate(const OauthOptions& options);

// The form that asks for a token at `now`, and its headers. Errc::invalid: the key does not sign.
base::Result<net::ClientRequest> token_request(const OauthOptions& options, base::WallTime now);

struct AccessToken {
  std::string value;
  std::optional<base::Millis> expires_in;
};
// Of the token endpoint's answer (RFC 6749 sections 5.1 and 5.2). Errc::unauthenticated: it refuses this client, and will
// until somebody acts ("invalid_client: …"); Errc::unavailable: it does not answer as it should now. The detail holds
// nothing of the token.
base::Result<AccessToken> parse_token_answer(const net::ClientResponse& response);

// Keeps one access token and gets the next one shortly before it ends: a fifth of its life, a minute at most. One request
// at a time serves all who wait (kWaitersMax). A failure is kept for a second, a refusal of the client for ten, so that
// many sends do not become many requests to a token endpoint, which may lock an account. Loop thread only; what waits
// when it is destroyed gets no answer.
class OauthToken {
 public:
  static constexpr std::size_t kWaitersMax = 20'000;  // above the largest concurrency of a consumer, twice

  using Callback = base::UniqueFunction<void(base::Result<std::string>)>;

  static base::Result<std::shared_ptr<OauthToken>> make(OauthOptions options, std::unique_ptr<HttpSender> sender,
                                                        base::Loop& loop);

  // The token, inside the call when there is one; an error never, since a sender's callback may not run inside its send().
  // Errors as of parse_token_answer(), or Errc::overloaded.
  void get(Callback done);
  // The server did not take this token: it is forgotten, unless a newer one is there already.
  void refused(std::string_view token);

 private:
  OauthToken(OauthOptions options, std::unique_ptr<HttpSender> sender, base::Loop& loop);
  void fail_later(Callback done, base::Error error);
  void answered(const base::Result<net::ClientResponse>& answer);
  void finish(const base::Result<std::string>& result);

  const OauthOptions options_;
  base::Loop& loop_;
  const std::unique_ptr<HttpSender> sender_;
  std::weak_ptr<OauthToken> self_;
  std::string token_;  // empty: none
  base::MonoTime renew_at_{};
  std::optional<base::Error> failure_;
  base::MonoTime failure_until_{};
  bool asking_ = false;
  std::vector<Callback> waiting_;
};

// Puts `Authorization: Bearer` on every request. After a 401 it gets another token, and sends once more, once; the second
// answer stands. Without a token the request is not sent: Errc::unauthenticated or Errc::unavailable with "oauth: …".
// The token becomes "***" in what a server says in an answer that is not 2xx.
class OauthSender final : public HttpSender {
 public:
  OauthSender(std::shared_ptr<OauthToken> token, std::unique_ptr<HttpSender> inner);
  void send(net::ClientRequest request, net::ClientCallback done) override;

 private:
  struct State;
  const std::shared_ptr<State> state_;  // shared with answers to come, which may outlive the sender
};

}  // namespace trunkline::sinks
