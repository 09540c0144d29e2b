#include "app/from_config.hpp"
#include "base/crypto.hpp"

namespace trunkline::app {
namespace {

std::vector<source::Key> keys_of(const std::vector<config::AcceptedKey>& accepted) {
  std::vector<source::Key> keys;
  for (const config::AcceptedKey& key : accepted) keys.push_back({key.key.reveal(), key.until});
  return keys;
}

source::JwtSpec jwt_spec(const config::JwtAuth& jwt) {
  source::JwtSpec spec;
  spec.rules.issuer = jwt.issuer;
  spec.rules.audiences = jwt.audiences;
  spec.rules.subjects = jwt.subjects;
  for (const auto& [name, text] : jwt.claims) spec.rules.claims.emplace_back(name, text.reveal());
  std::vector<std::string> names = jwt.algorithms;
  if (names.empty()) names = {"RS256", "RS384", "RS512", "PS256", "ES256", "ES384"};
  for (const std::string& name : names) {
    if (const auto algorithm = source::parse_signature_algorithm(name)) spec.rules.algorithms.push_back(*algorithm);
  }
  spec.rules.clock_skew = jwt.clock_skew;
  spec.jwks_url = jwt.jwks_url;
  spec.addresses = {jwt.allow_loopback, jwt.allow_private, {}};
  spec.until = jwt.until;
  return spec;
}

// Standard Webhooks: "whsec_" and base64 stand for the key's bytes; any other text is the key itself.
std::string hmac_key(const std::string& secret) {
  constexpr std::string_view kMark = "whsec_";
  if (!secret.starts_with(kMark)) return secret;
  return base::base64_decode(std::string_view(secret).substr(kMark.size())).value_or(secret);
}

source::SignatureSpec signature_spec(const config::HmacAuth& hmac) {
  source::SignatureSpec spec;
  spec.header = hmac.header;
  spec.prefix = hmac.prefix;
  spec.algorithm = hmac.algorithm == config::HmacAlgorithm::sha512 ? source::SignatureSpec::Algorithm::sha512
                                                                   : source::SignatureSpec::Algorithm::sha256;
  spec.encoding = hmac.encoding == config::HmacEncoding::base64 ? source::SignatureSpec::Encoding::base64
                                                                : source::SignatureSpec::Encoding::hex;
  spec.content = hmac.content;
  spec.timestamp_header = hmac.timestamp_header;
  spec.tolerance = hmac.tolerance;
  for (const config::AcceptedKey& key : hmac.secrets) spec.secrets.push_back({hmac_key(key.key.reveal()), key.until});
  return spec;
}

}  // namespace

std::vector<source::SourceSpec> source_specs(const config::Config& config) {
  std::vector<source::SourceSpec> specs;
  for (const config::Source& source : config.sources) {
    source::SourceSpec spec;
    spec.name = source.name;
    switch (source.kind) {
      case config::SourceKind::eventbridge:
        spec.kind = source::Kind::eventbridge;
        break;
      case config::SourceKind::eventgrid:
        spec.kind = source::Kind::eventgrid;
        break;
      case config::SourceKind::genesys:
        spec.kind = source::Kind::genesys;
        break;
      case config::SourceKind::sqs:
        spec.kind = source::Kind::sqs;
        break;
      case config::SourceKind::put_events:
        spec.kind = source::Kind::put_events;
        break;
    }
    spec.header = source.header;
    spec.header_keys = keys_of(source.api_keys);
    spec.query = source.query;
    spec.query_keys = keys_of(source.query_keys);
    spec.default_org = source.org;
    for (const config::BasicAuth& basic : source.basic) spec.basic.push_back({basic.user, keys_of(basic.passwords)});
    for (const config::OauthAuth& oauth : source.oauth)
      spec.oauth.push_back({oauth.client_id, keys_of(oauth.client_secrets), oauth.token_lifetime});
    for (const config::JwtAuth& jwt : source.jwt) spec.jwt.push_back(jwt_spec(jwt));
    for (const config::HmacAuth& hmac : source.hmac) spec.signatures.push_back(signature_spec(hmac));
    for (const config::CertificateAuth& certificate : source.certificates)
      spec.certificates.push_back(
          {certificate.subjects, certificate.names, certificate.fingerprints, certificate.until});
    spec.require = source.require == config::Require::all ? source::Require::all : source::Require::any;
    specs.push_back(std::move(spec));
  }
  return specs;
}

}  // namespace trunkline::app
