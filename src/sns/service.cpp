#include "sns/service.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/uuid.hpp"
#include "sns/operations.hpp"

namespace trunkline::sns {
namespace {

using Handler = void (*)(CallPtr call);
struct Operation {
  std::string_view name;
  Handler handler;
};
constexpr std::array kOperations = {
    Operation{"AddPermission", add_permission},
    Operation{"ConfirmSubscription", confirm_subscription},
    Operation{"CreateTopic", create_topic},
    Operation{"DeleteTopic", delete_topic},
    Operation{"GetSubscriptionAttributes", get_subscription_attributes},
    Operation{"GetTopicAttributes", get_topic_attributes},
    Operation{"ListSubscriptions", list_subscriptions},
    Operation{"ListSubscriptionsByTopic", list_subscriptions_by_topic},
    Operation{"ListTagsForResource", list_tags_for_resource},
    Operation{"ListTopics", list_topics},
    Operation{"Publish", publish},
    Operation{"PublishBatch", publish_batch},
    Operation{"RemovePermission", remove_permission},
    Operation{"SetSubscriptionAttributes", set_subscription_attributes},
    Operation{"SetTopicAttributes", set_topic_attributes},
    Operation{"Subscribe", subscribe},
    Operation{"TagResource", tag_resource},
    Operation{"Unsubscribe", unsubscribe},
    Operation{"UntagResource", untag_resource},
};
constexpr std::string_view kVersion = "Version=2010-03-31";
constexpr std::string_view kCertificatePath = "/SimpleNotificationService-";

bool has_version(std::string_view form) {
  for (std::size_t at = form.find(kVersion); at != std::string_view::npos; at = form.find(kVersion, at + 1)) {
    const std::size_t end = at + kVersion.size();
    if ((at == 0 || form[at - 1] == '&') && (end == form.size() || form[end] == '&')) return true;
  }
  return false;
}

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

// Fills in what the request says; a fault where it cannot be read.
std::optional<Fault> read(const net::HttpRequest& request, Call& call) {
  if (!request.body_error.empty()) return invalid("The request cannot be read: " + request.body_error);
  auto fault = request.method == "POST" ? sqs::Parameters::read_form(request.body, call.parameters) : std::nullopt;
  if (!fault) fault = sqs::Parameters::read_form(request.query, call.parameters);
  if (fault) return invalid(fault->message);
  call.operation = call.parameters.text("Action").value_or("");
  return std::nullopt;
}

}  // namespace

Service::Service(Registry& topics, const sqs::Registry& queues, engine::Engine& engine, HttpDeliveries& deliveries,
                 base::Loop& engine_loop, sqs::Work work, ReadRecord read_record, FindIdentity find_identity,
                 ServiceOptions options, const base::Clock& clock)
    : options_(std::move(options)),
      context_(new Context{topics, queues, engine, std::move(work), std::move(read_record), std::move(find_identity),
                           clock, options_.region, options_.account, deliveries, engine_loop}) {}
Service::~Service() = default;

bool Service::owns(const net::HttpRequest& request) {
  if (request.method == "GET" && request.path.starts_with(kCertificatePath)) return true;
  if (request.header("X-Amz-Target")) return false;
  const auto authorization = request.header("Authorization");
  if (authorization && authorization->find("/aws4_request") != std::string_view::npos)
    return authorization->find("/sns/aws4_request") != std::string_view::npos;
  return has_version(request.query) || (request.method == "POST" && has_version(request.body));
}

// What an endpoint's owner does by the URLs of messages is not signed; the operations say what they let pass then.
std::optional<Fault> Service::authenticate(const net::HttpRequest& request, Call& call) const {
  const net::AwsSignatureCheck check = options_.keys.check(request, "sns", options_.region, context_->clock.wall());
  // Where signatures are not looked at, a call of a client is taken for its owner's; a link that is followed is not.
  call.authenticated = !check.fault && (request.header("Authorization").has_value() || request.method == "POST");
  const bool by_url = call.operation == "ConfirmSubscription" || call.operation == "Unsubscribe";
  if (by_url && check.fault == net::AwsSignatureFault::absent) return std::nullopt;
  if (check.fault) return fault_of(check);
  return std::nullopt;
}

// For everybody: what is signed is to be checked by whoever has it.
net::HttpResponse Service::certificate(const net::HttpRequest& request) const {
  net::HttpResponse response;
  const auto signer = context_->topics.signer();
  if (!signer || request.path != signer->path()) {
    response.status = 404;
    return response;
  }
  response.headers = {{"Content-Type", "application/x-pem-file"}};
  response.body = signer->certificate();
  return response;
}

void Service::handle(net::IoLoop& loop, const net::HttpRequest& request, net::Responder respond) {
  if (request.method == "GET" && request.path.starts_with(kCertificatePath)) return respond(certificate(request));
  auto call = std::make_unique<Call>(Call{*context_, loop, std::move(respond)});
  call->request_id = base::random_uuid();
  call->origin = request.origin();
  if (const auto fault = read(request, *call)) return call->fail(*fault);
  if (const auto fault = authenticate(request, *call)) return call->fail(*fault);
  const auto found = std::ranges::find(kOperations, call->operation, &Operation::name);
  if (found == kOperations.end())
    return call->fail({Code::invalid_action, fmt::format("Operation {} is not there.", call->operation)});
  found->handler(std::move(call));
}

}  // namespace trunkline::sns
