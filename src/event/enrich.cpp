#include "event/enrich.hpp"

#include "base/text.hpp"
#include "json/canonical.hpp"
#include "json/writer.hpp"

namespace trunkline::event {
namespace {

void append_member(std::string& members, std::string_view name, std::string_view value) {
  if (!members.empty()) members.push_back(',');
  json::append_string(members, name);
  members.push_back(':');
  json::append_string(members, value);
}

}  // namespace

std::string enriched(const Event& event, base::WallTime accepted_at, const NameTable* names,
                     const MemberFilter& filter) {
  std::string members;
  members.reserve(400);
  const auto add_member = [&](std::string& out, std::string_view name, std::string_view value) {
    if (value.empty()) return;
    if (!filter) return append_member(out, name, value);
    if (const auto instead = filter(name, value)) append_member(out, name, *instead);
  };
  add_member(members, "_processingTimestamp", base::format_time(accepted_at));
  add_member(members, "_eventCategory", event.category);
  add_member(members, "_orgId", event.org_id);
  add_member(members, "_conversationId", event.conversation_id);
  add_member(members, "_userId", event.user_id);
  add_member(members, "_queueId", event.queue_id);
  if (names != nullptr) {
    add_member(members, "_userName", names->find(event.user_id));
    add_member(members, "_queueName", names->find(event.queue_id));
  }
  return json::splice_members(event.raw, members);
}

}  // namespace trunkline::event
