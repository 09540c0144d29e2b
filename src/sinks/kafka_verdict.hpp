#pragma once

#include <span>
#include <string>

#include "delivery/sink.hpp"
#include "kafka/producer.hpp"

namespace trunkline::sinks {

// What the reports of a batch's messages say of its events.
//
//  acknowledged                            delivered      by all in-sync replicas
//  MSG_SIZE_TOO_LARGE, INVALID_MSG_SIZE,   rejected       this event. A broker says it of a set of messages that went together:
//  INVALID_RECORD, INVALID_TIMESTAMP,                     when it says so of several, nobody knows which: refused
//  POLICY_VIOLATION, UNSUPPORTED_FOR_MESSAGE_FORMAT
//  behind one that was not taken           retry          it was not sent; delivery cuts its lane before it anyway
//  too many wait here                      retry, 1 s     nothing was sent
//  not acknowledged in time, no broker,    unavailable    nobody knows; what was written stands there twice then, with one
//  too few replicas, a fatal error                        trunkline-id
//  credential, right, topic                unavailable    a configuration: never the event's fault
//
// The class of the error is "kafka_" and Kafka's name of it in lower case. `secrets` are shown nowhere.
delivery::BatchVerdict kafka_verdict(const kafka::Producer::Outcome& outcome,
                                     std::span<const std::string> secrets = {});

}  // namespace trunkline::sinks
