#pragma once

#include <string>

#include "kafka/producer.hpp"

namespace trunkline::kafka {

// What a code of librdkafka, which are Kafka's and its own, says of a message.
Failure failure_of(int code, std::string detail = {});

}  // namespace trunkline::kafka
