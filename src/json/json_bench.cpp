#include <benchmark/benchmark.h>

#include "json/canonical.hpp"
#include "json/document.hpp"

namespace trunkline::json {
namespace {

// A conversation event of 1.3 KB in the members and sizes of the real ones; all in cache.
std::string event_text() {
  std::string text =
      R"({"version":"0","id":"8f2d0f0e-6a51-4b7c-a6a5-0a3c7fd3b0c1","detail-type":"v2.detail.events.conversation.{id}.user.end",)"
      R"("source":"aws.partner/genesys.com/cloud/4d1bbd8c-5e7a-4be2-a9ee-15a8f0f3ac6e/hub","account":"123456789012",)"
      R"("time":"2026-03-02T14:00:00Z","region":"us-east-1","resources":[],"detail":{"topicName":)"
      R"("v2.detail.events.conversation.0b1a9d4e-5a55-4b62-b5d0-0a4b7f8c9d10.user.end","version":"2","eventBody":{)"
      R"("eventTime":1772460000064,"conversationId":"0b1a9d4e-5a55-4b62-b5d0-0a4b7f8c9d10",)"
      R"("participantId":"1b1a9d4e-5a55-4b62-b5d0-0a4b7f8c9d10","sessionId":"2b1a9d4e-5a55-4b62-b5d0-0a4b7f8c9d10",)"
      R"("disconnectType":"CLIENT","mediaType":"VOICE","provider":"Edge","direction":"INBOUND","ani":"tel:+13175550100",)"
      R"("dnis":"tel:+13175550199","addressTo":"","addressFrom":"","userId":"3b1a9d4e-5a55-4b62-b5d0-0a4b7f8c9d10",)"
      R"("divisionId":"4b1a9d4e-5a55-4b62-b5d0-0a4b7f8c9d10","queueId":"5b1a9d4e-5a55-4b62-b5d0-0a4b7f8c9d10",)"
      R"("alertingDurationMs":4180,"connectedDurationMs":184220,"holdDurationMs":0,"contactingDurationMs":0,)"
      R"("dialingDurationMs":0,"conversationExternalContactIds":["6b1a9d4e-5a55-4b62-b5d0-0a4b7f8c9d10"],)"
      R"("conversationExternalOrganizationIds":[]},"metadata":{"CorrelationId":"7b1a9d4e-5a55-4b62-b5d0-0a4b7f8c9d10"},)"
      R"("timestamp":"2026-03-02T14:00:00.128Z"}})";
  return text;
}

void parse_event_in_cache(benchmark::State& state) {
  const std::string text = event_text();
  Document document;
  for (auto _ : state) benchmark::DoNotOptimize(document.parse(text));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}
BENCHMARK(parse_event_in_cache);

void canonical_hash_of_body_in_cache(benchmark::State& state) {
  const std::string text = event_text();
  Document document;
  const auto parsed = document.parse(text);
  const Value body = *parsed->find("detail")->find("eventBody");
  Canonical canonical;
  for (auto _ : state) benchmark::DoNotOptimize(canonical.hash(body));
}
BENCHMARK(canonical_hash_of_body_in_cache);

void splice_in_cache(benchmark::State& state) {
  const std::string text = event_text();
  for (auto _ : state) benchmark::DoNotOptimize(splice_members(text, "\"_eventCategory\":\"conversation\""));
}
BENCHMARK(splice_in_cache);

}  // namespace
}  // namespace trunkline::json
