#include "sns/http_sink.hpp"

#include <fmt/format.h>

#include <bit>

#include "base/hash.hpp"
#include "base/log.hpp"
#include "base/uuid.hpp"
#include "sns/dead_letter.hpp"
#include "sns/delivery_policy.hpp"
#include "sqs/sending.hpp"

namespace trunkline::sns {
namespace {

using delivery::BatchVerdict;
using delivery::EventVerdict;
using delivery::Verdict;

// "Preparing your endpoint" in the SNS developer guide.
constexpr base::Millis kTimeout = std::chrono::seconds(15);
constexpr std::size_t kAnswerBytesMax = 4 << 10;  // for the log; nothing else is read of it
constexpr base::Millis kAgain = std::chrono::seconds(1);

net::HttpClientOptions client_options(const HttpSinkOptions& options) {
  net::HttpClientOptions client;
  client.addresses = options.addresses;
  client.ca_file = options.ca_file;
  client.connections_per_host_max = HttpSink::kConcurrency;
  client.idle_connections_max = HttpSink::kConcurrency;
  client.requests_max = HttpSink::kConcurrency + 1;
  client.user_agent = "Amazon Simple Notification Service Agent";  // receivers look for it
  return client;
}

BatchVerdict one(Verdict verdict, std::string error_class = {}, std::string detail = {},
                 std::optional<base::Millis> after = {}) {
  EventVerdict event;
  event.verdict = verdict;
  event.after = after;
  event.error_class = std::move(error_class);
  event.detail = detail.substr(0, 1'024);
  BatchVerdict batch;
  batch.events.push_back(std::move(event));
  return batch;
}

bool permanent(int status) {
  return status >= 400 && status < 500 && status != 429;
}

}  // namespace

// One message on its way. Shared by the callbacks, which must be copyable.
struct HttpSink::Sending {
  engine::LeasedMessage leased;
  base::UniqueFunction<void(BatchVerdict)> done;
  HttpMessage message{};
  TopicPtr topic{};
  std::shared_ptr<const Subscription> subscription{};
};

HttpSink::HttpSink(std::string topic, std::string subscription, net::IoLoop& loop, const Registry& topics,
                   const sqs::Registry& queues, engine::Engine& engine, HttpSinkOptions options,
                   std::atomic<std::uint64_t>& lost)
    : topic_(std::move(topic)),
      subscription_(std::move(subscription)),
      loop_(loop),
      topics_(topics),
      queues_(queues),
      engine_(engine),
      options_(std::move(options)),
      lost_(lost),
      client_(loop, client_options(options_)),
      random_(base::hash64(subscription_)) {}

delivery::SinkLimits HttpSink::limits() const {
  return {};
}

void HttpSink::send(delivery::Batch batch, base::UniqueFunction<void(BatchVerdict)> done) {
  auto sending = std::make_shared<Sending>(Sending{std::move(batch.messages.front()), std::move(done)});
  auto message = decode_http_message(sending->leased.record->event.raw);
  sending->topic = topics_.find(topic_);
  if (sending->topic) {
    const auto found = sending->topic->subscriptions.find(subscription_);
    if (found != sending->topic->subscriptions.end()) sending->subscription = found->second;
  }
  if (!message.ok()) base::log::error("a message for an HTTP endpoint is dropped", "error", message.error().detail);
  const bool wanted = message.ok() && sending->subscription &&
                      // Nobody needs to confirm any more what has been confirmed meanwhile.
                      (message->type != kSubscriptionConfirmation || sending->subscription->stage == Stage::pending);
  if (!wanted) return loop_.post([sending] { sending->done(one(Verdict::delivered)); });
  sending->message = std::move(*message);
  client_.send(request_of(*sending),
               [this, sending](const base::Result<net::ClientResponse>& answer) { answered(sending, answer); });
}

net::ClientRequest HttpSink::request_of(const Sending& sending) const {
  const DeliveryPolicy policy =
      effective_policy(sending.topic->topic.text("DeliveryPolicy"), sending.subscription->text("DeliveryPolicy"));
  net::ClientRequest request;
  request.url = sending.subscription->endpoint;
  request.timeout = kTimeout;
  request.response_bytes_max = kAnswerBytesMax;
  request.headers = {{"x-amz-sns-message-type", sending.message.type},
                     {"x-amz-sns-message-id", sending.message.id},
                     {"x-amz-sns-topic-arn", options_.arn_head + topic_},
                     {"Content-Type", policy.content_type}};
  if (sending.message.type != kSubscriptionConfirmation)
    request.headers.emplace_back("x-amz-sns-subscription-arn",
                                 fmt::format("{}{}:{}", options_.arn_head, topic_, subscription_));
  if (sending.message.raw) request.headers.emplace_back("x-amz-sns-rawdelivery", "true");
  request.body = sending.message.body;
  return request;
}

void HttpSink::answered(const SendingPtr& sending, const base::Result<net::ClientResponse>& answer) {
  if (answer.ok() && answer->status >= 200 && answer->status < 300) return sending->done(one(Verdict::delivered));
  if (!answer.ok() && answer.error().code == base::Errc::overloaded)
    return sending->done(one(Verdict::retry, "client_full", answer.error().detail, kAgain));
  std::string code = answer.ok() ? std::to_string(answer->status) : "EndpointUnreachable";
  std::string detail =
      answer.ok() ? fmt::format("Endpoint returned HTTP status {}.", answer->status) : answer.error().detail;
  const DeliveryPolicy policy =
      effective_policy(sending->topic->topic.text("DeliveryPolicy"), sending->subscription->text("DeliveryPolicy"));
  const auto delay = delay_before(policy, sending->leased.attempts + 1);
  if (!delay || (answer.ok() && permanent(answer->status))) return give_up(sending, std::move(code), std::move(detail));
  sending->done(one(Verdict::rejected, std::move(code), std::move(detail), jittered(*delay, random_)));
}

// Known by its place in the log: a crash between here and the settle makes no second one.
void HttpSink::give_up(const SendingPtr& sending, std::string code, std::string detail) {
  const bool told = sending->message.type == kNotification && !sending->subscription->dead_letter_queue.empty();
  const auto queue = told ? queues_.find(sending->subscription->dead_letter_queue) : std::nullopt;
  if (!queue) return lose(sending, code);
  sqs::SentMessage message;
  message.body = sending->message.body;
  message.attributes = sending->message.attributes;
  message.sender = "sns.amazonaws.com";
  auto dead = dead_letter(std::move(message), {code, std::move(detail)}, base::random_uuid(), *queue);
  if (!dead) return lose(sending, code);
  engine::PublishEntry entry = sqs::publish_entry(*queue, *dead, base::Millis(0), loop_.clock().wall());
  entry.event.envelope_identity.reset();
  entry.event.content_identity =
      base::hash128(fmt::format("sns dead {} {}", queue->id.value, sending->leased.record->sequence.value));
  std::vector<engine::PublishItem> items;
  items.emplace_back(std::move(entry));
  engine_.publish(std::move(items), loop_, [sending](const std::vector<engine::PublishResult>& results) {
    if (results.front().verdict != engine::PublishVerdict::failed) return sending->done(one(Verdict::delivered));
    sending->done(one(Verdict::retry, "dead_letter", "its dead-letter queue takes nothing now", kAgain));
  });
}

// The first of them, then as often as their number doubles.
void HttpSink::lose(const SendingPtr& sending, const std::string& code) {
  const std::uint64_t count = ++lost_;
  if (std::has_single_bit(count))
    base::log::warn("a message reaches no HTTP endpoint and is given up", "topic", topic_, "subscription",
                    subscription_, "type", sending->message.type, "code", code, "so far", count);
  sending->done(one(Verdict::delivered));
}

}  // namespace trunkline::sns
