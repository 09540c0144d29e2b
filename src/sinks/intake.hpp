#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/function.hpp"
#include "base/loop.hpp"
#include "base/result.hpp"
#include "delivery/sink.hpp"
#include "event/event.hpp"
#include "net/http_client.hpp"
#include "sinks/http_sender.hpp"

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

struct IntakePost {
  net::ClientRequest request;  // all but the body
  bool gzip = false;
  std::vector<std::string> secrets{};  // that the intake is not quoted with
};
// Sends the array, and says what becomes of the events of the batch it was made of. `done` runs later on the loop, also
// where there is nothing to send; the answer may come after the sink has gone, but not after the loop.
void send_intake_array(IntakePost post, IntakeArray array, const delivery::Batch& batch, HttpSender& sender,
                       base::Loop& loop, base::UniqueFunction<void(delivery::BatchVerdict)> done);

}  // namespace trunkline::sinks
