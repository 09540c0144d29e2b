#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/strong.hpp"
#include "engine/engine.hpp"

namespace trunkline::api {

// What a pulling consumer hands back to settle a lease. All that settling needs is in the text, so that nothing is kept
// for it between the calls and it holds over a restart. The lease's id, a random number of 63 bits, is what cannot be
// guessed; the checksum tells a mangled receipt from one that has run out.
struct Receipt {
  base::QueueId queue;
  std::uint64_t lease = 0;
  struct Message {
    base::Sequence sequence;
    std::uint32_t receive_count = 0;
  };
  std::vector<Message> messages{};  // in the lease's order
};

std::string encode_receipt(const engine::Lease& lease);
// Errc::invalid for what encode_receipt() has not made.
base::Result<Receipt> decode_receipt(std::string_view text);

}  // namespace trunkline::api
