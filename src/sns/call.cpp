#include "sns/call.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/crypto.hpp"
#include "sqs/work_on.hpp"

namespace trunkline::sns {
namespace {

net::HttpResponse response(const Call& call, int status, std::string body) {
  net::HttpResponse response;
  response.status = status;
  response.headers = {{"Content-Type", "text/xml"}, {"x-amzn-RequestId", call.request_id}};
  response.body = std::move(body);
  return response;
}

std::optional<std::string> required(Call& call, std::string_view parameter) {
  auto value = call.parameters.text(parameter);
  if (value && !value->empty()) return value;
  call.fail(invalid(parameter));
  return std::nullopt;
}

// What stands behind arn:aws:sns:REGION:ACCOUNT: of this hub; empty for an ARN of elsewhere. Nothing when the call has been
// failed, since it is no ARN.
std::optional<std::string> local_part(Call& call, std::string_view parameter) {
  const auto arn = required(call, parameter);
  if (!arn) return std::nullopt;
  const auto elements = std::ranges::count(*arn, ':') + 1;
  if (elements < 6) {
    call.fail(invalid(fmt::format("{} Reason: An ARN must have at least 6 elements, not {}", parameter, elements)));
    return std::nullopt;
  }
  const std::string head = call.context.arn_head("sns");
  return arn->starts_with(head) ? arn->substr(head.size()) : std::string();
}

}  // namespace

std::string Context::arn_head(std::string_view service) const {
  return fmt::format("arn:aws:{}:{}:{}:", service, region, account);
}

void Call::answer(const Write& write) {
  const auto output = sqs::make_output(sqs::Protocol::query, operation, kNamespace, request_id);
  write(*output);
  respond(response(*this, 200, output->finish()));
}

void Call::fail(const Fault& fault) {
  respond(response(*this, row_of(fault.code).status, error_body(fault, request_id)));
}

std::string Call::subscription_arn(const Subscription& subscription) const {
  return fmt::format("{}:{}", topic_arn(subscription.topic), subscription.id);
}

Signature Call::sign(const Topic& topic, std::string_view text) const {
  const auto signer = context.topics.signer();
  if (!signer) return {};
  const int version = topic.signature_version();
  auto value = signer->sign(text, version);
  if (!value.ok()) return {};
  return {version, std::move(*value), origin + signer->path()};
}

std::optional<std::string> topic_name(Call& call, std::string_view parameter) {
  return local_part(call, parameter);
}

TopicPtr topic_of(Call& call, std::string_view parameter) {
  const auto name = topic_name(call, parameter);
  if (!name) return nullptr;
  TopicPtr topic = call.context.topics.find(*name);
  if (!topic) {
    const bool tags = parameter == "ResourceArn";
    call.fail(tags ? Fault{Code::resource_not_found, "Resource does not exist"}
                   : Fault{Code::not_found, "Topic does not exist"});
  }
  return topic;
}

std::optional<SubscriptionPlace> subscription_place(Call& call) {
  const auto local = local_part(call, "SubscriptionArn");
  if (!local) return std::nullopt;
  const std::size_t colon = local->find(':');
  if (colon == std::string::npos) {
    if (local->empty()) {
      call.fail({Code::not_found, "Subscription does not exist"});
    } else {
      call.fail(invalid("SubscriptionId"));
    }
    return std::nullopt;
  }
  return SubscriptionPlace{local->substr(0, colon), local->substr(colon + 1)};
}

void work(CallPtr call, std::function<Outcome(Call& call)> run) {
  const sqs::Work& post = call->context.work;
  sqs::work_on(post, std::move(call),
               Fault{Code::service_unavailable, "Too many changes of topics are waiting, or the hub is stopping."},
               std::move(run));
}

Outcome outcome_of(const Registry::Outcome& changed, Call::Write write) {
  if (!changed.ok()) return {fault_of(changed.error())};
  if (*changed) return {*changed};
  return {{}, std::move(write)};
}

Texts texts_of(const sqs::Parameters& parameters, std::string_view list, std::string_view key, std::string_view value) {
  Texts out;
  for (const std::uint32_t place : parameters.places(list)) {
    if (auto name = parameters.text(fmt::format("{}.{}.{}", list, place, key)))
      out[*name] = parameters.text(fmt::format("{}.{}.{}", list, place, value)).value_or("");
  }
  return out;
}

std::string next_token(std::string_view last) {
  return base::base64url_encode(last);
}

std::optional<std::string> after_token(Call& call) {
  const auto token = call.parameters.text("NextToken");
  if (!token || token->empty()) return std::string();
  auto decoded = base::base64url_decode(*token);
  if (!decoded) call.fail(invalid("NextToken"));
  return decoded;
}

}  // namespace trunkline::sns
