#include <benchmark/benchmark.h>

#include <string>

#include "mapping/mapping.hpp"

namespace trunkline::mapping {
namespace {

constexpr Subject kSubject{"v2.detail.events.conversation.c1.customer.start",
                           "v2.detail.events.conversation.{id}.customer.start", "conversation", false};
// The published form of a customer.start, 1 KB.
const std::string kEvent =
    R"({"version":"0","id":"ac354f3a-4315-d53d-ad0c-6f1b434b24ce","detail-type":"v2.detail.events.conversation.{id}.customer.start","source":"aws.partner/genesys.com/cloud/6f1d2c3b-4a59-4e68-9d7c-8b0a1f2e3d4c/example-suffix","account":"111122223333","time":"2026-03-02T14:00:00Z","region":"us-east-1","resources":[],"detail":{"topicName":"v2.detail.events.conversation.388fa6ad-33a8-439b-a5b7-9085a352469d.customer.start","version":"2","eventBody":{"eventTime":1772460000000,"conversationId":"388fa6ad-33a8-439b-a5b7-9085a352469d","participantId":"1dc44b0b-8bd9-4a17-a8a8-6debc4d4896e","sessionId":"2cd6e968-6efa-4cc7-a39e-f2e47d2c833f","mediaType":"VOICE","provider":"Edge","direction":"INBOUND","ani":"tel:+15555550100","dnis":"tel:+15555550199","externalContactId":"049e3a58-74b7-4859-a680-4909d49051fd","divisionId":"7dc11ca3-0c63-4082-aa39-45a4ea9492de"},"metadata":{"CorrelationId":"e1a3cb47-54a4-4362-a67a-5214ddab98e0"},"timestamp":"2026-03-02T14:00:00.064Z"}})";

void apply(benchmark::State& state, bool protect, std::vector<std::string> items) {
  const auto compiled = Mapping::compile({protect, std::move(items), "key"});
  const auto& mapping = *std::get<std::shared_ptr<const Mapping>>(compiled);
  Scratch scratch;
  Hidden hidden;
  for (auto _ : state) benchmark::DoNotOptimize(mapping.apply(kEvent, kSubject, scratch, &hidden));
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK_CAPTURE(apply, one_rule, false, {R"({"mask":"ani"})"});
BENCHMARK_CAPTURE(apply, protect, true, {});
BENCHMARK_CAPTURE(apply, protect_and_move, true, {R"({"rename":{"ani":"caller.number"}})"});

}  // namespace
}  // namespace trunkline::mapping
