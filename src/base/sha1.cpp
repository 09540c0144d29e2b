#include "base/sha1.hpp"

#include <openssl/evp.h>

#include "base/check.hpp"

namespace trunkline::base {

std::string sha1(std::string_view message) {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned int length = 0;
  auto* octets = reinterpret_cast<unsigned char*>(out.data());
  const int done = EVP_Digest(message.data(), message.size(), octets, &length, EVP_sha1(), nullptr);
  TRUNKLINE_CHECK(done == 1, "SHA-1 failed");
  out.resize(length);
  return out;
}

}  // namespace trunkline::base
