#include <benchmark/benchmark.h>

#include "event/decoder.hpp"
#include "event/enrich.hpp"

namespace trunkline::event {
namespace {

// An agent's end of session, 1.3 KB, as it comes from EventBridge.
constexpr std::string_view kEvent =
    R"({"version":"0","id":"8f2d0f0e-6a51-4b7c-a6a5-0a3c7fd3b0c1","detail-type":"v2.detail.events.conversation.{id}.user.end",)"
    R"("source":"aws.partner/genesys.com/cloud/4d1bbd8c-5e7a-4be2-a9ee-15a8f0f3ac6e/hub","account":"123456789012",)"
    R"("time":"2026-03-02T14:00:00Z","region":"us-east-1","resources":[],"detail":{"topicName":)"
    R"("v2.detail.events.conversation.0b1a9d4e-5a55-4b62-b5d0-0a4b7f8c9d10.user.end","version":"2","eventBody":{)"
    R"("eventTime":1772460000064,"conversationId":"0b1a9d4e-5a55-4b62-b5d0-0a4b7f8c9d10",)"
    R"("participantId":"1b1a9d4e-5a55-4b62-b5d0-0a4b7f8c9d10","sessionId":"2b1a9d4e-5a55-4b62-b5d0-0a4b7f8c9d10",)"
    R"("disconnectType":"CLIENT","mediaType":"VOICE","provider":"Edge","direction":"INBOUND","ani":"tel:+15555550100",)"
    R"("dnis":"tel:+15555550199","addressTo":"","addressFrom":"","userId":"3b1a9d4e-5a55-4b62-b5d0-0a4b7f8c9d10",)"
    R"("divisionId":"4b1a9d4e-5a55-4b62-b5d0-0a4b7f8c9d10","queueId":"5b1a9d4e-5a55-4b62-b5d0-0a4b7f8c9d10",)"
    R"("alertingDurationMs":4180,"connectedDurationMs":184220,"holdDurationMs":0,"contactingDurationMs":0,)"
    R"("dialingDurationMs":0,"conversationExternalContactIds":["6b1a9d4e-5a55-4b62-b5d0-0a4b7f8c9d10"],)"
    R"("conversationExternalOrganizationIds":[]},"metadata":{"CorrelationId":"7b1a9d4e-5a55-4b62-b5d0-0a4b7f8c9d10"},)"
    R"("timestamp":"2026-03-02T14:00:00.128Z"}})";

void decode_event_in_cache(benchmark::State& state) {
  const TopicTable topics = std::move(TopicTable::make()).value();
  Decoder decoder(topics);
  std::vector<Decoded> out;
  for (auto _ : state) {
    out.clear();
    decoder.decode(kEvent, {}, out);
    benchmark::DoNotOptimize(out.data());
  }
  if (out.size() != 1 || !std::holds_alternative<Event>(out[0])) state.SkipWithError("not decoded");
}
BENCHMARK(decode_event_in_cache);

void match_topic_in_cache(benchmark::State& state) {
  const TopicTable topics = std::move(TopicTable::make()).value();
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        topics.match(split_topic("v2.detail.events.conversation.0b1a9d4e-5a55-4b62-b5d0-0a4b7f8c9d10.user.end")));
  }
}
BENCHMARK(match_topic_in_cache);

void enrich_event_in_cache(benchmark::State& state) {
  const TopicTable topics = std::move(TopicTable::make()).value();
  Decoder decoder(topics);
  std::vector<Decoded> out;
  decoder.decode(kEvent, {}, out);
  for (auto _ : state) benchmark::DoNotOptimize(enriched(std::get<Event>(out[0]), {}));
}
BENCHMARK(enrich_event_in_cache);

}  // namespace
}  // namespace trunkline::event
