// StartMessageMoveTask, CancelMessageMoveTask, ListMessageMoveTasks.
#include <fmt/format.h>

#include <algorithm>

#include "base/uuid.hpp"
#include "sqs/move_tasks.hpp"
#include "sqs/operations.hpp"
#include "sqs/task_handle.hpp"
#include "sqs/work.hpp"

namespace trunkline::sqs {
namespace {

Fault no_resource(std::string_view parameter) {
  return {Code::resource_not_found,
          fmt::format("The resource that you specified for the {} parameter doesn't exist.", parameter)};
}
Fault invalid(std::string message) {
  return {Code::invalid_value, std::move(message)};
}

// A queue by its ARN, which must be of this account and region.
std::optional<Queue> queue_by_arn(const Call& call, const std::string& arn) {
  auto queue = find_queue(call.context, queue_in_arn(arn));
  if (!queue || call.queue_arn(*queue) != arn) return std::nullopt;
  return queue;
}

bool is_dead_letter_queue(const Context& context, const Queue& queue) {
  const std::vector<Queue> all = context.registry.all();
  return std::ranges::any_of(all, [&](const Queue& each) {
    const auto policy = each.definition->redrive_policy();
    return policy && policy->target == queue.name();
  });
}

std::string handle_of(const Call& call, const MoveTask& task) {
  return encode_task_handle({task.id, call.arn_of(task.source)});
}

std::optional<Fault> read_task(const Call& call, MoveTask& task) {
  Reader reader(call.parameters);
  const std::string source_arn = reader.required("SourceArn");
  const auto rate = reader.whole("MaxNumberOfMessagesPerSecond", 1, MoveTasks::kPerSecondMax,
                                 "Must be between 1 and 500, if provided.");
  if (reader.fault()) return reader.fault();
  const auto source = queue_by_arn(call, source_arn);
  if (!source) return no_resource("SourceArn");
  if (!source->definition || !is_dead_letter_queue(call.context, *source))
    return invalid("Source queue must be configured as a Dead Letter Queue.");
  task.source = source->name();
  task.per_second = static_cast<std::uint32_t>(rate.value_or(0));
  const std::string to = call.parameters.text("DestinationArn").value_or("");
  if (to.empty()) return std::nullopt;
  const auto destination = queue_by_arn(call, to);
  if (!destination) return no_resource("DestinationArn");
  if (!destination->definition)
    return Fault{Code::unsupported, "The destination belongs to the configuration, and takes no messages of clients."};
  if (destination->name() == task.source) return invalid("Source queue and destination queue must not be the same.");
  if (destination->fifo() != source->fifo())
    return invalid("The source queue and destination queue must be of the same queue type.");
  task.destination = destination->name();
  return std::nullopt;
}

void write_task(Output& output, const Call& call, const MoveTask& task) {
  output.begin_item("ListMessageMoveTasksResultEntry");
  if (task.status == MoveStatus::running) output.text("TaskHandle", handle_of(call, task));
  output.text("Status", name(task.status));
  output.text("SourceArn", call.arn_of(task.source));
  if (!task.destination.empty()) output.text("DestinationArn", call.arn_of(task.destination));
  if (task.per_second > 0) output.number("MaxNumberOfMessagesPerSecond", task.per_second);
  output.number("ApproximateNumberOfMessagesMoved", static_cast<std::int64_t>(task.moved));
  output.number("ApproximateNumberOfMessagesToMove", static_cast<std::int64_t>(task.to_move));
  if (!task.failure.empty()) output.text("FailureReason", task.failure);
  output.number("StartedTimestamp", task.started_ms);
  output.end_item("ListMessageMoveTasksResultEntry");
}

}  // namespace

void start_message_move_task(CallPtr call) {
  MoveTask task;
  if (const auto fault = read_task(*call, task)) return call->fail(*fault);
  task.id = base::random_uuid();
  const auto source = call->context.registry.find(task.source);
  if (source) task.to_move = call->context.queues.engine().statistics(source->id).waiting;
  work(std::move(call), [task](Call& starting) -> Outcome {
    const auto started = starting.context.moves.start(task);
    if (started.ok())
      return {{}, [handle = handle_of(starting, *started)](Output& output) { output.text("TaskHandle", handle); }};
    if (started.error().code != base::Errc::conflict) return {fault_of(started.error())};
    return {
        invalid("There is already a task running. Only one active task is allowed for a source queue arn at a given "
                "time.")};
  });
}

void cancel_message_move_task(CallPtr call) {
  Reader reader(call->parameters);
  const std::string text = reader.required("TaskHandle");
  if (reader.fault()) return call->fail(*reader.fault());
  const auto handle = decode_task_handle(text);
  if (!handle) return call->fail(invalid("Value for parameter TaskHandle is invalid."));
  if (!queue_by_arn(*call, handle->source_arn)) return call->fail(no_resource("SourceArn"));
  work(std::move(call), [id = handle->id](Call& cancelling) -> Outcome {
    const auto cancelled = cancelling.context.moves.cancel(id);
    if (cancelled.ok())
      return {{}, [moved = cancelled->moved](Output& output) {
                output.number("ApproximateNumberOfMessagesMoved", static_cast<std::int64_t>(moved));
              }};
    if (cancelled.error().code != base::Errc::not_found) return {fault_of(cancelled.error())};
    return {Fault{Code::resource_not_found, "Task does not exist."}};
  });
}

void list_message_move_tasks(CallPtr call) {
  Reader reader(call->parameters);
  const std::string source_arn = reader.required("SourceArn");
  const auto most = reader.whole("MaxResults", 1, MoveTasks::kPerSourceMax, "Must be between 1 and 10, if provided.");
  if (reader.fault()) return call->fail(*reader.fault());
  const auto source = queue_by_arn(*call, source_arn);
  if (!source) return call->fail(no_resource("SourceArn"));
  const auto tasks = call->context.moves.list(source->name(), static_cast<std::size_t>(most.value_or(1)));
  call->answer([&](Output& output) {
    output.begin_list("Results");
    for (const MoveTask& task : tasks) write_task(output, *call, task);
    output.end_list();
  });
}

}  // namespace trunkline::sqs
