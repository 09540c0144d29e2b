#include "stack/price.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stack/spec_testing.hpp"

namespace trunkline::stack {
namespace {

using testing::HasSubstr;

const PriceLine& line(const std::vector<PriceLine>& lines, std::string_view what) {
  for (const PriceLine& each : lines) {
    if (each.what.find(what) != std::string::npos) return each;
  }
  ADD_FAILURE() << "no line " << what;
  return lines.front();
}

TEST(Price, counts_the_calls_of_a_thousand_events) {
  const Spec spec = sample_spec();
  const Price price = price_of(spec, {2'048, 10}, built_in_prices());
  EXPECT_DOUBLE_EQ(line(price.per_thousand, "EventBridge: events").calls, 1'000);
  EXPECT_DOUBLE_EQ(line(price.per_thousand, "received and deleted").calls, 200);
  // 3 KB with what the engine adds, two identities and an entry of the outbox for each topic, each twice in a transaction.
  EXPECT_DOUBLE_EQ(line(price.per_thousand, "in a transaction").calls, 14'000);
  EXPECT_DOUBLE_EQ(line(price.per_thousand, "entries deleted").calls, 2'000);
  EXPECT_DOUBLE_EQ(line(price.per_thousand, "read before").calls, 200);
  // Two keys for each of the three ordered ones.
  EXPECT_DOUBLE_EQ(line(price.per_thousand, "has become of").calls, 7'000);
  EXPECT_DOUBLE_EQ(line(price.per_thousand, "fates, 4 consumers").calls, 4'000);
  EXPECT_DOUBLE_EQ(line(price.per_thousand, "published to 2 topics").calls, 200);
  EXPECT_DOUBLE_EQ(line(price.per_thousand, "queue of crm-main").calls, 1'200);
  EXPECT_EQ(line(price.per_thousand, "queue of siem").price, "sqs.standard_million");
  double sum = 0;
  for (const PriceLine& each : price.per_thousand) sum += each.usd;
  EXPECT_DOUBLE_EQ(price.thousand_usd, sum);
}

TEST(Price, grows_with_what_aws_counts_by) {
  const Spec spec = sample_spec();
  const auto calls = [&](std::size_t bytes, std::size_t per_call, std::string_view what) {
    return line(price_of(spec, {bytes, per_call}, built_in_prices()).per_thousand, what).calls;
  };
  EXPECT_DOUBLE_EQ(calls(64 << 10, 1, "EventBridge: events"), 1'000);
  EXPECT_DOUBLE_EQ(calls((64 << 10) + 1, 1, "EventBridge: events"), 2'000);
  EXPECT_DOUBLE_EQ(calls(1'024, 1, "published to"), 2'000);
  EXPECT_DOUBLE_EQ(calls(1'024, 1, "queue of wfm"), 3'000);
}

TEST(Price, of_functions_has_their_invocations_and_how_long_they_last) {
  const Spec spec = sample_functions_spec();
  const Price price = price_of(spec, {2'048, 10, 100}, built_in_prices());
  EXPECT_DOUBLE_EQ(line(price.per_thousand, "function of ingest: invocations").calls, 100);
  EXPECT_DOUBLE_EQ(line(price.per_thousand, "function of ingest: GB-seconds").calls, 100 * 0.1 * 0.5);
  EXPECT_EQ(line(price.per_thousand, "function of ingest: GB-seconds").price, "lambda.arm_gb_second_million");
  // Its mapping has five at a time.
  EXPECT_DOUBLE_EQ(line(price.per_thousand, "function of dashboard: invocations").calls, 200);
  EXPECT_DOUBLE_EQ(line(price.per_month, "every minute: invocations").calls, 4 * 43'776);
  EXPECT_DOUBLE_EQ(line(price.per_month, "metrics that functions log").calls, 6 + 3 * 5);
  // What no function reads a worker polls.
  EXPECT_DOUBLE_EQ(line(price.per_month, "worker's polls of empty standard").calls, 0);
  EXPECT_DOUBLE_EQ(line(price.per_month, "Lambda's polls of empty standard").calls, 2 * 5 * 131'328);
  for (const PriceLine& each : price_of(sample_spec(), {}, built_in_prices()).per_thousand)
    EXPECT_EQ(each.price.find("lambda"), std::string::npos);
}

TEST(Price, of_a_hub_with_a_store_of_its_own_is_that_of_the_ingest_queue) {
  Spec spec = sample_spec();
  spec.engine = false;
  const Price price = price_of(spec, {}, built_in_prices());
  EXPECT_EQ(price.per_thousand.size(), 3U);
  EXPECT_DOUBLE_EQ(line(price.per_month, "alarms").calls, 5);
}

TEST(Prices, are_overridden_by_those_of_a_region) {
  const auto read = read_prices(R"({"region":"eu-central-1","as_of":"2026-11-01","usd":{"sqs.fifo_million":5}})");
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->region, "eu-central-1");
  const Spec spec = sample_spec();
  const auto usd = [&](const Prices& prices, std::string_view what) {
    return line(price_of(spec, {}, prices).per_thousand, what).usd;
  };
  EXPECT_DOUBLE_EQ(usd(*read, "queue of wfm"), 10 * usd(built_in_prices(), "queue of wfm"));
  EXPECT_DOUBLE_EQ(usd(*read, "EventBridge"), usd(built_in_prices(), "EventBridge"));
  const auto again = read_prices(to_json(*read));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->usd, read->usd);
}

TEST(Prices, that_are_none_say_why) {
  EXPECT_THAT(read_prices("[").error().detail, HasSubstr("no JSON"));
  EXPECT_THAT(read_prices("{}").error().detail, HasSubstr("region, as_of and usd"));
  const auto with = [](const std::string& usd) {
    return read_prices(R"({"region":"r","as_of":"d","usd":{)" + usd + "}}").error().detail;
  };
  EXPECT_THAT(with(R"("sqs.million":1)"), HasSubstr("no price 'sqs.million'"));
  EXPECT_THAT(with(R"("sqs.fifo_million":-1)"), HasSubstr("usd.sqs.fifo_million"));
  EXPECT_THAT(with(R"("sqs.fifo_million":"1")"), HasSubstr("usd.sqs.fifo_million"));
}

TEST(Prices, say_where_they_come_from) {
  EXPECT_EQ(built_in_prices().region, "us-east-1");
  EXPECT_THAT(built_in_prices().source, HasSubstr("memory"));
  EXPECT_FALSE(built_in_prices().as_of.empty());
}

}  // namespace
}  // namespace trunkline::stack
