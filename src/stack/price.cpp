#include "stack/price.hpp"

#include <fmt/format.h>

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
// What the engine adds to an event in the table and in messages: ids, routes, group, attributes' names.
constexpr std::size_t kRecordBytes = 600;
// The hub polls an empty queue every 20 s.
constexpr double kIdlePolls = 30.4 * 86'400 / 20;

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

// One transaction of the event, two identities and its entry in the outbox; the entry is deleted when all is published.
void add_table(const Spec& spec, const Traffic& traffic, const Sum& sum, std::vector<PriceLine>& to) {
  const double transaction = 2 * (kilobytes(traffic.event_bytes + kRecordBytes) + 2 + 1);
  sum.add(to, "table: event, identities, outbox in a transaction", "dynamodb.write_million", kEvents * transaction,
          kMillion);
  sum.add(to, "table: outbox entry deleted", "dynamodb.write_million", kEvents, kMillion);
  const auto consumers = static_cast<double>(spec.consumers.size());
  sum.add(to, fmt::format("table: fates, {} consumers", spec.consumers.size()), "dynamodb.write_million",
          kEvents * consumers, kMillion);
}

void add_topics(const Spec& spec, const Traffic& traffic, const Sum& sum, std::vector<PriceLine>& to) {
  const auto topics = static_cast<double>(orders_in_use(spec).size());
  const auto consumers = static_cast<double>(spec.consumers.size());
  const auto bytes = static_cast<double>(traffic.event_bytes + kRecordBytes);
  const double calls = kEvents / static_cast<double>(traffic.per_call);
  sum.add(to, fmt::format("SNS: published to {} topics", orders_in_use(spec).size()), "sns.fifo_publish_million",
          calls * topics, kMillion);
  sum.add(to, "SNS: published, GB", "sns.fifo_publish_gb", kEvents * topics * bytes / kGigabyte, 1);
  sum.add(to, "SNS: delivered to queues", "sns.fifo_delivery_million", kEvents * consumers, kMillion);
  sum.add(to, "SNS: delivered, GB", "sns.fifo_delivery_gb", kEvents * consumers * bytes / kGigabyte, 1);
}

void add_queue(const Consumer& consumer, const Traffic& traffic, const Sum& sum, std::vector<PriceLine>& to) {
  const std::size_t bytes = traffic.event_bytes + kRecordBytes;
  const double calls = kEvents / static_cast<double>(traffic.per_call);
  sum.add(to, fmt::format("queue of {}: sent, received, deleted", consumer.name),
          is_fifo(consumer) ? "sqs.fifo_million" : "sqs.standard_million",
          kEvents * chunks(bytes) + calls * (chunks(bytes * traffic.per_call) + 1), kMillion);
}

void add_month(const Spec& spec, const Sum& sum, std::vector<PriceLine>& to) {
  sum.add(to, "alarms", "cloudwatch.alarm_month", static_cast<double>(alarm_count(spec)), 1);
  double standard = static_cast<double>(spec.ingests.size()), fifo = 0;
  if (spec.engine) {
    for (const Consumer& each : spec.consumers) (is_fifo(each) ? fifo : standard) += 1;
  }
  sum.add(to, "one worker's polls of empty standard queues", "sqs.standard_million", standard * kIdlePolls, kMillion);
  if (!spec.engine) return;
  sum.add(to, "one worker's polls of empty FIFO queues", "sqs.fifo_million", fifo * kIdlePolls, kMillion);
  sum.add(to, "each GB in the table", "dynamodb.storage_gb_month", 1, 1);
  sum.add(to, "its point-in-time recovery", "dynamodb.backup_gb_month", 1, 1);
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
  add_ingest(traffic, sum, price.per_thousand);
  if (spec.engine) {
    add_table(spec, traffic, sum, price.per_thousand);
    add_topics(spec, traffic, sum, price.per_thousand);
    for (const Consumer& each : spec.consumers) add_queue(each, traffic, sum, price.per_thousand);
  }
  add_month(spec, sum, price.per_month);
  price.thousand_usd = total(price.per_thousand);
  price.month_usd = total(price.per_month);
  return price;
}

}  // namespace trunkline::stack
