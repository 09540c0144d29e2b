#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <future>
#include <memory>
#include <new>
#include <string>

#include "event/topic_table.hpp"
#include "net/io_loop.hpp"
#include "queue/codec.hpp"
#include "queue/embedded_engine.hpp"
#include "source/ingest.hpp"

namespace {

thread_local std::uint64_t allocations = 0;  // of this thread: the engine's own are left out

}  // namespace

// Not inlined: g++ 12 would take the free below for a mismatch.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  std::abort();
}
// simdjson's. The address sanitizer's own would not go with the delete below.
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace trunkline::source {
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

std::shared_ptr<const Router> four_consumers() {
  std::vector<Subscription> subscriptions;
  std::uint32_t queue = 0;
  for (const char* text : {"{}", R"({"eventCategory":["conversation"]})", R"({"eventCategory":["agent","queue"]})",
                           R"({"eventCategory":["wfm","agent"]})"}) {
    auto policy = filter::Policy::compile(text, filter::Scope::message_attributes);
    subscriptions.push_back({"consumer", {++queue}, std::get<filter::Policy>(std::move(policy))});
  }
  return std::make_shared<Router>(base::PolicyVersion{1}, std::move(subscriptions));
}

// An ingest whose loop stands still, so that the benchmark's thread may act as its.
class Bench {
 public:
  Bench() {
    char directory[] = "/tmp/trunkline-bench-XXXXXX";
    queue::EmbeddedOptions options;
    options.directory = directory_ = ::mkdtemp(directory);
    engine_ = std::move(queue::EmbeddedEngine::open(options, {&loop_}, clock_)).value();
    ingest_ = std::make_unique<Ingest>(*engine_, topics_,
                                       std::vector<SourceSpec>{{"genesys", Kind::eventbridge, {}, {}, {}, {}, {}}},
                                       std::vector<net::IoLoop*>{&loop_}, clock_);
    ingest_->set_router(four_consumers());
    loop_.start();
    std::promise<void> routed;
    loop_.post([&] { routed.set_value(); });
    routed.get_future().wait();
    engine_->stop();
    loop_.stop();
    loop_.join();
  }
  ~Bench() {
    engine_.reset();
    std::filesystem::remove_all(directory_);
  }

  Ingest::Decoded decode(std::string_view payload) { return ingest_->decode(loop_, payload, "genesys", {}); }

 private:
  base::SystemClock clock_;
  event::TopicTable topics_ = std::move(event::TopicTable::make()).value();
  std::string directory_;
  net::IoLoop loop_{"bench"};
  std::unique_ptr<queue::EmbeddedEngine> engine_;
  std::unique_ptr<Ingest> ingest_;
};

std::string payload_of(std::int64_t events) {
  if (events == 1) return std::string(kEvent);
  std::string text = "[";
  for (std::int64_t i = 0; i < events; ++i) text.append(i == 0 ? "" : ",").append(kEvent);
  return text + "]";
}

void report(benchmark::State& state, std::uint64_t allocated) {
  const auto events = static_cast<double>(state.iterations() * state.range(0));
  state.SetItemsProcessed(static_cast<std::int64_t>(events));
  state.counters["allocations/event"] = static_cast<double>(allocated) / events;
}

// A request's body to what is handed to the engine; the argument is events a request.
void decode_and_route_in_cache(benchmark::State& state) {
  Bench bench;
  const std::string payload = payload_of(state.range(0));
  if (bench.decode(payload).items.size() != static_cast<std::size_t>(state.range(0)))
    state.SkipWithError("not decoded");
  const std::uint64_t before = allocations;
  for (auto _ : state) benchmark::DoNotOptimize(bench.decode(payload).items.data());
  report(state, allocations - before);
}
BENCHMARK(decode_and_route_in_cache)->Arg(1)->Arg(100);

// The same, and then the record as it goes into the log.
void decode_route_and_encode_in_cache(benchmark::State& state) {
  Bench bench;
  const std::string payload = payload_of(state.range(0));
  std::size_t routes = 0;
  const std::uint64_t before = allocations;
  for (auto _ : state) {
    Ingest::Decoded decoded = bench.decode(payload);
    for (engine::PublishItem& item : decoded.items) {
      auto& entry = std::get<engine::PublishEntry>(item);
      routes = entry.routes.size();
      engine::Record record;
      record.source_name = std::move(entry.source_name);
      record.policy_version = entry.policy_version;
      record.routes = std::move(entry.routes);
      record.event = std::move(entry.event);
      benchmark::DoNotOptimize(queue::encode_record(record).data());
    }
  }
  report(state, allocations - before);
  if (routes != 2) state.SkipWithError("not routed to two of four consumers");
}
BENCHMARK(decode_route_and_encode_in_cache)->Arg(1)->Arg(100);

}  // namespace
}  // namespace trunkline::source
