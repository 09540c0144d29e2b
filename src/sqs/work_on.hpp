#pragma once

#include <memory>
#include <utility>

#include "base/loop.hpp"
#include "sqs/registry.hpp"

namespace trunkline::sqs {

// Runs an operation that waits for the disk on the thread that may, and answers on the connection's loop. A call is failed
// with `overloaded` where that thread takes no more. `run` gets the call and returns an outcome: a fault, or what is
// written to the answer.
template <class Call, class Fault, class Run>
void work_on(const Work& post, std::unique_ptr<Call> call, Fault overloaded, Run run) {
  // Shared with the task, which may not be taken.
  auto shared = std::make_shared<std::unique_ptr<Call>>(std::move(call));
  const bool taken = post([shared, run = std::move(run)] {
    base::Loop& loop = (*shared)->loop;
    loop.post([shared, outcome = run(**shared)] {
      if (outcome.fault) return (*shared)->fail(*outcome.fault);
      (*shared)->answer(outcome.write);
    });
  });
  if (!taken) (*shared)->fail(overloaded);
}

}  // namespace trunkline::sqs
