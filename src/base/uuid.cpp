#include "base/uuid.hpp"

#include "base/check.hpp"
#include "base/crypto.hpp"

namespace trunkline::base {
namespace {

constexpr std::size_t kBytes = 16;
constexpr std::size_t kAtOnce = 64;  // a question to the generator costs as much as many UUIDs' bytes

}  // namespace

std::string uuid_of(std::string_view bytes) {
  TRUNKLINE_CHECK(bytes.size() == kBytes, "a UUID of another size");
  std::string hex = hex_encode(bytes);
  hex[12] = '4';                                                       // the version
  hex[16] = "89ab"[static_cast<unsigned char>(bytes[8]) >> 4 & 0b11];  // the variant
  for (const std::size_t at : {20, 16, 12, 8}) hex.insert(at, 1, '-');
  return hex;
}

std::string random_uuid() {
  thread_local std::string bytes;
  if (bytes.empty()) bytes = random_bytes(kAtOnce * kBytes);
  std::string uuid = uuid_of(std::string_view(bytes).substr(bytes.size() - kBytes));
  bytes.resize(bytes.size() - kBytes);
  return uuid;
}

}  // namespace trunkline::base
