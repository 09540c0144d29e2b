#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "base/hash.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"
#include "event/event.hpp"
#include "store/store.hpp"

// Finding stored events by what an operator has in hand, without reading bodies.
namespace trunkline::queue {

// The stored events that carry this identity, or that one with it was suppressed for; oldest first. At most kTwinsMax.
base::Result<std::vector<base::Sequence>> find_identity(const store::Store& store, const base::Hash128& identity);

struct FoundEvents {
  std::vector<base::Sequence> sequences;  // ascending: the newest `limit` of them
  bool complete = true;                   // false: there were more, or `stopping` said so
};
// The events of a message group: by the hash of its text, so look at the events before you believe it. Reads every scan
// entry there is, about a million a second.
base::Result<FoundEvents> find_group(const store::Store& store, event::Order order, const std::string& group_text,
                                     std::size_t limit, const std::function<bool()>& stopping);

// The stored events whose newest suppressed repeat came with this envelope id; at most 100.
base::Result<std::vector<base::Sequence>> find_repeat(const store::Store& store, const std::string& envelope_id);

}  // namespace trunkline::queue
