#pragma once

#include <set>
#include <string>
#include <string_view>

// Which entries of a batch SNS and SQS say that they have taken. What does not read is an empty set: nothing was taken.
namespace trunkline::aws_engine {

using EntryIds = std::set<std::string, std::less<>>;
EntryIds published_ids(std::string_view xml);  // of PublishBatch
EntryIds sent_ids(std::string_view json);      // of SendMessageBatch

}  // namespace trunkline::aws_engine
