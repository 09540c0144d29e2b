#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "base/hash.hpp"
#include "event/event.hpp"
#include "event/family_rules.hpp"
#include "json/document.hpp"

namespace trunkline::event {

// Fills content_key and both identities of an event whose org_id, envelope_id, topic_name and body_hash are set.
// `timestamp` is detail.timestamp as written, empty when there is none: without it and without a natural key there is
// no content identity, since genuine repeats of bodies without a time would be merged. metadata.CorrelationId is one
// per conversation, so it is in no key. Scratch is the caller's, so that nothing is allocated once it has grown.
void identify(Event& event, KeyRule rule, json::Value body, std::string_view timestamp, std::string& scratch);
// Of an event with this envelope id.
base::Hash128 envelope_identity(std::string_view org_id, std::string_view envelope_id, std::string& scratch);

}  // namespace trunkline::event
