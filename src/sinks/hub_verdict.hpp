#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "delivery/sink.hpp"
#include "net/http_client.hpp"

namespace trunkline::sinks {

// What another hub's answer (source/ingest.hpp) says of the events sent with it: one result for each, in order.
//
//  accepted                      delivered      on its disk
//  duplicate                     delivered      an earlier try has brought it, or another way
//  conflict                      delivered      stored and marked: it knows the id with another body
//  ignored                       delivered      it takes no such events (control)
//  quarantined                   rejected       it could not read it, and keeps it for its operator: a mapping has left no event
//  failed                        unavailable    not stored (of a 503, whose other results count)
//
//  answer as a whole
//  2xx or 503 with a result for  as above
//  each event
//  2xx of another form           unavailable    no hub: a proxy's page must not count
//  others, none                  as in http_verdict.hpp: 401 and 503 unavailable
//
// Retry-After and `secrets` are as in http_verdict.hpp.
delivery::BatchVerdict hub_verdict(const base::Result<net::ClientResponse>& answer, std::size_t events,
                                   base::WallTime now, std::span<const std::string> secrets = {});

}  // namespace trunkline::sinks
