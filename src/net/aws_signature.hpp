#pragma once

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
// The url's path and query are percent-encoded as they are sent; its path is encoded once more, as every service but S3
// wants it, and not normalised: no "..", no "//".
std::string aws_authorization(std::string_view method, std::string_view url, const Headers& signed_headers,
                              std::string_view payload_sha256_hex, const AwsCredentials& credentials,
                              const AwsScope& scope, base::WallTime now);

// Adds Host's companions X-Amz-Date, X-Amz-Content-Sha256, X-Amz-Security-Token and Authorization; Content-Type is signed
// where there is one. To be called last, and anew for each try: a signature holds for five minutes.
void sign_for_aws(ClientRequest& request, const AwsCredentials& credentials, const AwsScope& scope, base::WallTime now);

}  // namespace trunkline::net
