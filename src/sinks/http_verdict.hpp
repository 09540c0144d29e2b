#pragma once

#include <span>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "delivery/sink.hpp"
#include "net/http_client.hpp"

namespace trunkline::sinks {

// What an HTTP answer says of the events sent with it.
//
//  answer                                     verdict        why
//  2xx                                        delivered      the only success (Standard Webhooks 1.0.0)
//  408, 425, 429                              retry          "not now"; when all lanes get it the lane rule makes it an outage
//  502, 503, 504, 511, 520-527, 529, 530      unavailable    a gateway or the service itself (520-530: CDNs, origin unreachable)
//  401, 402, 403, 404, 405, 407, 410, 421     unavailable    credential, account or endpoint: never the event's fault. 410 asks to
//                                                            stop sending, which an open breaker does, and keeps the events
//  1xx, 3xx                                   unavailable    not a webhook endpoint; redirects are not followed
//  400, 413, 422, other 4xx, other 5xx        rejected       this event, as far as one answer can tell; 500 may be poison or an
//                                                            outage: ten lanes that fail are an outage, the attempts come back
//  no answer in time                          unavailable    the peer may have acted: it drops the repeat by its webhook-id
//  no connection, reset, TLS failure          unavailable
//  forbidden address                          unavailable    a configuration to be mended
//  no access token (oauth_token.hpp)          unavailable    class `oauth`: the token endpoint is down or refuses the client
//  our own client is full                     retry, 1 s     nothing was sent
//
// For a batch of several events `rejected` becomes `refused`: nobody knows which one it was. Retry-After is taken from
// every answer but 2xx. `secrets` are what the request carried: they are shown nowhere.
delivery::BatchVerdict http_verdict(const base::Result<net::ClientResponse>& answer, std::size_t events,
                                    base::WallTime now, std::span<const std::string> secrets = {});

}  // namespace trunkline::sinks
