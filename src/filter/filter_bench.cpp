#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "filter/policy_index.hpp"

// Counts the allocations of the matching loop; printed as allocs_per_event, 0 in steady state.
static std::atomic<std::size_t> allocations = 0;
[[gnu::noinline]] void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size)) return memory;
  std::abort();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace trunkline::filter {
namespace {

constexpr std::string_view kConversation = "0b1a9d4e-5a55-4b62-b5d0-0a4b7f8c9d10";

// The attributes that the router gives every event, and the shape of a Genesys event as its body.
const std::vector<Attribute>& attributes() {
  static const std::vector<Attribute> kAttributes = {
      {"eventType", "String", "v2.detail.events.conversation.{id}.user.end"},
      {"eventCategory", "String", "conversation"},
      {"orgId", "String", "4d1bbd8c-5e7a-4be2-a9ee-15a8f0f3ac6e"},
      {"conversationId", "String", kConversation},
      {"userId", "String", "3b1a9d4e-5a55-4b62-b5d0-0a4b7f8c9d10"},
      {"queueId", "String", "5b1a9d4e-5a55-4b62-b5d0-0a4b7f8c9d10"},
      {"mediaType", "String", "VOICE"},
      {"source", "String", "aws.partner/genesys.com/cloud/4d1bbd8c-5e7a-4be2-a9ee-15a8f0f3ac6e/hub"},
      {"durationMs", "Number", "184220"},
      {"address", "String", "10.20.30.40"},
  };
  return kAttributes;
}

std::string body() {
  return R"({"version":"0","id":"8f2d0f0e-6a51-4b7c-a6a5-0a3c7fd3b0c1","source":"aws.partner/genesys.com/cloud/hub",)"
         R"("eventType":"v2.detail.events.conversation.{id}.user.end","eventCategory":"conversation",)"
         R"("orgId":"4d1bbd8c-5e7a-4be2-a9ee-15a8f0f3ac6e","conversationId":"0b1a9d4e-5a55-4b62-b5d0-0a4b7f8c9d10",)"
         R"("userId":"3b1a9d4e-5a55-4b62-b5d0-0a4b7f8c9d10","queueId":"5b1a9d4e-5a55-4b62-b5d0-0a4b7f8c9d10",)"
         R"("mediaType":"VOICE","durationMs":184220,"address":"10.20.30.40","detail":{"version":"2","eventBody":{)"
         R"("eventTime":1772460000064,"disconnectType":"CLIENT","provider":"Edge","direction":"INBOUND",)"
         R"("ani":"tel:+13175550100","dnis":"tel:+13175550199","divisionId":"4b1a9d4e-5a55-4b62-b5d0-0a4b7f8c9d10",)"
         R"("alertingDurationMs":4180,"connectedDurationMs":184220,"holdDurationMs":0,"dialingDurationMs":0},)"
         R"("metadata":{"CorrelationId":"7b1a9d4e-5a55-4b62-b5d0-0a4b7f8c9d10"}}})";
}

// Ten policies that match, one for each family of operators.
std::vector<std::string> matching() {
  return {
      R"({"eventCategory":["conversation"],"mediaType":["VOICE","CHAT"]})",
      R"({"eventType":[{"prefix":"v2.detail.events.conversation"}]})",
      R"({"eventType":[{"suffix":".user.end"}]})",
      R"({"eventType":[{"wildcard":"v2.detail.*.conversation.*.end"}]})",
      R"({"mediaType":[{"equals-ignore-case":"voice"}]})",
      R"({"mediaType":[{"anything-but":["EMAIL","CHAT"]}]})",
      R"({"durationMs":[{"numeric":[">",1000,"<=",1000000]}]})",
      R"({"conversationId":[{"exists":true}],"eventCategory":[{"anything-but":{"prefix":"audit"}}]})",
      R"({"address":[{"cidr":"10.0.0.0/8"}]})",
      R"({"$or":[{"queueId":["none"]},{"userId":["3b1a9d4e-5a55-4b62-b5d0-0a4b7f8c9d10"]}],"wrapUpCode":[{"exists":false}]})",
  };
}

// The i-th policy that does not match: near misses on the same keys and values, every operator in turn.
std::string missing(std::size_t i) {
  const std::string n = std::to_string(i);
  switch (i % 12) {
    case 0:
      return R"({"eventCategory":["conversation"],"queueId":["queue-)" + n + R"("]})";
    case 1:
      return R"({"eventType":[{"prefix":"v2.detail.events.conversation.)" + n + R"("}]})";
    case 2:
      return R"({"eventType":[{"suffix":")" + n + R"(.user.end"}]})";
    case 3:
      return R"({"eventType":[{"wildcard":"v2.*.)" + n + R"(.*.end"}]})";
    case 4:
      return R"({"userId":[{"equals-ignore-case":"AGENT-)" + n + R"("}],"mediaType":["VOICE"]})";
    case 5:
      return R"({"mediaType":[{"anything-but":["VOICE","media-)" + n + R"("]}]})";
    case 6:
      return R"({"durationMs":[{"numeric":[">",)" + std::to_string(184220 + i) + R"(,"<",)" +
             std::to_string(999999 + i) + R"(]}]})";
    case 7:
      return R"({"conversationId":[{"exists":false}],"orgId":[{"anything-but":"org-)" + n + R"("}]})";
    case 8:
      return R"({"address":[{"cidr":"10.20.)" + std::to_string(31 + i % 200) + "." + std::to_string(i % 256) +
             R"(/30"}]})";
    case 9:
      return R"({"$or":[{"queueId":["q)" + n + R"("]},{"userId":[{"prefix":"u)" + n + R"("}]}],"mediaType":["VOICE"]})";
    case 10:
      return R"({"eventType":[{"anything-but":{"prefix":"v2.detail"}}],"custom-)" + n + R"(":[{"exists":false}]})";
    default:
      return R"({"durationMs":[)" + n + R"(,{"numeric":["=",)" + n +
             R"(.5]}],"eventCategory":[{"anything-but":["routing"]}]})";
  }
}

PolicyIndex index_of(std::size_t policies, Scope scope) {
  std::vector<PolicyIndex::Subscription> subscriptions;
  std::vector<std::string> texts = matching();
  for (std::size_t i = 0; texts.size() < policies; ++i) texts.push_back(missing(i));
  for (const std::string& text : texts) {
    std::variant<Policy, PolicyError> compiled = Policy::compile(text, scope, Limits::unlimited());
    TRUNKLINE_CHECK(std::holds_alternative<Policy>(compiled), text);
    // Matching ones spread among the others.
    const std::size_t place = subscriptions.size() < 10 ? subscriptions.size() * 97 : subscriptions.size() + 1000;
    subscriptions.push_back({static_cast<PolicyIndex::Id>(place), std::get<Policy>(std::move(compiled))});
  }
  std::sort(subscriptions.begin(), subscriptions.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return PolicyIndex(std::move(subscriptions));
}

void route(benchmark::State& state, Scope scope) {
  const PolicyIndex index = index_of(static_cast<std::size_t>(state.range(0)), scope);
  const std::string text = body();
  Message message{attributes(), {}};
  if (scope == Scope::message_body) message.body = text;
  PolicyIndex::Scratch scratch;
  TRUNKLINE_CHECK(index.match(message, scratch).size() == 10, "ten match");
  const std::size_t before = allocations.load();
  for (auto _ : state) benchmark::DoNotOptimize(index.match(message, scratch));
  state.counters["allocs_per_event"] =
      benchmark::Counter(static_cast<double>(allocations.load() - before), benchmark::Counter::kAvgIterations);
}

// In cache. 10 match of 10, of 1,000 and of 10,000 policies.
void route_by_attributes_in_cache(benchmark::State& state) {
  route(state, Scope::message_attributes);
}
BENCHMARK(route_by_attributes_in_cache)->Arg(10)->Arg(1000)->Arg(10000);

void route_by_body_in_cache(benchmark::State& state) {
  route(state, Scope::message_body);
}
BENCHMARK(route_by_body_in_cache)->Arg(10)->Arg(1000)->Arg(10000);

void compile_policy_in_cache(benchmark::State& state) {
  const std::string text = matching().front();
  for (auto _ : state) benchmark::DoNotOptimize(Policy::compile(text, Scope::message_attributes));
}
BENCHMARK(compile_policy_in_cache);

}  // namespace
}  // namespace trunkline::filter
