#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/strong.hpp"

namespace trunkline::sqs {

// What a receipt handle says: all that settling needs, so that nothing is kept between the calls and it holds over a
// restart. The lease's id, a random number of 63 bits, is what cannot be guessed.
struct Handle {
  base::QueueId queue;
  std::uint64_t lease = 0;
  base::Sequence sequence;
  std::int64_t received_ms = 0;  // the visibility timeout ends twelve hours from then at the latest
};

std::string encode_handle(const Handle& handle);
// Nothing for what encode_handle() has not made.
std::optional<Handle> decode_handle(std::string_view text);

}  // namespace trunkline::sqs
