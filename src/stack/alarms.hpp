#pragma once

#include "stack/spec.hpp"
#include "stack/writer.hpp"

namespace trunkline::stack {

// The topic that alarms go to, where the configuration names none, and every alarm. Metrics and dimensions are those of the
// SNS and SQS developer guides and of the EventBridge user guide, "Monitoring".
void add_alarms(const Spec& spec, Resources& to);

// How many there are: each has a price.
std::size_t alarm_count(const Spec& spec);

}  // namespace trunkline::stack
