#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace trunkline::sns {

struct Signature {
  int version = 0;  // 0: not signed, as notifications of FIFO topics are not
  std::string value{};
  std::string certificate_url{};
};

// Signs notifications as SNS does: RSA of 2048 bits, SHA-1 for SignatureVersion 1, SHA-256 for 2. Immutable; any thread.
class Signer {
 public:
  // A new key and a certificate of its own for it, in PEM; takes about 0.1 s. The certificate ends after 20 years:
  // receivers look at its key, and nobody renews it.
  static base::Result<std::string> make(base::WallTime now);
  static base::Result<std::shared_ptr<const Signer>> open(const std::string& pem);
  ~Signer();

  // In base64; about 1 ms.
  base::Result<std::string> sign(std::string_view text, int version) const;
  const std::string& certificate() const { return certificate_; }  // PEM
  // "/SimpleNotificationService-….pem", by the certificate's hash.
  const std::string& path() const { return path_; }

 private:
  struct Key;
  Signer();
  std::unique_ptr<Key> key_;
  std::string certificate_;
  std::string path_;
};

}  // namespace trunkline::sns
