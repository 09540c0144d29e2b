#include "sinks/bulk_document.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/bytes.hpp"
#include "base/crypto.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"
#include "json/canonical.hpp"
#include "json/writer.hpp"
#include "sinks/record_members.hpp"

namespace trunkline::sinks {
namespace {

using base::Errc;

constexpr std::size_t kPatternBytesMax = 200;
constexpr std::string_view kNeverInName = "\\/*?\"<>| ,#:{}";

bool is_name_char(char c) {
  return c > ' ' && c < 0x7F && !(c >= 'A' && c <= 'Z') && kNeverInName.find(c) == std::string_view::npos;
}

void append_category(std::string& out, std::string_view category) {
  constexpr std::size_t kBytesMax = 48;  // the longest of the built-in table has 12
  if (category.empty()) category = "unknown";
  for (const char each : category.substr(0, kBytesMax)) {
    const char lower = each >= 'A' && each <= 'Z' ? static_cast<char>(each - 'A' + 'a') : each;
    out += is_name_char(lower) ? lower : '-';
  }
}

}  // namespace

base::Result<IndexName> IndexName::parse(std::string_view pattern) {
  if (pattern.empty() || pattern.size() > kPatternBytesMax)
    return {Errc::invalid, fmt::format("index must have 1 to {} characters", kPatternBytesMax)};
  if (std::string_view("-_+").find(pattern.front()) != std::string_view::npos || pattern == "." || pattern == "..")
    return {Errc::invalid, "index must not begin with -, _ or +"};
  constexpr std::array<std::pair<std::string_view, Part>, 3> kPlaceholders = {
      {{"{category}", Part::category}, {"{date}", Part::date}, {"{month}", Part::month}}};
  IndexName name;
  while (!pattern.empty()) {
    if (pattern.front() == '{') {
      const auto* known =
          std::ranges::find_if(kPlaceholders, [&](auto& each) { return pattern.starts_with(each.first); });
      if (known == kPlaceholders.end()) return {Errc::invalid, "index: a { begins one of {category}, {date}, {month}"};
      name.parts_.emplace_back(known->second, std::string());
      pattern.remove_prefix(known->first.size());
      continue;
    }
    const std::string_view text = pattern.substr(0, pattern.find('{'));
    const auto* bad = std::ranges::find_if_not(text, is_name_char);
    if (bad != text.end()) return {Errc::invalid, fmt::format("index must be lower case and must not hold '{}'", *bad)};
    name.parts_.emplace_back(Part::text, std::string(text));
    pattern.remove_prefix(text.size());
  }
  return name;
}

std::string IndexName::of(const event::Event& event, base::WallTime timestamp) const {
  std::string out;
  const std::string day = base::format_time(timestamp).substr(0, 10);
  for (const auto& [part, text] : parts_) {
    switch (part) {
      case Part::text:
        out += text;
        break;
      case Part::category:
        append_category(out, event.category);
        break;
      case Part::date:
      case Part::month:
        out += day.substr(0, 4) + '.' + day.substr(5, 2);
        if (part == Part::date) out += '.' + day.substr(8, 2);
        break;
    }
  }
  return out;
}

std::string document_id(const engine::Record& record) {
  const event::Event& event = record.event;
  std::string key;
  if (const auto& identity = event.envelope_identity ? event.envelope_identity : event.content_identity) {
    key += event.envelope_identity ? 'e' : 'c';
    key += base::view(*identity);
    key += base::view(event.body_hash);
  } else {
    key += 's';
    base::put_u64(key, record.sequence.value);
    base::put_u64(key, static_cast<std::uint64_t>(record.accepted_at.time_since_epoch().count()));
  }
  return base::hex_encode(base::view(base::hash128(key)));
}

DocumentMaker::DocumentMaker(DocumentFields fields, Renderer renderer, event::Order order)
    : fields_(fields),
      renderer_(renderer_for(fields == DocumentFields::raw ? Body::raw : Body::enriched, std::move(renderer))),
      order_(order) {}

std::string DocumentMaker::make(const engine::LeasedMessage& message, const delivery::Batch& batch,
                                base::WallTime timestamp) {
  std::string document =
      fields_ == DocumentFields::ecs ? ecs(message, batch, timestamp) : members_of_body(message, batch, timestamp);
  to_one_line(document);
  return document;
}

// The fields of ECS 8.11 that hold for every event of Genesys Cloud. The rest stays in event.original, where no mapping
// can stumble over it: 242 topics use one member name for many types.
std::string DocumentMaker::ecs(const engine::LeasedMessage& message, const delivery::Batch& batch,
                               base::WallTime timestamp) const {
  const engine::Record& record = *message.record;
  const event::Event& event = record.event;
  std::string out;
  json::Writer writer(out);
  writer.begin_object().member("@timestamp", base::format_time(timestamp));
  writer.key("ecs").begin_object().member("version", "8.11.0").end_object();
  writer.key("event").begin_object().member("kind", "event").member("module", "genesys");
  writer.member("dataset", "genesys." + (event.category.empty() ? std::string("unknown") : event.category));
  append_member(writer, "id", event.envelope_id);
  append_member(writer, "action", event.event_type);
  append_member(writer, "provider", event.source.empty() ? record.source_name : event.source);
  writer.member("created", base::format_time(record.accepted_at));
  writer.member("original", renderer_(record)).end_object();
  append_member(writer, "message", event.topic_name);
  if (!event.org_id.empty()) writer.key("organization").begin_object().member("id", event.org_id).end_object();
  if (!event.user_id.empty()) writer.key("user").begin_object().member("id", event.user_id).end_object();
  writer.key("genesys").begin_object();
  append_member(writer, "topic", event.topic_name);
  append_member(writer, "conversation_id", event.conversation_id);
  append_member(writer, "queue_id", event.queue_id);
  append_member(writer, "media_type", event.media_type);
  writer.end_object();
  writer.key("trunkline").begin_object();
  append_delivery_members(writer, message, batch, order_);
  writer.end_object().end_object();
  return out;
}

std::string DocumentMaker::members_of_body(const engine::LeasedMessage& message, const delivery::Batch& batch,
                                           base::WallTime timestamp) {
  std::string body = renderer_(*message.record);
  std::string members;
  // The servers refuse a document that has a member twice.
  const auto root = parser_.parse(body);
  const auto lacks = [&](std::string_view name) { return root.ok() && !root->find(name); };
  if (lacks("@timestamp")) members = fmt::format(R"("@timestamp":"{}")", base::format_time(timestamp));
  if (fields_ == DocumentFields::enriched && lacks("trunkline")) {
    if (!members.empty()) members += ',';
    members += R"("trunkline":)";
    json::Writer writer(members);
    writer.begin_object();
    append_delivery_members(writer, message, batch, order_);
    writer.end_object();
  }
  return json::splice_members(body, members);
}

}  // namespace trunkline::sinks
