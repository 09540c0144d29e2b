#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace trunkline::sinks {

// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 section 3.3) by the RSA key of 2,048 bits and more in this PEM text, which has
// no passphrase. The bytes of the signature. Errc::invalid says what is wrong with the key and nothing of it.
base::Result<std::string> rs256_sign(std::string_view private_key_pem, std::string_view message);

}  // namespace trunkline::sinks
