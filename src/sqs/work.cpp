#include "sqs/work.hpp"

#include <utility>

#include "sqs/work_on.hpp"

namespace trunkline::sqs {

void work(CallPtr call, std::function<Outcome(Call& call)> run) {
  const Work& post = call->context.work;
  work_on(post, std::move(call),
          Fault{Code::service_unavailable, "Too many changes of queues are waiting, or the hub is stopping."},
          std::move(run));
}

}  // namespace trunkline::sqs
