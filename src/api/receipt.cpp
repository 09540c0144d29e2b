#include "api/receipt.hpp"

#include "base/bytes.hpp"
#include "base/crypto.hpp"
#include "base/hash.hpp"

namespace trunkline::api {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kChecksumBytes = 4;

std::uint32_t checksum(std::string_view bytes) {
  return static_cast<std::uint32_t>(base::hash64(bytes));
}

}  // namespace

std::string encode_receipt(const engine::Lease& lease) {
  std::string bytes(1, static_cast<char>(kVersion));
  base::put_varint(bytes, lease.queue.value);
  base::put_u64(bytes, lease.id);
  base::put_varint(bytes, lease.messages.size());
  for (const engine::LeasedMessage& message : lease.messages) {
    base::put_varint(bytes, message.record->sequence.value);
    base::put_varint(bytes, message.receive_count);
  }
  base::put_u32(bytes, checksum(bytes));
  return base::hex_encode(bytes);
}

base::Result<Receipt> decode_receipt(std::string_view text) {
  const base::Error error{base::Errc::invalid, "this is not a receipt"};
  const auto bytes = base::hex_decode(text);
  if (!bytes || bytes->size() <= kChecksumBytes) return error;
  const std::string_view content = std::string_view(*bytes).substr(0, bytes->size() - kChecksumBytes);
  if (base::ByteReader(std::string_view(*bytes).substr(content.size())).u32() != checksum(content)) return error;
  base::ByteReader in(content);
  if (in.u8() != kVersion) return error;
  Receipt receipt;
  receipt.queue.value = static_cast<std::uint32_t>(in.varint());
  receipt.lease = in.u64();
  const std::uint64_t count = in.varint();
  if (!in.ok() || count > in.left()) return error;
  for (std::uint64_t i = 0; i < count; ++i) {
    Receipt::Message& message = receipt.messages.emplace_back();
    message.sequence.value = in.varint();
    message.receive_count = static_cast<std::uint32_t>(in.varint());
  }
  if (!in.ok() || !in.at_end() || receipt.messages.empty()) return error;
  return receipt;
}

}  // namespace trunkline::api
