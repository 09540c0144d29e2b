#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "net/aws_signature.hpp"

namespace trunkline::net {

// Who may call a service that speaks as AWS does: access keys with their secrets, or everybody. A plain value; check() may
// be called by any thread. Without a key everybody is refused.
class AwsKeys {
 public:
  // Signatures are not looked at, and no caller has a name.
  static AwsKeys unchecked();

  void add(std::string access_key_id, std::string secret);

  // Whether the request is signed by one of the keys, for this service and region (empty: for any). What is signed for
  // another one is AwsSignatureFault::wrong, with AWS's words in `detail`.
  AwsSignatureCheck check(const HttpRequest& request, std::string_view service, std::string_view region,
                          base::WallTime now) const;

 private:
  std::map<std::string, std::string, std::less<>> secrets_;  // by access key id
  bool unsigned_requests_ = false;
};

}  // namespace trunkline::net
