#pragma once

#include <functional>
#include <optional>

#include "sqs/call.hpp"

namespace trunkline::sqs {

// What an operation that waits for the disk has come to: a fault, or an answer.
struct Outcome {
  std::optional<Fault> fault{};
  Call::Write write = [](Output&) {};
};

// Runs it on the thread that changes queues, and answers on the connection's loop.
void work(CallPtr call, std::function<Outcome(Call& call)> run);

}  // namespace trunkline::sqs
