#include "app/oauth.hpp"

#include "sinks/oauth_token.hpp"

namespace trunkline::app {
namespace {

sinks::OauthOptions oauth_options(const config::Oauth& oauth) {
  sinks::OauthOptions options;
  options.grant = oauth.grant == config::OauthGrant::jwt_bearer ? sinks::OauthOptions::Grant::jwt_bearer
                                                                : sinks::OauthOptions::Grant::client_credentials;
  options.token_url = oauth.token_url;
  options.client_id = oauth.client_id;
  options.client_secret = oauth.client_secret.reveal();
  options.client_auth = oauth.client_auth == config::OauthClientAuth::post ? sinks::OauthOptions::ClientAuth::post
                                                                           : sinks::OauthOptions::ClientAuth::basic;
  options.scope = oauth.scope;
  for (const auto& [name, value] : oauth.parameters) options.parameters.emplace_back(name, value.reveal());
  options.private_key = oauth.private_key.reveal();
  options.subject = oauth.subject;
  options.audience = oauth.audience;
  return options;
}

}  // namespace

base::Result<std::unique_ptr<sinks::HttpSender>> with_oauth(std::unique_ptr<sinks::HttpSender> inner,
                                                            const config::Oauth& oauth,
                                                            const net::HttpClientOptions& client, net::IoLoop& loop,
                                                            bool shadow) {
  if (oauth.token_url.empty() && oauth.client_id.empty()) return inner;
  sinks::OauthOptions options = oauth_options(oauth);
  TRUNKLINE_TRY_VOID(sinks::validate(options));
  if (shadow) return inner;
  net::HttpClientOptions own = client;
  own.connections_per_host_max = 1;  // one request at a time
  own.idle_connections_max = 1;
  own.requests_max = 2;
  TRUNKLINE_TRY(auto token, sinks::OauthToken::make(std::move(options),
                                                    std::make_unique<sinks::ClientSender>(loop, std::move(own)), loop));
  return std::unique_ptr<sinks::HttpSender>(std::make_unique<sinks::OauthSender>(std::move(token), std::move(inner)));
}

}  // namespace trunkline::app
