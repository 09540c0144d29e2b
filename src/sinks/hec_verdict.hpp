#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "delivery/sink.hpp"
#include "net/http_client.hpp"

namespace trunkline::sinks {

// What a Splunk HTTP Event Collector says: {"text":"Success","code":0} and, of a batch, "invalid-event-number".
struct HecAnswer {
  std::int64_t code = 0;
  std::string text;
  std::optional<std::uint64_t> invalid_event{};  // counts from 0
  std::optional<std::uint64_t> ack_id{};         // to ask for its acknowledgement by
};
// Nothing if it is no JSON object with a whole number as its code.
std::optional<HecAnswer> parse_hec_answer(std::string_view body);

// What to do about a code, for people; empty for an unknown one.
std::string_view hec_advice(std::int64_t code);

// What an answer says of the events sent with it.
//
//  code                                          verdict       why
//  0 with 2xx                                    delivered     the only success
//  1, 2, 3, 4, 16, 21, 22  token                 unavailable   a configuration to be mended, events wait
//  7  incorrect index                            unavailable   the same, since all events go to one index
//  10, 11, 14  channel, acknowledgement          unavailable   the same
//  9, 18, 19, 20, 23  busy, full, shutting down  unavailable   the server. 9 may come with the number of the event where it stopped;
//                                                              the events before it are sent again, too: not every server that
//                                                              speaks this protocol keeps them
//  17  healthy                                   unavailable   no answer to an event
//  5, 6, 12, 13, 15  no data, format, event      rejected      this event. Of a batch: refused, and the number is the suspect, so that
//                                                              it stands alone before it spends an attempt
//  8  internal error, and 500 without a code     retry         alone; of a batch refused: one event may be what the server stumbles at
//  429 with any other code                       retry         queues or channels at capacity
//  any other code with 2xx, or none              unavailable   not the answer of an event collector: a proxy's page must not count
//  any other code, or none                       by the status, as in http_verdict.hpp: 413 and an unattributed 400 are refused
//
// An answer that is cut or no JSON has no code. No answer, redirects and Retry-After are as in http_verdict.hpp, and so
// are `secrets`.
delivery::BatchVerdict hec_verdict(const base::Result<net::ClientResponse>& answer, std::size_t events,
                                   base::WallTime now, std::span<const std::string> secrets = {});

}  // namespace trunkline::sinks
