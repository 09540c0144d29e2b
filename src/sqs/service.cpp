#include "sqs/service.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>

#include "base/uuid.hpp"
#include "sqs/move_tasks.hpp"
#include "sqs/operations.hpp"

namespace trunkline::sqs {
namespace {

using Handler = void (*)(CallPtr call);
struct Operation {
  std::string_view name;
  Handler handler;
  bool by_account = false;  // says nothing of one queue: not on a queue's URL
};
constexpr std::array kOperations = {
    Operation{"AddPermission", add_permission},
    Operation{"CancelMessageMoveTask", cancel_message_move_task},
    Operation{"ChangeMessageVisibility", change_message_visibility},
    Operation{"ChangeMessageVisibilityBatch", change_message_visibility_batch},
    Operation{"CreateQueue", create_queue, true},
    Operation{"DeleteMessage", delete_message},
    Operation{"DeleteMessageBatch", delete_message_batch},
    Operation{"DeleteQueue", delete_queue},
    Operation{"GetQueueAttributes", get_queue_attributes},
    Operation{"GetQueueUrl", get_queue_url},
    Operation{"ListDeadLetterSourceQueues", list_dead_letter_source_queues},
    Operation{"ListMessageMoveTasks", list_message_move_tasks},
    Operation{"ListQueueTags", list_queue_tags},
    Operation{"ListQueues", list_queues, true},
    Operation{"PurgeQueue", purge_queue},
    Operation{"ReceiveMessage", receive_message},
    Operation{"RemovePermission", remove_permission},
    Operation{"SendMessage", send_message},
    Operation{"SendMessageBatch", send_message_batch},
    Operation{"SetQueueAttributes", set_queue_attributes},
    Operation{"StartMessageMoveTask", start_message_move_task},
    Operation{"TagQueue", tag_queue},
    Operation{"UntagQueue", untag_queue},
};
constexpr std::string_view kCallerIdentity = "GetCallerIdentity";
constexpr std::string_view kTargetPrefix = "AmazonSQS.";

Fault fault_of(const net::AwsSignatureCheck& check) {
  using Signature = net::AwsSignatureFault;
  switch (*check.fault) {
    case Signature::absent:
      return {Code::missing_token, check.detail};
    case Signature::incomplete:
      return {Code::incomplete_signature, check.detail};
    case Signature::unknown_key:
      return {Code::unknown_key, check.detail};
    case Signature::wrong:
      return {Code::bad_signature, check.detail};
  }
  return {Code::internal, check.detail};
}

// Fills in what the protocol says; a fault where it cannot be read.
std::optional<Fault> read(const net::HttpRequest& request, Call& call) {
  const auto target = request.header("X-Amz-Target");
  call.protocol = target ? Protocol::json : Protocol::query;
  if (!request.body_error.empty())
    return Fault{Code::serialization, "The request cannot be read: " + request.body_error};
  if (target) {
    if (target->starts_with(kTargetPrefix)) call.operation = target->substr(kTargetPrefix.size());
    return Parameters::read_json(request.body, call.parameters);
  }
  if (request.method == "POST") {
    if (auto fault = Parameters::read_form(request.body, call.parameters)) return fault;
  }
  if (auto fault = Parameters::read_form(request.query, call.parameters)) return fault;
  call.operation = call.parameters.text("Action").value_or("");
  return std::nullopt;
}

}  // namespace

struct Service::Impl {
  Impl(Queues& queues, Registry& registry, Work work, ServiceOptions options, const base::Clock& clock)
      : moves(queues, registry, clock),
        context{queues, registry, std::move(work), clock, options.region, options.account, moves},
        keys(std::move(options.keys)) {}

  std::optional<Fault> authenticate(const net::HttpRequest& request, Call& call) const;

  MoveTasks moves;
  Context context;
  const net::AwsKeys keys;
  std::atomic<bool> stopping{false};
};

std::optional<Fault> Service::Impl::authenticate(const net::HttpRequest& request, Call& call) const {
  // Who one is does not depend on the region; queues do.
  const bool identity = call.operation == kCallerIdentity;
  const net::AwsSignatureCheck check =
      keys.check(request, identity ? "sts" : "sqs", identity ? "" : context.region, context.clock.wall());
  if (check.fault) return fault_of(check);
  call.access_key_id = check.access_key_id;
  return std::nullopt;
}

Service::Service(Queues& queues, Registry& registry, Work work, ServiceOptions options, const base::Clock& clock)
    : impl_(std::make_unique<Impl>(queues, registry, std::move(work), std::move(options), clock)) {}
Service::~Service() = default;

base::Result<void> Service::open() {
  return impl_->moves.open();
}

void Service::handle(net::IoLoop& loop, net::HttpRequest request, net::Responder respond) {
  auto call = std::make_unique<Call>(Call{impl_->context, loop, std::move(respond), request.connection});
  call->request_id = base::random_uuid();
  call->origin = request.origin();
  call->path = request.path;
  if (const auto fault = read(request, *call)) return call->fail(*fault);
  if (call->protocol == Protocol::query && call->operation.empty()) {
    net::HttpResponse answer;
    answer.status = 404;
    answer.headers = {{"Content-Type", "text/xml"}, {"x-amzn-RequestId", call->request_id}};
    answer.body = "<UnknownOperationException/>";
    return call->respond(std::move(answer));
  }
  if (const auto fault = impl_->authenticate(request, *call)) return call->fail(*fault);
  if (impl_->stopping.load()) return call->fail({Code::service_unavailable, "The hub is stopping."});
  if (call->operation == kCallerIdentity && call->protocol == Protocol::query)
    return get_caller_identity(std::move(call));
  const auto found = std::ranges::find(kOperations, call->operation, &Operation::name);
  if (found == kOperations.end() || (found->by_account && call->path != "/"))
    return call->fail(
        {Code::invalid_action, fmt::format("The action {} is not valid for this endpoint.", call->operation)});
  found->handler(std::move(call));
}

void Service::stop() {
  impl_->stopping.store(true);
  impl_->moves.stop();
  engine::Engine& engine = impl_->context.queues.engine();
  for (const Queue& queue : all_queues(impl_->context)) engine.cancel_receive(queue.id);
}

}  // namespace trunkline::sqs
