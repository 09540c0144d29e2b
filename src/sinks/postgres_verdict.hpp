#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "delivery/sink.hpp"
#include "postgres/failure.hpp"

namespace trunkline::sinks {

// What a write says of the events whose rows it had. It is one transaction: all are there, or none. Codes are those of
// PostgreSQL's appendix A, by class.
//
//  nothing                                 delivered      committed
//  22 data, 23 constraint, 21, 44, 54      rejected       this row; of several: refused, with the suspect where COPY names its
//                                                         line. A value that the type does not take, a constraint of the
//                                                         table's owner, a text too long for an index
//  P0 (raised by a trigger)                rejected       likewise
//  40 rollback (serialisation, deadlock),  retry          not now
//  55 lock not available, 57014 (the server's statement_timeout)
//  08, 53 (disk full, too many             unavailable    the server
//  connections), 57, 58, 25006 (it only reads), XX
//  28, 42 (no such column, no right), 3D, 3F, 0A, others
//                                          unavailable    a configuration: never the event's fault
//  no connection, it broke, no answer      unavailable    in the middle of a commit nobody knows: written again it changes nothing
//
// The class of the error is "sql_" and the code, else "connect", "timeout" or "cancelled". `secrets` are shown nowhere.
delivery::BatchVerdict postgres_verdict(const std::optional<postgres::Failure>& failure, std::size_t events,
                                        std::span<const std::string> secrets = {});

}  // namespace trunkline::sinks
