#include "event/attributes.hpp"

namespace trunkline::event {

Attributes::Attributes(const Event& event) {
  const Attribute all[] = {{"eventType", event.event_type}, {"eventCategory", event.category},
                           {"orgId", event.org_id},         {"conversationId", event.conversation_id},
                           {"userId", event.user_id},       {"queueId", event.queue_id},
                           {"mediaType", event.media_type}, {"source", event.source}};
  for (const Attribute& attribute : all) {
    if (!attribute.value.empty()) items_[size_++] = attribute;
  }
}

}  // namespace trunkline::event
