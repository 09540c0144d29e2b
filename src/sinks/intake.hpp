#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "delivery/sink.hpp"
#include "event/event.hpp"
#include "net/http_client.hpp"

// Log intakes that take a JSON array of a bounded size, and answer for the whole of it.
namespace trunkline::sinks {

struct IntakeBounds {
  std::size_t item_bytes_max = 0;   // of IntakeItem::counted; of a longer one the intake cuts the end without a word
  std::size_t array_bytes_max = 0;  // a longer one, it refuses
  std::string_view too_long;        // error class of such an event
};
struct IntakeItem {
  std::string json;
  std::size_t counted = 0;  // bytes of it that the intake bounds
};
struct IntakeArray {
  std::string body;  // empty: there is nothing to send, the verdict stands
  // What becomes of the events if the intake takes the array.
  delivery::BatchVerdict verdict{};
};
// `item` makes one event's JSON. An event of a longer one is rejected, and those behind it in its lane are left out, since
// delivery gives them again behind it, whatever is said of them. An array over its bound is refused, to be halved; of one event, rejected.
IntakeArray make_intake_array(const delivery::Batch& batch, const IntakeBounds& bounds,
                              const std::function<IntakeItem(const engine::LeasedMessage&)>& item);

// What an answer says of the events sent with it.
//
//  2xx                      delivered
//  2xx with text/html       unavailable   a proxy's page must not count
//  5xx                      unavailable   the intake: no event makes it stumble
//  400, 413                 rejected      of several refused: halved until it stands alone
//  408, 425, 429            retry         Retry-After is obeyed
//  401, 403, 404, 3xx, no answer    unavailable, as in http_verdict.hpp
delivery::BatchVerdict intake_verdict(const base::Result<net::ClientResponse>& answer, std::size_t events,
                                      base::WallTime now, std::span<const std::string> secrets = {});

}  // namespace trunkline::sinks
