#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "net/http_types.hpp"

namespace trunkline::source {

// How a sender signs its requests with a shared secret.
struct SignatureSpec {
  struct Secret {
    std::string secret;                     // the bytes of the HMAC's key
    std::optional<base::WallTime> until{};  // not accepted from this time on
  };
  enum class Algorithm : std::uint8_t { sha256, sha512 };
  enum class Encoding : std::uint8_t { hex, base64 };

  std::string header;  // may hold several signatures, separated by spaces or commas
  std::string prefix;  // of each: "sha256=", "v1,"
  Algorithm algorithm = Algorithm::sha256;
  Encoding encoding = Encoding::hex;
  // What is signed: text with {body} and {NAME OF A HEADER} in it.
  std::string content = "{body}";
  std::string timestamp_header;  // seconds since 1970; empty: requests do not age
  base::Millis tolerance = std::chrono::minutes(5);
  std::vector<Secret> secrets;
};

// Whether the request bears a signature by one of the secrets that hold now. Every secret is compared with every
// signature, 16 at most, in constant time; the body is as it is after gzip is undone.
bool is_signed(const SignatureSpec& spec, const net::HttpRequest& request, base::WallTime now);

}  // namespace trunkline::source
