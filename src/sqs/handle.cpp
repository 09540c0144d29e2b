#include "sqs/handle.hpp"

#include "base/bytes.hpp"
#include "base/crypto.hpp"
#include "base/hash.hpp"

namespace trunkline::sqs {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kChecksumBytes = 4;
constexpr std::size_t kTextMax = 128;  // four numbers and a checksum make at most 56 bytes

std::uint32_t checksum(std::string_view bytes) {
  return static_cast<std::uint32_t>(base::hash64(bytes));
}

}  // namespace

std::string encode_handle(const Handle& handle) {
  std::string bytes(1, static_cast<char>(kVersion));
  base::put_varint(bytes, handle.queue.value);
  base::put_u64(bytes, handle.lease);
  base::put_varint(bytes, handle.sequence.value);
  base::put_varint(bytes, static_cast<std::uint64_t>(handle.received_ms));
  base::put_u32(bytes, checksum(bytes));
  return base::base64_encode(bytes);
}

std::optional<Handle> decode_handle(std::string_view text) {
  if (text.size() > kTextMax) return std::nullopt;
  const auto bytes = base::base64_decode(text);
  if (!bytes || bytes->size() <= kChecksumBytes) return std::nullopt;
  const std::string_view content = std::string_view(*bytes).substr(0, bytes->size() - kChecksumBytes);
  if (base::ByteReader(std::string_view(*bytes).substr(content.size())).u32() != checksum(content)) return std::nullopt;
  base::ByteReader in(content);
  if (in.u8() != kVersion) return std::nullopt;
  Handle handle;
  handle.queue.value = static_cast<std::uint32_t>(in.varint());
  handle.lease = in.u64();
  handle.sequence.value = in.varint();
  handle.received_ms = static_cast<std::int64_t>(in.varint());
  if (!in.ok() || !in.at_end()) return std::nullopt;
  return handle;
}

}  // namespace trunkline::sqs
