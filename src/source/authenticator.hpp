#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "net/http_types.hpp"
#include "net/io_loop.hpp"
#include "source/jwt.hpp"
#include "source/key_source.hpp"
#include "source/source_spec.hpp"
#include "source/token_issuer.hpp"

namespace trunkline::source {

// Who may send to one source. Any thread; each brings its own JwtReader.
class Authenticator {
 public:
  // The spec and the issuer must outlive it. Keys of token issuers are fetched on the loop, from start() on.
  Authenticator(const SourceSpec& spec, const TokenIssuer& tokens, net::IoLoop& loop);
  void start();
  // Any thread: from now on keys are fetched for a request that waits for them, and at no other time.
  void retire();

  enum class Verdict : std::uint8_t {
    granted,
    refused,
    // Nobody can say without the keys of a token issuer, which do not come now; or, in a first check, not yet.
    keys_missing,
  };
  struct Check {
    Verdict verdict = Verdict::refused;
    std::string_view reason{};  // for the log; holds nothing of the credential
    KeySource* ask = nullptr;   // of a first check with keys_missing: refresh it, then check again
  };
  // `again`: the keys were asked for because of this request; what is unknown now stays so.
  Check check(const net::HttpRequest& request, base::WallTime now, JwtReader& reader, bool again) const;

  // Of a 401: what could be sent instead (RFC 9110 section 11.6.1).
  std::string challenge() const;

  KeySource::Statistics key_statistics() const;

 private:
  struct Issuer {
    const JwtSpec* spec;
    std::unique_ptr<KeySource> keys;
  };
  Check keys_in(const net::HttpRequest& request, base::WallTime now) const;
  Check basic(const net::HttpRequest& request, base::WallTime now) const;
  Check signature(const net::HttpRequest& request, base::WallTime now) const;
  Check certificate(const net::HttpRequest& request, base::WallTime now) const;
  Check access_token(const net::HttpRequest& request, base::WallTime now) const;
  Check jwt(const net::HttpRequest& request, base::WallTime now, JwtReader& reader, bool again) const;

  const SourceSpec& spec_;
  const TokenIssuer& tokens_;
  std::vector<Issuer> issuers_;
};

// GETs by an HttpClient of its own on the loop, within 2.5 s, so that a request that waits for keys is answered in time.
KeySource::Fetch http_fetch(net::IoLoop& loop, net::AddressPolicy addresses);

}  // namespace trunkline::source
