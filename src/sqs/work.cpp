#include "sqs/work.hpp"

#include <memory>

namespace trunkline::sqs {

void work(CallPtr call, std::function<Outcome(Call& call)> run) {
  const Work& post = call->context.work;
  // Shared with the task, which may not be taken.
  auto shared = std::make_shared<CallPtr>(std::move(call));
  const bool taken = post([shared, run = std::move(run)] {
    base::Loop& loop = (*shared)->loop;
    loop.post([shared, outcome = run(**shared)] {
      if (outcome.fault) return (*shared)->fail(*outcome.fault);
      (*shared)->answer(outcome.write);
    });
  });
  if (!taken)
    (*shared)->fail({Code::service_unavailable, "Too many changes of queues are waiting, or the hub is stopping."});
}

}  // namespace trunkline::sqs
