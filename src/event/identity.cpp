#include "event/identity.hpp"

#include "base/bytes.hpp"

namespace trunkline::event {
namespace {

// Lengths keep the parts apart, so that no two lists of parts give the same bytes.
base::Hash128 hash_parts(std::string& scratch, std::initializer_list<std::string_view> parts) {
  scratch.clear();
  for (const std::string_view part : parts) base::put_string(scratch, part);
  return base::hash128(scratch);
}

// What is kept of a key for people: a transcript of a thousand utterances has a key of 40 KB.
constexpr std::size_t kKeptKeyBytes = 512;

void shorten(std::string& key) {
  if (key.size() <= kKeptKeyBytes) return;
  std::size_t end = kKeptKeyBytes;
  while (end > 0 && (static_cast<unsigned char>(key[end]) & 0xC0) == 0x80) --end;
  key.resize(end);
  key += "\u2026";
}

}  // namespace

base::Hash128 envelope_identity(std::string_view org_id, std::string_view envelope_id, std::string& scratch) {
  return hash_parts(scratch, {"envelope", org_id, envelope_id});
}

void identify(Event& event, KeyRule rule, json::Value body, std::string_view timestamp, std::string& scratch) {
  if (!event.envelope_id.empty()) {
    event.envelope_identity = envelope_identity(event.org_id, event.envelope_id, scratch);
  }
  append_natural_key(event.content_key, rule, event.topic_name, body);
  if (!event.content_key.empty()) {
    event.content_identity = hash_parts(scratch, {"content", event.org_id, event.content_key});
    shorten(event.content_key);
  } else if (!timestamp.empty()) {
    event.content_identity =
        hash_parts(scratch, {"fallback", event.org_id, event.topic_name, base::view(event.body_hash), timestamp});
  }
}

}  // namespace trunkline::event
