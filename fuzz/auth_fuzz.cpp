#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.hpp"
#include "base/crypto.hpp"
#include "net/authorization.hpp"
#include "net/http_types.hpp"
#include "source/jwks.hpp"
#include "source/jwt.hpp"
#include "source/key_source.hpp"
#include "source/request_signature.hpp"
#include "source/token_issuer.hpp"

namespace {

using namespace trunkline;
using namespace trunkline::source;

constexpr base::WallTime kNow{std::chrono::seconds(1'772'460'000)};

JwtRules rules() {
  JwtRules rules;
  rules.issuer = "https://issuer.example/";
  rules.audiences = {"hub"};
  rules.claims = {{"scope", "write"}};
  rules.subjects = {"sender"};
  rules.algorithms = {SignatureAlgorithm::rs256, SignatureAlgorithm::ps256, SignatureAlgorithm::es256,
                      SignatureAlgorithm::es384};
  return rules;
}

// "KEY SET\nTOKEN": whatever the keys are, a token is valid only with a signature, an issuer and an end.
void token(std::string_view text) {
  const std::size_t line = text.find('\n');
  const auto keys = Jwks::parse(text.substr(0, line));
  static JwtReader reader;
  const std::string_view given = line == text.npos ? text : text.substr(line + 1);
  const JwtCheck check = reader.check(given, rules(), keys.ok() ? &*keys : nullptr, kNow);
  TRUNKLINE_CHECK(keys.ok() || check.verdict != JwtVerdict::valid, "a token is valid without keys");
  TRUNKLINE_CHECK(check.verdict == JwtVerdict::valid || !check.reason.empty(), "a refusal without a reason");
}

net::HttpRequest request_of(std::string_view text) {
  net::HttpRequest request;
  request.method = "POST";
  request.path = "/oauth/token";
  const std::size_t line = text.find('\n');
  request.headers = {{"Authorization", std::string(text.substr(0, line))}};
  if (line != text.npos) request.body = text.substr(line + 1);
  return request;
}

void header(std::string_view text) {
  const net::HttpRequest request = request_of(text);
  for (const std::string_view scheme : {"Basic", "Bearer"}) {
    const auto credentials = net::authorization(request, scheme);
    TRUNKLINE_CHECK(!credentials || !credentials->empty(), "credentials that are empty");
    if (const auto pair = credentials ? net::basic_credentials(*credentials) : std::nullopt) {
      TRUNKLINE_CHECK(base::base64_encode(pair->first + ":" + pair->second) == *credentials, "two texts for one user");
    }
  }
  static_cast<void>(max_age(text));
}

void access_token(std::string_view text) {
  static const std::vector<SourceSpec> sources = [] {
    SourceSpec source;
    source.oauth = {{"id", {{"secret", {}}}, std::chrono::hours(1)}};
    return std::vector<SourceSpec>{source};
  }();
  static const TokenIssuer issuer(sources, "key");
  const int status = issuer.answer(request_of(text), kNow).status;
  TRUNKLINE_CHECK(status == 200 || status == 400 || status == 401, "an answer that RFC 6749 does not know");
  static_cast<void>(issuer.accepts(sources[0], text, kNow));
}

// "FIELD\nTIMESTAMP\nBODY"
void signature(std::string_view text) {
  SignatureSpec spec;
  spec.header = "x-signature";
  spec.prefix = "v1,";
  spec.content = "{x-time}.{body}";
  spec.timestamp_header = "x-time";
  spec.secrets = {{"secret"}};
  const std::size_t first = text.find('\n');
  const std::size_t second = first == text.npos ? first : text.find('\n', first + 1);
  net::HttpRequest request;
  request.headers = {{"x-signature", std::string(text.substr(0, first))}};
  if (second != text.npos) {
    request.headers.emplace_back("x-time", std::string(text.substr(first + 1, second - first - 1)));
    request.body = text.substr(second + 1);
  }
  static_cast<void>(is_signed(spec, request, kNow));
  spec.encoding = SignatureSpec::Encoding::base64;
  spec.prefix.clear();
  spec.content = text.substr(0, first);
  static_cast<void>(is_signed(spec, request, kNow));
}

}  // namespace

// First byte: a key set and a token, an Authorization header, a request for an access token, or a signed request.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      token(text);
      break;
    case 1:
      header(text);
      break;
    case 2:
      access_token(text);
      break;
    default:
      signature(text);
  }
  return 0;
}
