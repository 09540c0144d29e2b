#pragma once

#include <functional>
#include <string>
#include <vector>

#include "aws_engine/cloud.hpp"

namespace trunkline::aws_engine {

struct FoundEvents {
  std::vector<base::Sequence> sequences;  // ascending: of those that were found the newest
  bool complete = true;                   // false: not everything was read, or there were too many
};

// The events of a conversation, though the table has no index by it: that would be a write for each event. Dead letters of
// the queues first, by their groups, which are what is asked for when a conversation is stuck; then the table is read, as
// far as `stopping` lets it and the role may (dynamodb:Scan): some 250,000 events in 15 seconds, at half a price unit for
// 4 KB. Lanes of other orders may hold an id in their group, so look at the events before you believe it. Blocks; any
// thread but the engine's own loop.
base::Result<FoundEvents> find_conversation(Cloud& cloud, const std::vector<base::QueueId>& queues,
                                            const std::string& conversation, std::size_t limit,
                                            const std::function<bool()>& stopping);

}  // namespace trunkline::aws_engine
