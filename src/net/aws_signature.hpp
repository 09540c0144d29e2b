#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "net/http_client.hpp"
#include "net/http_types.hpp"

namespace trunkline::net {

struct AwsCredentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token{};  // of temporary credentials; empty: none
};
struct AwsScope {
  std::string region;
  std::string service;
};

// The value of Authorization by AWS Signature Version 4 over exactly these headers, which must have Host and X-Amz-Date.
// The url's path and query are percent-encoded as they are sent; its path is encoded once more, as every service wants it
// but S3 (service "s3"), and not normalised: no "..", no "//".
std::string aws_authorization(std::string_view method, std::string_view url, const Headers& signed_headers,
                              std::string_view payload_sha256_hex, const AwsCredentials& credentials,
                              const AwsScope& scope, base::WallTime now);

// Adds Host's companions X-Amz-Date, X-Amz-Content-Sha256, X-Amz-Security-Token and Authorization; Content-Type and
// every X-Amz- header are signed where they are there. To be called last, and anew for each try: a signature holds for five minutes.
// `body_sha256_hex` where the body's hash is known already; empty: it is computed here.
void sign_for_aws(ClientRequest& request, const AwsCredentials& credentials, const AwsScope& scope, base::WallTime now,
                  std::string_view body_sha256_hex = {});

enum class AwsSignatureFault : std::uint8_t {
  absent,       // the request is not signed (in its headers: a signature in the query is not known here)
  incomplete,   // Authorization cannot be read, or X-Amz-Date is missing
  unknown_key,  // no such access key
  wrong,        // another secret, another request, another time, or a header that must be signed is not
};
struct AwsSignatureCheck {
  std::optional<AwsSignatureFault> fault{};  // nothing: the signature is good
  std::string detail{};                      // in AWS's own words where they are known
  std::string access_key_id{};
  AwsScope scope{};  // what was signed for; whether that is here is the caller's to say
};
// The secret of an access key; nothing when there is no such key.
using AwsSecretOf = std::function<std::optional<std::string>(std::string_view access_key_id)>;

// Clocks may differ by so much, either way; AWS's own bound.
inline constexpr base::Millis kAwsClockSkew = std::chrono::minutes(5);

// Checks Authorization by AWS Signature Version 4 over the request as it came. Host, X-Amz-Date and every other X-Amz-
// header that is there must be signed (X-Amz-User-Agent may be left out: some SDKs do). The body's hash is always
// computed here. Takes the same time for every wrong signature.
AwsSignatureCheck verify_aws_signature(const HttpRequest& request, const AwsSecretOf& secret_of, base::WallTime now);

}  // namespace trunkline::net
