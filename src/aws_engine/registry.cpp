#include "aws_engine/registry.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "aws/answers.hpp"
#include "aws_engine/codec.hpp"
#include "aws_engine/outbox.hpp"
#include "base/log.hpp"

namespace trunkline::aws_engine {
namespace {

using base::Errc;
using base::Error;
using base::Result;
using event::Order;

constexpr std::string_view kRetention = "1209600";  // 14 days, SQS's longest
constexpr std::string_view kReceivesMax = "1000";   // SQS's most: the last net, see the header
constexpr std::size_t kNameMax = 40;                // of a queue's own name within SQS's 80
constexpr std::size_t kPageMax = 1'000;
constexpr std::size_t kLettersMax = 1'000;  // pages of dead letters that a removal deletes

std::string text_of(std::string_view body, std::string_view member) {
  json::Document document;
  const auto parsed = document.parse(body);
  return parsed.ok() ? std::string(parsed->string_at(member)) : std::string();
}

}  // namespace

Result<void> Registry::create_table() {
  std::string body;
  json::Writer out(body);
  out.begin_object().member("TableName", cloud_.table()).member("BillingMode", "PAY_PER_REQUEST");
  out.key("AttributeDefinitions")
      .raw(R"([{"AttributeName":"pk","AttributeType":"S"},{"AttributeName":"sk","AttributeType":"S"}])");
  out.key("KeySchema").raw(R"([{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"sk","KeyType":"RANGE"}])");
  out.end_object();
  const auto created = cloud_.call_wait(Service::dynamodb, "CreateTable", std::move(body));
  if (!created.ok() && created.error().detail.find("ResourceInUseException") == std::string::npos)
    return created.error();
  return {};
}

Result<std::vector<engine::QueueSpec>> Registry::list() {
  std::vector<engine::QueueSpec> specs;
  QueryRequest query{"reg", "q#", "q#\xf4\x8f\xbf\xbf", kPageMax, false, {}, {}, {}};
  for (;;) {
    TRUNKLINE_TRY(const QueryPage page, cloud_.query_wait(query));
    for (const Item& item : page.items) {
      engine::QueueSpec spec;
      spec.name = item.text("sk").substr(2);
      spec.order = event::parse_order(item.text("e_order")).value_or(Order::none);
      specs.push_back(std::move(spec));
    }
    if (!page.next) return specs;
    query.start = page.next;
  }
}

// Its item; made with a number of its own where there is none.
Result<Item> Registry::registered(const engine::QueueSpec& spec) {
  TRUNKLINE_TRY(auto known, cloud_.get_wait(registry_key(spec.name)));
  if (known) return std::move(*known);
  Write count{WriteKind::update, Item("reg", "counter"), "ADD e_last :one", {}, {}};
  count.values.number(":one", 1);
  TRUNKLINE_TRY(const Item counter, cloud_.write_wait(count));
  Item item = registry_key(spec.name);
  item.number("e_id", counter.number("e_last")).text("e_order", event::name(spec.order));
  const auto written = cloud_.write_wait({WriteKind::put, item, {}, "attribute_not_exists(pk)", {}});
  if (written.ok()) return item;
  if (written.error().code != Errc::conflict) return written.error();
  // Another worker was quicker; or this write was made and its answer lost.
  TRUNKLINE_TRY(known, cloud_.get_wait(registry_key(spec.name)));
  if (!known) return {Errc::unavailable, "the queue is made and removed at the same time"};
  return std::move(*known);
}

std::string Registry::queue_name(base::QueueId id, const engine::QueueSpec& spec) const {
  std::string name = spec.name.substr(0, kNameMax);
  std::ranges::replace_if(
      name, [](char c) { return !(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z'); }, '-');
  return fmt::format("{}-{}-{}", prefix_, id.value, name);
}

Result<std::string> Registry::create_queue(const std::string& name, bool fifo, const std::string& dead_letter_arn) {
  std::string body;
  json::Writer out(body);
  out.begin_object().member("QueueName", name + (fifo ? ".fifo" : "")).key("Attributes").begin_object();
  out.member("MessageRetentionPeriod", kRetention);
  if (fifo) {
    out.member("FifoQueue", "true").member("DeduplicationScope", "messageGroup");
    out.member("FifoThroughputLimit", "perMessageGroupId");
  }
  if (!dead_letter_arn.empty()) {
    out.member("RedrivePolicy",
               fmt::format(R"({{"deadLetterTargetArn":"{}","maxReceiveCount":"{}"}})", dead_letter_arn, kReceivesMax));
  }
  out.end_object().end_object();
  TRUNKLINE_TRY(const std::string answer, cloud_.call_wait(Service::sqs, "CreateQueue", std::move(body)));
  std::string url = text_of(answer, "QueueUrl");
  if (url.empty()) return {Errc::unavailable, "CreateQueue: no QueueUrl"};
  return url;
}

Result<std::string> Registry::queue_arn(const std::string& url) {
  std::string body;
  json::Writer out(body);
  out.begin_object().member("QueueUrl", url).key("AttributeNames").begin_array().string("QueueArn");
  out.end_array().end_object();
  TRUNKLINE_TRY(const std::string answer, cloud_.call_wait(Service::sqs, "GetQueueAttributes", std::move(body)));
  json::Document document;
  const auto parsed = document.parse(answer);
  const auto attributes = parsed.ok() ? parsed->find("Attributes") : std::nullopt;
  if (!attributes || attributes->string_at("QueueArn").empty())
    return {Errc::unavailable, "GetQueueAttributes: no QueueArn"};
  return std::string(attributes->string_at("QueueArn"));
}

Result<std::string> Registry::create_topic(Order order) {
  const Form form = {{"Name", fmt::format("{}-{}.fifo", prefix_, event::name(order))},
                     {"Attributes.entry.1.key", "FifoTopic"},
                     {"Attributes.entry.1.value", "true"},
                     {"Attributes.entry.2.key", "FifoThroughputScope"},
                     {"Attributes.entry.2.value", "MessageGroup"}};
  TRUNKLINE_TRY(const std::string answer, cloud_.query_sns_wait("CreateTopic", form));
  auto arn = aws::xml_text(answer, "TopicArn");
  if (!arn) return {Errc::unavailable, "CreateTopic: no TopicArn"};
  return std::move(*arn);
}

// The topic may send to the queue.
Result<void> Registry::allow(const QueueInfo& queue) {
  std::string policy;
  json::Writer p(policy);
  p.begin_object().member("Version", "2012-10-17").key("Statement").begin_array().begin_object();
  p.member("Effect", "Allow").key("Principal").begin_object().member("Service", "sns.amazonaws.com").end_object();
  p.member("Action", "sqs:SendMessage").member("Resource", queue.arn).key("Condition").begin_object();
  p.key("ArnEquals").begin_object().member("aws:SourceArn", queue.topic).end_object().end_object();
  p.end_object().end_array().end_object();
  std::string body;
  json::Writer out(body);
  out.begin_object().member("QueueUrl", queue.url).key("Attributes").begin_object();
  out.member("Policy", policy).end_object().end_object();
  const auto answer = cloud_.call_wait(Service::sqs, "SetQueueAttributes", std::move(body));
  if (!answer.ok()) return answer.error();
  return {};
}

Result<std::string> Registry::subscribe(const QueueInfo& queue) {
  const Form form = {{"TopicArn", queue.topic},
                     {"Protocol", "sqs"},
                     {"Endpoint", queue.arn},
                     {"ReturnSubscriptionArn", "true"},
                     {"Attributes.entry.1.key", "RawMessageDelivery"},
                     {"Attributes.entry.1.value", "true"},
                     {"Attributes.entry.2.key", "FilterPolicy"},
                     {"Attributes.entry.2.value", fmt::format(R"({{"routes":["{}"]}})", route_name(queue.id))}};
  TRUNKLINE_TRY(const std::string answer, cloud_.query_sns_wait("Subscribe", form));
  auto arn = aws::xml_text(answer, "SubscriptionArn");
  if (!arn) return {Errc::unavailable, "Subscribe: no SubscriptionArn"};
  return std::move(*arn);
}

Result<QueueInfo> Registry::declare(const engine::QueueSpec& spec) {
  if (spec.event_time_window.count() != 0)
    return {Errc::unsupported, "SQS keeps the order of arrival: the AWS engine has no event-time windows"};
  const std::scoped_lock lock(mutex_);
  TRUNKLINE_TRY(Item item, registered(spec));
  QueueInfo queue;
  queue.id = {static_cast<std::uint32_t>(item.number("e_id"))};
  queue.spec = spec;
  if (item.text("e_order") != event::name(spec.order)) {
    return {Errc::conflict, fmt::format("queue {} has order {}, which an SQS queue cannot change: remove it, or give "
                                        "the consumer another name",
                                        spec.name, item.text("e_order"))};
  }
  queue.url = item.text("e_url");
  queue.arn = item.text("e_arn");
  queue.topic = item.text("e_topic");
  queue.subscription = item.text("e_subscription");
  queue.subscribed = wall(item.number("e_subscribed"));
  if (!queue.subscription.empty()) return queue;
  const bool fifo = spec.order != Order::none;
  const std::string name = queue_name(queue.id, spec);
  TRUNKLINE_TRY(const std::string net, create_queue(name + "-net", fifo, {}));
  TRUNKLINE_TRY(const std::string net_arn, queue_arn(net));
  TRUNKLINE_TRY(queue.url, create_queue(name, fifo, net_arn));
  TRUNKLINE_TRY(queue.arn, queue_arn(queue.url));
  TRUNKLINE_TRY(queue.topic, create_topic(topic_order(spec.order)));
  TRUNKLINE_TRY_VOID(allow(queue));
  TRUNKLINE_TRY(queue.subscription, subscribe(queue));
  queue.subscribed = cloud_.loop().clock().wall();
  item.text("e_url", queue.url).text("e_arn", queue.arn).text("e_topic", queue.topic);
  item.text("e_net", net).text("e_subscription", queue.subscription);
  item.number("e_subscribed", millis(queue.subscribed));
  // What has been removed meanwhile must not come back.
  Write write{WriteKind::put, std::move(item), {}, "e_id = :id", {}};
  write.values.number(":id", queue.id.value);
  const auto written = cloud_.write_wait(write);
  if (!written.ok()) return written.error();
  return queue;
}

// First its name, so that it is not taken over; then what it was. What a worker that dies here leaves behind costs little
// and has a number that nobody uses.
Result<void> Registry::remove(const QueueInfo& queue) {
  const std::scoped_lock lock(mutex_);
  TRUNKLINE_TRY(const auto known, cloud_.get_wait(registry_key(queue.spec.name)));
  if (!known || known->number("e_id") != queue.id.value)
    return {Errc::not_found, fmt::format("there is no queue {}", queue.spec.name)};
  Write write{WriteKind::remove, registry_key(queue.spec.name), {}, "e_id = :id", {}};
  write.values.number(":id", queue.id.value);
  const auto removed = cloud_.write_wait(write);
  if (!removed.ok() && removed.error().code != Errc::conflict) return removed.error();
  const auto tried = [&](const Result<std::string>& answer) {
    if (!answer.ok())
      base::log::warn("a part of a removed queue is left", "queue", queue.url, "error", answer.error().detail);
  };
  tried(cloud_.query_sns_wait("Unsubscribe", {{"SubscriptionArn", queue.subscription}}));
  for (const std::string& url : {queue.url, known->text("e_net")}) {
    std::string body;
    json::Writer(body).begin_object().member("QueueUrl", url).end_object();
    tried(cloud_.call_wait(Service::sqs, "DeleteQueue", std::move(body)));
  }
  for (std::size_t page = 0; page < kLettersMax; ++page) {
    const auto letters = cloud_.query_wait({dead_letter_pk(queue.id), {}, {}, 100, false, {}, {}, {}});
    if (!letters.ok() || letters->items.empty()) break;
    for (const Item& letter : letters->items)
      (void)cloud_.write_wait({WriteKind::remove, Item(letter.text("pk"), letter.text("sk")), {}, {}, {}});
  }
  return {};
}

}  // namespace trunkline::aws_engine
