#include "simulation/traffic.hpp"

#include <gtest/gtest.h>

#include <set>

#include "event/decoder.hpp"
#include "filter/policy.hpp"
#include "source/router.hpp"

namespace trunkline::simulation {
namespace {

event::Event decode(const std::string& bytes) {
  static const event::TopicTable topics = event::TopicTable::make().value();
  event::Decoder decoder(topics);
  std::vector<event::Decoded> decoded;
  decoder.decode(bytes, {}, decoded);
  EXPECT_EQ(decoded.size(), 1u);
  const auto* event = std::get_if<event::Event>(&decoded.at(0));
  EXPECT_NE(event, nullptr) << bytes;
  return event != nullptr ? *event : event::Event();
}

TEST(Traffic, says_of_each_event_what_the_hub_finds_in_its_bytes) {
  const Traffic traffic(7, 50);
  std::set<std::string> categories;
  for (std::uint32_t number = 0; number < 300; ++number) {
    const Traits traits = traffic.traits(number);
    const event::Event event = decode(traffic.bytes({number, 0}, 0));
    categories.insert(traits.category);
    EXPECT_EQ(event.topic_name, traits.topic);
    EXPECT_EQ(event.category, traits.category);
    EXPECT_EQ(event.conversation_id, traits.conversation);
    EXPECT_EQ(event.user_id, traits.agent);
    EXPECT_EQ(event.queue_id, traits.queue);
    EXPECT_EQ(key_of(event.raw), (EventKey{number, 0}));
    EXPECT_TRUE(event.envelope_identity && event.content_identity);
  }
  EXPECT_EQ(categories.size(), 4u);
}

TEST(Traffic, copies_share_the_content_key_and_conflicts_share_both) {
  const Traffic traffic(7, 50);
  for (std::uint32_t number = 0; number < 50; ++number) {
    const event::Event first = decode(traffic.bytes({number, 0}, 0));
    const event::Event again = decode(traffic.bytes({number, 0}, 1));
    EXPECT_NE(first.envelope_identity, again.envelope_identity);
    EXPECT_EQ(first.content_identity, again.content_identity);
    EXPECT_EQ(first.body_hash, again.body_hash);
    const event::Event other = decode(traffic.bytes({number, 1}, 0));
    EXPECT_EQ(first.envelope_identity, other.envelope_identity);
    EXPECT_NE(first.body_hash, other.body_hash);
  }
}

TEST(Traffic, each_filter_means_what_it_is_said_to_mean) {
  const Traffic traffic(3, 2000);
  for (std::size_t i = 0; i < kFilters; ++i) {
    auto policy = filter::Policy::compile(filter_case(i).policy, filter::Scope::message_attributes);
    ASSERT_TRUE(std::holds_alternative<filter::Policy>(policy));
    std::vector<source::Subscription> subscriptions;
    subscriptions.push_back({"c", {1}, std::get<filter::Policy>(std::move(policy))});
    const source::Router router({1}, std::move(subscriptions));
    source::RouterScratch scratch;
    int wanted = 0;
    for (std::uint32_t number = 0; number < 300; ++number) {
      std::vector<base::QueueId> queues;
      router.route(decode(traffic.bytes({number, 0}, 0)), scratch, queues);
      EXPECT_EQ(!queues.empty(), filter_case(i).wants(traffic.traits(number))) << filter_case(i).policy;
      wanted += queues.empty() ? 0 : 1;
    }
    EXPECT_GT(wanted, 0);
  }
}

}  // namespace
}  // namespace trunkline::simulation
