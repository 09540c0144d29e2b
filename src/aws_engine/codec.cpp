#include "aws_engine/codec.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.hpp"
#include "base/crypto.hpp"

namespace trunkline::aws_engine {
namespace {

using base::ByteReader;
using base::put_string;
using base::put_u64;
using base::put_varint;
using base::Result;

constexpr char kVersion = 1;

template <class T>
Result<T> checked(const ByteReader& in, T value, std::string_view what) {
  if (!in.ok() || !in.at_end()) return {base::Errc::corrupt, fmt::format("a stored {} does not decode", what)};
  return value;
}

void put_time(std::string& out, const std::optional<base::WallTime>& time) {
  out.push_back(time ? 1 : 0);
  if (time) put_u64(out, millis(*time));
}
std::optional<base::WallTime> read_time(ByteReader& in) {
  if (in.u8() == 0) return std::nullopt;
  return wall(in.u64());
}
base::Hash128 read_hash(ByteReader& in) {
  base::Hash128 hash{};
  const std::string_view bytes = in.take(hash.size());
  std::copy(bytes.begin(), bytes.end(), hash.begin());
  return hash;
}
void put_hash(std::string& out, const std::optional<base::Hash128>& hash) {
  out.push_back(hash ? 1 : 0);
  if (hash) out.append(base::view(*hash));
}
std::optional<base::Hash128> read_optional_hash(ByteReader& in) {
  if (in.u8() == 0) return std::nullopt;
  return read_hash(in);
}

constexpr std::uint8_t kConflict = 1;
constexpr std::uint8_t kTopicKnown = 2;
constexpr std::uint8_t kMismatch = 4;
constexpr std::uint8_t kBusinessMillis = 8;

template <class EventType, class Visit>
void for_each_text(EventType& event, Visit visit) {
  visit(event.envelope_id);
  visit(event.topic_name);
  visit(event.event_type);
  visit(event.category);
  visit(event.org_id);
  visit(event.conversation_id);
  visit(event.user_id);
  visit(event.queue_id);
  visit(event.media_type);
  visit(event.source);
  visit(event.content_key);
}

}  // namespace

std::string encode_head(const engine::Record& record) {
  const event::Event& event = record.event;
  std::string out(1, kVersion);
  out.push_back(static_cast<char>((record.conflict ? kConflict : 0) | (event.topic_known ? kTopicKnown : 0) |
                                  (event.detail_type_mismatch ? kMismatch : 0) |
                                  (event.business_time_has_millis ? kBusinessMillis : 0)));
  out.push_back(static_cast<char>(event.form));
  put_u64(out, millis(record.accepted_at));
  put_string(out, record.source_name);
  put_varint(out, record.policy_version.value);
  put_varint(out, record.routes.size());
  for (const base::QueueId queue : record.routes) put_varint(out, queue.value);
  put_time(out, event.business_time);
  put_time(out, event.published_at);
  put_hash(out, event.envelope_identity);
  put_hash(out, event.content_identity);
  out.append(base::view(event.body_hash));
  for_each_text(event, [&](const std::string& text) { put_string(out, text); });
  return out;
}

Result<engine::Record> decode_head(base::Sequence sequence, std::string_view bytes) {
  ByteReader in(bytes);
  engine::Record record;
  record.sequence = sequence;
  const bool known = in.u8() == static_cast<std::uint8_t>(kVersion);
  const std::uint8_t flags = in.u8();
  record.conflict = (flags & kConflict) != 0;
  event::Event& event = record.event;
  event.topic_known = (flags & kTopicKnown) != 0;
  event.detail_type_mismatch = (flags & kMismatch) != 0;
  event.business_time_has_millis = (flags & kBusinessMillis) != 0;
  const std::uint8_t form = in.u8();
  event.form = static_cast<event::Form>(form);
  record.accepted_at = wall(in.u64());
  record.source_name = in.string();
  record.policy_version = {static_cast<std::uint32_t>(in.varint())};
  const std::uint64_t routes = in.varint();
  if (!known || form > static_cast<std::uint8_t>(event::Form::flat) || routes > in.left())
    return {base::Errc::corrupt, "a stored event does not decode"};
  for (std::uint64_t i = 0; i < routes; ++i) record.routes.push_back({static_cast<std::uint32_t>(in.varint())});
  event.business_time = read_time(in);
  event.published_at = read_time(in);
  event.envelope_identity = read_optional_hash(in);
  event.content_identity = read_optional_hash(in);
  event.body_hash = read_hash(in);
  for_each_text(event, [&](std::string& text) { text = in.string(); });
  return checked(in, std::move(record), "event");
}

std::string encode_twins(const std::vector<Twin>& twins) {
  std::string out(1, kVersion);
  for (const Twin& twin : twins) {
    put_u64(out, twin.sequence.value);
    out.append(base::view(twin.body_hash));
    put_u64(out, twin.accepted_ms);
  }
  return out;
}

Result<std::vector<Twin>> decode_twins(std::string_view bytes) {
  ByteReader in(bytes);
  std::vector<Twin> twins;
  if (in.u8() != static_cast<std::uint8_t>(kVersion)) in.take(in.left() + 1);
  while (in.ok() && !in.at_end() && twins.size() < kTwinsMax) {
    Twin twin;
    twin.sequence = {in.u64()};
    twin.body_hash = read_hash(in);
    twin.accepted_ms = in.u64();
    twins.push_back(twin);
  }
  return checked(in, std::move(twins), "identity");
}

std::string encode_held(const std::vector<Held>& held) {
  std::string out(1, kVersion);
  for (const Held& each : held) {
    put_u64(out, each.sequence.value);
    put_string(out, each.id);
    put_string(out, each.handle);
    put_string(out, each.group);
    put_u64(out, each.gap.value);
    put_u64(out, each.received_ms);
  }
  return out;
}

Result<std::vector<Held>> decode_held(std::string_view bytes) {
  ByteReader in(bytes);
  std::vector<Held> held;
  if (in.u8() != static_cast<std::uint8_t>(kVersion)) in.take(in.left() + 1);
  while (in.ok() && !in.at_end()) {
    Held each;
    each.sequence = {in.u64()};
    each.id = in.string();
    each.handle = in.string();
    each.group = in.string();
    each.gap = {in.u64()};
    each.received_ms = in.u64();
    held.push_back(std::move(each));
  }
  return checked(in, std::move(held), "lease");
}

std::string encode_quarantined(const engine::Quarantined& input) {
  std::string out(1, kVersion);
  put_u64(out, millis(input.received_at));
  put_string(out, input.source_name);
  put_string(out, input.content_type);
  put_string(out, input.reason);
  put_string(out, input.detail);
  put_string(out, input.bytes);
  return out;
}

Result<engine::Quarantined> decode_quarantined(std::uint64_t id, std::string_view bytes) {
  ByteReader in(bytes);
  engine::Quarantined input;
  if (in.u8() != static_cast<std::uint8_t>(kVersion)) in.take(in.left() + 1);
  input.id = id;
  input.received_at = wall(in.u64());
  input.source_name = in.string();
  input.content_type = in.string();
  input.reason = in.string();
  input.detail = in.string();
  input.bytes = in.string();
  return checked(in, std::move(input), "quarantined input");
}

bool is_message_text(std::string_view text) {
  if (text.empty()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 && c != '\t' && c != '\n' && c != '\r') return false;
    // U+FFFE and U+FFFF: EF BF BE, EF BF BF.
    if (c == 0xEF && i + 2 < text.size() && text[i + 1] == '\xBF' && static_cast<unsigned char>(text[i + 2]) >= 0xBE)
      return false;
  }
  return true;
}

std::string message_group_id(std::string_view group) {
  constexpr std::size_t kMax = 128;
  const auto graphic = [](char c) { return c > ' ' && c < 0x7F; };
  if (!group.empty() && group.size() <= kMax && std::ranges::all_of(group, graphic)) return std::string(group);
  return "sha256-" + base::hex_encode(base::sha256(group));
}

}  // namespace trunkline::aws_engine
