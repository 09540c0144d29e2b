#include "simulation/traffic.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "simulation/random.hpp"

namespace trunkline::simulation {
namespace {

constexpr std::uint32_t kBusyAtOnce = 12;       // conversations
constexpr std::uint32_t kEventsPerChange = 40;  // then others are busy
constexpr std::string_view kNumberMark = R"("simulated":")";

std::string time_text(std::uint32_t number) {
  const std::uint32_t seconds = number / 1000;
  return fmt::format("2026-03-{:02}T{:02}:{:02}:{:02}.{:03}Z", 2 + seconds / 86'400 % 20, seconds / 3600 % 24,
                     seconds / 60 % 60, seconds % 60, number % 1000);
}

std::string id_text(std::string_view kind, std::uint64_t number) {
  return fmt::format("{}{:07}-0000-4000-8000-000000000000", kind, number);
}

bool is(const Traits& traits, std::string_view category) {
  return traits.category == category;
}

}  // namespace

std::string Traits::lane(event::Order order) const {
  const auto or_topic = [this](char kind, const std::string& id) {
    return id.empty() ? "t " + topic : kind + (" " + id);
  };
  switch (order) {
    case event::Order::none:
      return {};
    case event::Order::conversation:
      return or_topic('c', conversation);
    case event::Order::agent:
      return or_topic('a', agent);
    case event::Order::queue:
      return or_topic('q', queue);
    case event::Order::topic:
      return "t " + topic;
  }
  return {};
}

Traits Traffic::traits(std::uint32_t number) const {
  Random random(seed_ ^ (std::uint64_t{number} << 20), "traits");
  Traits traits;
  const std::uint64_t dice = random.below(100);
  if (dice < 60) {
    const std::uint64_t busy = number / kEventsPerChange * 7 + random.below(kBusyAtOnce);
    traits.conversation = id_text("c", busy % lanes_);
    traits.category = "conversation";
    traits.topic = fmt::format("v2.detail.events.conversation.{}.customer.start", traits.conversation);
  } else if (dice < 80) {
    traits.agent = id_text("a", random.below(8));
    traits.category = "agent";
    traits.topic = fmt::format("v2.users.{}.routingStatus", traits.agent);
  } else if (dice < 95) {
    traits.queue = id_text("b", random.below(4));
    traits.category = "queue";
    traits.topic = fmt::format("v2.analytics.queues.{}.observations", traits.queue);
  } else {
    traits.category = "unknown";
    traits.topic = "v2.novelties.things";
  }
  return traits;
}

std::string Traffic::bytes(EventKey key, std::uint32_t copy) const {
  const Traits of = traits(key.number);
  const std::string time = time_text(key.number);
  std::string body;
  if (!of.conversation.empty()) {
    body = fmt::format(
        R"("eventTime":"{}","conversationId":"{}","participantId":"{}","sessionId":"{}","mediaType":"VOICE")", time,
        of.conversation, id_text("d", key.number), id_text("e", key.number));
  } else if (!of.agent.empty()) {
    body = fmt::format(R"("id":"{}","routingStatus":{{"status":"IDLE","startTime":"{}"}})", of.agent, time);
  } else if (!of.queue.empty()) {
    body = fmt::format(R"("group":{{"queueId":"{}","mediaType":"voice"}},"data":[])", of.queue);
  } else {
    body = R"("thing":true)";
  }
  Random size(seed_ + key.number, "size");
  const std::size_t pad = size.below(20) == 0 ? size.below(6'000) : size.below(200);
  return fmt::format(
      R"({{"version":"0","id":"f{:07}-{:04}-4000-8000-000000000000","detail-type":"{}","source":)"
      R"("aws.partner/genesys.com/cloud/0rg00000-0000-4000-8000-000000000000/simulation","account":"123456789012",)"
      R"("time":"2026-03-02T00:00:00Z","region":"us-east-1","resources":[],"detail":{{"topicName":"{}","version":"2",)"
      R"("eventBody":{{{}{}.{}","pad":"{}",{}}},"metadata":{{}},"timestamp":"{}"}}}})",
      key.number, copy, of.topic, of.topic, kNumberMark, key.number, key.version, std::string(pad, 'p'), body, time);
}

std::optional<EventKey> key_of(std::string_view bytes) {
  const std::size_t at = bytes.find(kNumberMark);
  if (at == std::string_view::npos) return std::nullopt;
  EventKey key;
  const char* const end = bytes.data() + bytes.size();
  const auto number = std::from_chars(bytes.data() + at + kNumberMark.size(), end, key.number);
  if (number.ec != std::errc() || number.ptr == end || *number.ptr != '.') return std::nullopt;
  const auto version = std::from_chars(number.ptr + 1, end, key.version);
  if (version.ec != std::errc()) return std::nullopt;
  return key;
}

const FilterCase& filter_case(std::size_t index) {
  static constexpr std::array<FilterCase, kFilters> kCases = {{
      {"{}", [](const Traits&) { return true; }},
      {R"({"eventCategory":["conversation"]})", [](const Traits& t) { return is(t, "conversation"); }},
      {R"({"eventCategory":["agent","queue"]})", [](const Traits& t) { return is(t, "agent") || is(t, "queue"); }},
      {R"({"conversationId":[{"prefix":"c000000"}]})",
       [](const Traits& t) { return t.conversation.starts_with("c000000"); }},
      {R"({"eventCategory":[{"anything-but":["queue"]}]})", [](const Traits& t) { return !is(t, "queue"); }},
      {R"({"conversationId":[{"exists":false}]})", [](const Traits& t) { return t.conversation.empty(); }},
  }};
  return kCases.at(index % kFilters);
}

}  // namespace trunkline::simulation
