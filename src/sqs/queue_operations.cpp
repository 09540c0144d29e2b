// What is asked about queues, and who asks.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/crypto.hpp"
#include "sqs/operations.hpp"

namespace trunkline::sqs {
namespace {

constexpr std::int64_t kPageMax = 1'000;  // AWS's own

// In AWS's model.
constexpr std::array<std::string_view, 22> kAttributes = {"All",
                                                          "Policy",
                                                          "VisibilityTimeout",
                                                          "MaximumMessageSize",
                                                          "MessageRetentionPeriod",
                                                          "ApproximateNumberOfMessages",
                                                          "ApproximateNumberOfMessagesNotVisible",
                                                          "CreatedTimestamp",
                                                          "LastModifiedTimestamp",
                                                          "QueueArn",
                                                          "ApproximateNumberOfMessagesDelayed",
                                                          "DelaySeconds",
                                                          "ReceiveMessageWaitTimeSeconds",
                                                          "RedrivePolicy",
                                                          "FifoQueue",
                                                          "ContentBasedDeduplication",
                                                          "KmsMasterKeyId",
                                                          "KmsDataKeyReusePeriodSeconds",
                                                          "DeduplicationScope",
                                                          "FifoThroughputLimit",
                                                          "RedriveAllowPolicy",
                                                          "SqsManagedSseEnabled"};

std::string seconds(base::Millis duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(duration).count());
}

}  // namespace

Output::Pairs attributes_of(const Call& call, const Queue& queue) {
  const engine::QueueStatistics counts = call.context.queues.engine().statistics(queue.id);
  const std::uint64_t delayed = std::min(counts.in_window, counts.waiting);
  Output::Pairs out = {
      {"ApproximateNumberOfMessages", std::to_string(counts.waiting - delayed + counts.replaying)},
      {"ApproximateNumberOfMessagesDelayed", std::to_string(delayed + counts.backing_off)},
      {"ApproximateNumberOfMessagesNotVisible", std::to_string(counts.in_flight)},
      {"QueueArn", call.queue_arn(queue)},
  };
  if (queue.definition) {
    for (auto& [name, value] : attributes_of(*queue.definition)) out.emplace_back(name, value);
    out.emplace_back("CreatedTimestamp", std::to_string(queue.definition->created));
    out.emplace_back("LastModifiedTimestamp", std::to_string(queue.definition->modified));
    return out;
  }
  out.emplace_back("DelaySeconds", "0");
  out.emplace_back("MaximumMessageSize", "1048576");
  out.emplace_back("MessageRetentionPeriod", seconds(queue.spec.max_wait));
  out.emplace_back("ReceiveMessageWaitTimeSeconds", "0");
  out.emplace_back("SqsManagedSseEnabled", "false");
  out.emplace_back("VisibilityTimeout", seconds(queue.spec.visibility_timeout));
  if (!queue.fifo()) return out;
  out.emplace_back("FifoQueue", "true");
  out.emplace_back("ContentBasedDeduplication", "false");
  out.emplace_back("DeduplicationScope", "queue");
  out.emplace_back("FifoThroughputLimit", "perQueue");
  return out;
}

namespace {

// Pages of queues by name; `json_name` is what the protocol calls their list.
void answer_page(CallPtr call, std::vector<Queue> queues, std::string_view json_name) {
  Reader reader(call->parameters);
  const auto page = reader.whole("MaxResults", 1, kPageMax, "Must be between 1 and 1000, if provided.");
  const auto after = base::base64url_decode(call->parameters.text("NextToken").value_or(""));
  if (!after) reader.complain({Code::invalid_value, "Value for parameter NextToken is invalid."});
  if (reader.fault()) return call->fail(*reader.fault());
  std::erase_if(queues, [&](const Queue& queue) { return !after->empty() && queue.name() <= *after; });
  std::ranges::sort(queues, {}, &Queue::name);
  const auto most = static_cast<std::size_t>(page.value_or(kPageMax));
  const bool more = queues.size() > most;
  if (more) queues.resize(most);
  call->answer([&](Output& output) {
    std::vector<std::string> urls;
    for (const Queue& queue : queues) urls.push_back(call->queue_url(queue));
    output.texts(json_name, "QueueUrl", urls);
    // Who asks for no pages gets no token, as on AWS.
    if (more && page) output.text("NextToken", base::base64url_encode(queues.back().name()));
  });
}

}  // namespace

void list_queues(CallPtr call) {
  const std::string prefix = call->parameters.text("QueueNamePrefix").value_or("");
  std::vector<Queue> queues = all_queues(call->context);
  std::erase_if(queues, [&](const Queue& queue) { return !queue.name().starts_with(prefix); });
  answer_page(std::move(call), std::move(queues), "QueueUrls");
}

void list_dead_letter_source_queues(CallPtr call) {
  const auto target = queue_of(*call);
  if (!target) return;
  std::vector<Queue> queues = call->context.registry.all();
  std::erase_if(queues, [&](const Queue& queue) {
    const auto policy = queue.definition->redrive_policy();
    return !policy || policy->target != target->name();
  });
  answer_page(std::move(call), std::move(queues), "queueUrls");
}

void get_queue_url(CallPtr call) {
  Reader reader(call->parameters);
  const std::string name = reader.required("QueueName");
  if (reader.fault()) return call->fail(*reader.fault());
  const std::string owner = call->parameters.text("QueueOwnerAWSAccountId").value_or(call->context.account);
  const auto queue = owner == call->context.account ? find_queue(call->context, name) : std::nullopt;
  if (!queue) return call->fail({Code::no_such_queue, "The specified queue does not exist."});
  call->answer([&](Output& output) { output.text("QueueUrl", call->queue_url(*queue)); });
}

void get_queue_attributes(CallPtr call) {
  const auto queue = queue_of(*call);
  if (!queue) return;
  const std::vector<std::string> names = call->parameters.list("AttributeNames");
  for (const std::string& name : names) {
    if (std::ranges::find(kAttributes, name) == kAttributes.end())
      return call->fail({Code::invalid_attribute_name, fmt::format("Unknown Attribute {}.", name)});
  }
  Output::Pairs attributes = attributes_of(*call, *queue);
  const bool all = std::ranges::find(names, "All") != names.end();
  std::erase_if(attributes,
                [&](const auto& each) { return !all && std::ranges::find(names, each.first) == names.end(); });
  call->answer([&](Output& output) { output.map("Attributes", "Attribute", attributes); });
}

void get_caller_identity(CallPtr call) {
  const std::string user = call->access_key_id.empty() ? "anonymous" : call->access_key_id;
  call->answer(
      [&](Output& output) {
        output.text("Arn", fmt::format("arn:aws:iam::{}:user/{}", call->context.account, user));
        output.text("UserId", user);
        output.text("Account", call->context.account);
      },
      kStsNamespace);
}

}  // namespace trunkline::sqs
