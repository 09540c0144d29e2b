#include "stack/price.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "json/document.hpp"
#include "json/writer.hpp"
#include "stack/alarms.hpp"

namespace trunkline::stack {
namespace {

using base::Errc;
using base::Result;

constexpr double kEvents = 1'000;
constexpr double kMillion = 1e6;
constexpr double kGigabyte = 1e9;
constexpr std::size_t kChunk = 64 << 10;  // that SQS and EventBridge count by
// What the engine adds to an event in the table, and in messages, where it is text: identities, ids, routes, group, attributes'
// names; measured with events of conversations (bench/run --rows 10).
constexpr std::size_t kRecordBytes = 700;
constexpr std::size_t kMessageBytes = 900;
constexpr double kMonthSeconds = 30.4 * 86'400;
// The hub polls an empty queue every 20 s, and reads the 16 shards of each topic's outbox, and as many for what goes to single
// queues, every 10 s.
constexpr double kIdlePolls = kMonthSeconds / 20;
constexpr double kIdleReads = 16 * kMonthSeconds / 10;

// Lambda's pollers of a queue begin with five, as one of FIFO and standard queues alike.
constexpr double kPollersOfLambda = 5;
constexpr double kMinutesOfMonth = 30.4 * 86'400 / 60;
// A scheduled invocation reads an item of the table, or the outbox.
constexpr double kScheduledMs = 30;
// What an invocation logs: three lines of Lambda's and one of metrics.
constexpr double kLogBytes = 900;
constexpr double kIngestMetrics = 6;
constexpr double kDeliveryMetrics = 5;

double chunks(std::size_t bytes) {
  return std::max(1.0, std::ceil(static_cast<double>(bytes) / kChunk));
}
double kilobytes(std::size_t bytes) {
  return std::max(1.0, std::ceil(static_cast<double>(bytes) / 1'024));
}

class Sum {
 public:
  explicit Sum(const Prices& prices) : prices_(prices) {}

  // `per` units have the price of that name.
  void add(std::vector<PriceLine>& to, std::string what, std::string_view price, double units, double per) const {
    const auto found = prices_.usd.find(price);
    const double each = found == prices_.usd.end() ? 0 : found->second;
    to.push_back({std::move(what), std::string(price), units, units / per * each});
  }

 private:
  const Prices& prices_;
};

void add_ingest(const Traffic& traffic, const Sum& sum, std::vector<PriceLine>& to) {
  const double size = chunks(traffic.event_bytes);
  const double calls = kEvents / static_cast<double>(traffic.per_call);
  sum.add(to, "EventBridge: events of a partner", "eventbridge.partner_million", kEvents * size, kMillion);
  sum.add(to, "ingest queue: EventBridge sends", "sqs.standard_million", kEvents * size, kMillion);
  sum.add(to, "ingest queue: received and deleted", "sqs.standard_million",
          calls * (chunks(traffic.event_bytes * traffic.per_call) + 1), kMillion);
}

// One transaction of the event, two identities and an entry in the outbox for each topic; an entry is deleted when it is
// published. Reads are consistent: a unit for each key that is asked for, and for each begun 4 KB of the outbox, of which
// there is less.
void add_table(const Spec& spec, const Traffic& traffic, const Sum& sum, std::vector<PriceLine>& to) {
  const auto topics = static_cast<double>(orders_in_use(spec).size());
  const double transaction = 2 * (kilobytes(traffic.event_bytes + kRecordBytes) + 2 + topics);
  sum.add(to, "table: event, identities, outbox in a transaction", "dynamodb.write_million", kEvents * transaction,
          kMillion);
  sum.add(to, "table: outbox entries deleted", "dynamodb.write_million", kEvents * topics, kMillion);
  const auto consumers = static_cast<double>(spec.consumers.size());
  const auto fifo = static_cast<double>(std::ranges::count_if(spec.consumers, is_fifo));
  sum.add(to, fmt::format("table: fates, {} consumers", spec.consumers.size()), "dynamodb.write_million",
          kEvents * consumers, kMillion);
  sum.add(to, "table: outbox read before it is published", "dynamodb.read_million",
          kEvents / static_cast<double>(traffic.per_call) * topics, kMillion);
  // Of an ordered consumer the event and its lane.
  sum.add(to, "table: what has become of received events", "dynamodb.read_million", kEvents * (consumers + fifo),
          kMillion);
}

void add_topics(const Spec& spec, const Traffic& traffic, const Sum& sum, std::vector<PriceLine>& to) {
  const auto topics = static_cast<double>(orders_in_use(spec).size());
  const auto consumers = static_cast<double>(spec.consumers.size());
  const auto bytes = static_cast<double>(traffic.event_bytes + kMessageBytes);
  const double calls = kEvents / static_cast<double>(traffic.per_call);
  sum.add(to, fmt::format("SNS: published to {} topics", orders_in_use(spec).size()), "sns.fifo_publish_million",
          calls * topics, kMillion);
  sum.add(to, "SNS: published, GB", "sns.fifo_publish_gb", kEvents * topics * bytes / kGigabyte, 1);
  sum.add(to, "SNS: delivered to queues", "sns.fifo_delivery_million", kEvents * consumers, kMillion);
  sum.add(to, "SNS: delivered, GB", "sns.fifo_delivery_gb", kEvents * consumers * bytes / kGigabyte, 1);
}

void add_queue(const Consumer& consumer, const Traffic& traffic, const Sum& sum, std::vector<PriceLine>& to) {
  const std::size_t bytes = traffic.event_bytes + kMessageBytes;
  const double calls = kEvents / static_cast<double>(traffic.per_call);
  sum.add(to, fmt::format("queue of {}: sent, received, deleted", consumer.name),
          is_fifo(consumer) ? "sqs.fifo_million" : "sqs.standard_million",
          kEvents * chunks(bytes) + calls * (chunks(bytes * traffic.per_call) + 1), kMillion);
}

// What `invocations` cost that last so long each.
void add_invocations(const Spec& spec, const std::string& of, double invocations, double ms, const Sum& sum,
                     std::vector<PriceLine>& to) {
  sum.add(to, of + ": invocations", "lambda.request_million", invocations, kMillion);
  const double gb_seconds = invocations * ms / 1'000 * static_cast<double>(spec.functions.memory_mib) / 1'024;
  const bool arm = spec.functions.architecture == "arm64";
  sum.add(to, of + ": GB-seconds", arm ? "lambda.arm_gb_second_million" : "lambda.gb_second_million", gb_seconds,
          kMillion);
  sum.add(to, of + ": GB of its log", "cloudwatch.logs_gb", invocations * kLogBytes / kGigabyte, 1);
}

void add_functions(const Spec& spec, const Traffic& traffic, const Sum& sum, std::vector<PriceLine>& to) {
  const auto ms = static_cast<double>(traffic.function_ms);
  const auto per_call = static_cast<double>(traffic.per_call);
  const bool takes = std::ranges::any_of(spec.ingests, [](const Ingest& each) { return each.function; });
  if (takes) add_invocations(spec, "function of ingest", kEvents / per_call, ms, sum, to);
  for (const Consumer& each : spec.consumers) {
    if (!each.function) continue;
    const double batch = std::min(per_call, static_cast<double>(each.function->batch));
    add_invocations(spec, "function of " + each.name, kEvents / batch, ms, sum, to);
  }
}

// Without any event: a sweep or a probe a minute, pollers, and what each metric costs.
void add_functions_month(const Spec& spec, const Sum& sum, std::vector<PriceLine>& to) {
  double taking = 0, delivering = 0, standard = 0, fifo = 0;
  for (const Ingest& each : spec.ingests) taking += each.function ? 1 : 0;
  for (const Consumer& each : spec.consumers) {
    if (!each.function) continue;
    ++delivering;
    (is_fifo(each) ? fifo : standard) += 1;
  }
  if (taking + delivering == 0) return;
  const double scheduled = (taking > 0 ? 1 : 0) + delivering;
  add_invocations(spec, "every minute", scheduled * kMinutesOfMonth, kScheduledMs, sum, to);
  sum.add(to, "Lambda's polls of empty standard queues", "sqs.standard_million",
          (taking + standard) * kPollersOfLambda * kIdlePolls, kMillion);
  sum.add(to, "Lambda's polls of empty FIFO queues", "sqs.fifo_million", fifo * kPollersOfLambda * kIdlePolls,
          kMillion);
  sum.add(to, "metrics that functions log", "cloudwatch.metric_month",
          taking * kIngestMetrics + delivering * kDeliveryMetrics, 1);
}

// Queues that no function reads are a worker's.
void add_month(const Spec& spec, const Sum& sum, std::vector<PriceLine>& to) {
  sum.add(to, "alarms", "cloudwatch.alarm_month", static_cast<double>(alarm_count(spec)), 1);
  double standard = 0, fifo = 0;
  for (const Ingest& each : spec.ingests) standard += each.function ? 0 : 1;
  if (spec.engine) {
    for (const Consumer& each : spec.consumers) (is_fifo(each) ? fifo : standard) += each.function ? 0 : 1;
  }
  sum.add(to, "one worker's polls of empty standard queues", "sqs.standard_million", standard * kIdlePolls, kMillion);
  if (!spec.engine) return;
  sum.add(to, "one worker's polls of empty FIFO queues", "sqs.fifo_million", fifo * kIdlePolls, kMillion);
  sum.add(to, "one worker's looks into the outbox", "dynamodb.read_million",
          static_cast<double>(orders_in_use(spec).size() + 1) * kIdleReads, kMillion);
  sum.add(to, "each GB in the table", "dynamodb.storage_gb_month", 1, 1);
  sum.add(to, "its point-in-time recovery", "dynamodb.backup_gb_month", 1, 1);
  add_functions_month(spec, sum, to);
}

double total(const std::vector<PriceLine>& lines) {
  double sum = 0;
  for (const PriceLine& each : lines) sum += each.usd;
  return sum;
}

}  // namespace

Result<Prices> read_prices(std::string_view text) {
  json::Document document;
  const auto root = document.parse(text);
  if (!root.ok()) return {Errc::invalid, fmt::format("no JSON: {}", root.error().detail)};
  Prices prices;
  prices.region = root->string_at("region");
  prices.as_of = root->string_at("as_of");
  prices.source = root->string_at("source");
  prices.usd = built_in_prices().usd;
  const auto usd = root->find("usd");
  if (prices.region.empty() || prices.as_of.empty() || !usd || !usd->is(json::Type::object))
    return {Errc::invalid, "it needs region, as_of and usd, as `trunkline aws plan --json` prints them in prices"};
  for (auto each = usd->first(); each; each = each->next()) {
    const auto known = prices.usd.find(each->name());
    if (known == prices.usd.end()) return {Errc::invalid, fmt::format("usd: there is no price '{}'", each->name())};
    const auto value = each->number();
    if (!value || *value < 0) return {Errc::invalid, fmt::format("usd.{}: no price", each->name())};
    known->second = *value;
  }
  return prices;
}

std::string to_json(const Prices& prices) {
  std::string text;
  json::Writer out(text);
  out.begin_object().member("region", prices.region).member("as_of", prices.as_of).member("source", prices.source);
  out.key("usd").begin_object();
  for (const auto& [name, value] : prices.usd) out.key(name).number(value);
  out.end_object().end_object();
  return text;
}

Price price_of(const Spec& spec, const Traffic& traffic, const Prices& prices) {
  Price price;
  const Sum sum(prices);
  if (!spec.ingests.empty()) add_ingest(traffic, sum, price.per_thousand);
  if (spec.engine) {
    add_table(spec, traffic, sum, price.per_thousand);
    add_topics(spec, traffic, sum, price.per_thousand);
    for (const Consumer& each : spec.consumers) add_queue(each, traffic, sum, price.per_thousand);
    add_functions(spec, traffic, sum, price.per_thousand);
  }
  add_month(spec, sum, price.per_month);
  price.thousand_usd = total(price.per_thousand);
  price.month_usd = total(price.per_month);
  return price;
}

}  // namespace trunkline::stack
