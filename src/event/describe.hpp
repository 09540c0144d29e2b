#pragma once

#include <string>

#include "event/decoder.hpp"

namespace trunkline::event {

// One JSON object on one line: what was understood of an item, or why not.
// {"accepted":true,"form":…,"envelopeId":…,"contentKey":…,"contentIdentity":…,"bodyHash":…,"topicName":…,"eventType":…,
//  "category":…,"orgId":…,"conversationId":…,"userId":…,"queueId":…,"mediaType":…,"source":…,"businessTime":…,
//  "businessTimeHasMillis":…,"publishedAt":…,"marks":[…]}; strings that are empty are left out. Marks: unknown_topic,
// detail_type_mismatch.
// {"accepted":false,"control":…,"reason":…,"detail":…,"bytes":…}
std::string describe(const Decoded& decoded);

}  // namespace trunkline::event
