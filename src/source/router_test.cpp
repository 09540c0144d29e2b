#include "source/router.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "event/event_testing.hpp"
#include "filter/message.hpp"

namespace trunkline::source {
namespace {

std::vector<event::Event> fixtures() {
  std::vector<event::Event> events;
  for (const auto& entry : std::filesystem::directory_iterator(TRUNKLINE_SOURCE_DIR "/tests/fixtures/genesys")) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    for (event::Decoded& decoded : event::testing::decode_all(text)) {
      if (auto* event = std::get_if<event::Event>(&decoded)) events.push_back(std::move(*event));
    }
  }
  return events;
}

Subscription subscription(std::uint32_t queue, std::string_view text,
                          filter::Scope scope = filter::Scope::message_attributes) {
  auto compiled = filter::Policy::compile(text, scope);
  const auto* error = std::get_if<filter::PolicyError>(&compiled);
  EXPECT_EQ(error, nullptr) << text << ": " << (error != nullptr ? error->text : "");
  return {"consumer", {queue}, error == nullptr ? std::get<filter::Policy>(compiled) : filter::Policy()};
}

std::vector<Subscription> subscriptions() {
  constexpr auto kBody = filter::Scope::message_body;
  return {
      subscription(40, "{}"),
      subscription(3, R"({"eventCategory":["conversation"]})"),
      subscription(9, R"({"eventCategory":[{"anything-but":["conversation"]}]})"),
      subscription(1, R"({"eventType":[{"prefix":"v2.detail.events"}],"conversationId":[{"exists":true}]})"),
      subscription(2, R"({"conversationId":[{"exists":false}]})"),
      subscription(5, R"({"mediaType":[{"equals-ignore-case":"voice"}]})"),
      subscription(6, R"({"eventType":[{"suffix":".end"},{"wildcard":"v2.*.acd.*"}]})"),
      subscription(7, R"({"$or":[{"userId":[{"exists":true}]},{"queueId":[{"exists":true}]}]})"),
      subscription(8, R"({"detail":{"topicName":[{"prefix":"v2.detail"}]}})", kBody),
      subscription(12, R"({"detail":{"eventBody":{"eventTime":[{"numeric":[">",0]}]}}})", kBody),
      subscription(11, R"({"eventCategory":["no such category"]})"),
  };
}

TEST(Router, agrees_with_each_policy_on_every_fixture) {
  const auto given = subscriptions();
  const Router router({1}, given);
  RouterScratch scratch;
  std::vector<std::size_t> hits(given.size());
  const auto events = fixtures();
  ASSERT_GE(events.size(), 36u);
  for (const event::Event& event : events) {
    std::vector<base::QueueId> expected;
    for (std::size_t i = 0; i < given.size(); ++i) {
      if (!filter::matches(given[i].policy, EventMessage(event).message())) continue;
      expected.push_back(given[i].queue);
      ++hits[i];
    }
    std::sort(expected.begin(), expected.end(),
              [](base::QueueId left, base::QueueId right) { return left.value < right.value; });
    std::vector<base::QueueId> routes;
    router.route(event, scratch, routes);
    EXPECT_EQ(routes, expected) << event.topic_name;
  }
  EXPECT_EQ(hits.front(), events.size());
  EXPECT_EQ(hits.back(), 0u);
  for (std::size_t i = 1; i + 1 < given.size(); ++i) {
    EXPECT_GT(hits[i], 0u) << given[i].policy.text();
    EXPECT_LT(hits[i], events.size()) << given[i].policy.text();
  }
}

TEST(Router, appends_to_what_is_there_and_names_a_shared_queue_once) {
  const Router router({2}, {subscription(4, "{}"), subscription(4, R"({"eventCategory":["conversation"]})")});
  RouterScratch scratch;
  std::vector<base::QueueId> routes = {{1}};
  router.route(fixtures().front(), scratch, routes);
  EXPECT_EQ(routes, (std::vector<base::QueueId>{{1}, {4}}));
}

TEST(Router, keeps_its_version_and_without_subscriptions_routes_nowhere) {
  const Router router({17}, {});
  EXPECT_EQ(router.version(), base::PolicyVersion{17});
  EXPECT_TRUE(router.subscriptions().empty());
  RouterScratch scratch;
  std::vector<base::QueueId> routes;
  router.route(fixtures().front(), scratch, routes);
  EXPECT_TRUE(routes.empty());
}

TEST(Router, one_scratch_serves_routers_in_turn) {
  const Router everything({1}, {subscription(1, "{}")});
  const Router nothing({2}, {subscription(1, R"({"eventCategory":["no such category"]})")});
  RouterScratch scratch;
  const event::Event event = fixtures().front();
  for (int turn = 0; turn < 3; ++turn) {
    std::vector<base::QueueId> routes;
    nothing.route(event, scratch, routes);
    EXPECT_TRUE(routes.empty());
    everything.route(event, scratch, routes);
    EXPECT_EQ(routes, std::vector<base::QueueId>{{1}});
  }
}

TEST(EventMessage, shows_the_attributes_in_order_and_the_events_own_bytes) {
  event::Event event;
  event.raw = R"({"a":1})";
  event.event_type = "v2.test";
  event.category = "agent";
  event.user_id = "u-1";
  const EventMessage seen(event);
  const filter::Message message = seen.message();
  ASSERT_EQ(message.attributes.size(), 3u);
  EXPECT_EQ(message.attributes[0].name, "eventType");
  EXPECT_EQ(message.attributes[0].value, "v2.test");
  EXPECT_EQ(message.attributes[1].name, "eventCategory");
  EXPECT_EQ(message.attributes[2].name, "userId");
  EXPECT_EQ(message.body, event.raw);
}

}  // namespace
}  // namespace trunkline::source
