// Health, metrics, status, single events: what an operator looks at first.
#include <algorithm>

#include "api/describe.hpp"
#include "api/handlers.hpp"
#include "api/metrics_text.hpp"
#include "api/view.hpp"
#include "json/writer.hpp"

namespace trunkline::api {
namespace {

std::vector<ConsumerView> views(Hub& hub) {
  std::vector<ConsumerView> result;
  for (ConsumerInfo& consumer : hub.consumers()) {
    const engine::QueueStatistics queue = hub.engine().statistics(consumer.queue);
    result.push_back({std::move(consumer), queue});
  }
  return result;
}

void write_totals(json::Writer& writer, const std::vector<ConsumerView>& consumers) {
  std::uint64_t waiting = 0;
  std::uint64_t dead_letters = 0;
  std::uint64_t parked = 0;
  std::uint64_t paused = 0;
  std::uint64_t broken = 0;
  for (const ConsumerView& consumer : consumers) {
    waiting += consumer.queue.waiting;
    dead_letters += consumer.queue.dead_letters;
    parked += consumer.queue.parked;
    paused += consumer.info.paused ? 1 : 0;
    const auto& statistics = consumer.info.statistics;
    broken += statistics && statistics->breaker != delivery::BreakerState::closed ? 1 : 0;
  }
  writer.key("consumers").begin_object();
  writer.member("count", static_cast<std::uint64_t>(consumers.size())).member("paused", paused);
  writer.member("breaker_open", broken).member("waiting", waiting).member("parked", parked);
  writer.member("dead_letters", dead_letters).end_object();
}

std::string status_json(Call& call) {
  const HubMetrics metrics = call.hub.metrics();
  const Readiness readiness = call.hub.readiness();
  const base::WallTime now = call.clock.wall();
  std::string out;
  json::Writer writer(out);
  writer.begin_object().member("version", metrics.version);
  writer.member("ready", readiness.ready).member("reason", readiness.reason);
  write_time(writer, "started_at", metrics.started_at);
  writer.key("uptime_seconds").number(std::chrono::duration<double>(now - metrics.started_at).count());
  writer.key("events").begin_object();
  writer.member("accepted", metrics.accepted).member("duplicates", metrics.duplicates);
  writer.member("conflicts", metrics.conflicts).member("failed", metrics.publish_failures);
  writer.member("in_quarantine", metrics.in_quarantine).end_object();
  writer.member("alarms_open", std::uint64_t{call.hub.alarms().open.size()});
  write_totals(writer, views(call.hub));
  writer.key("store").begin_object();
  writer.member("disk_bytes", metrics.disk_bytes).member("disk_free_bytes", metrics.disk_free_bytes);
  writer.member("disk_budget_bytes", metrics.disk_budget_bytes).end_object();
  writer.member("resident_bytes", metrics.resident_bytes).end_object();
  return out;
}

}  // namespace

void get_healthz(CallPtr call) {
  call->answer(R"({"status":"alive"})");
}

void get_readyz(CallPtr call) {
  const Readiness readiness = call->hub.readiness();
  std::string out;
  json::Writer(out).begin_object().member("ready", readiness.ready).member("reason", readiness.reason).end_object();
  call->answer(std::move(out), readiness.ready ? 200 : 503);
}

void get_metrics(CallPtr call) {
  std::string text = metrics_text(call->hub.metrics(), call->hub.readiness().ready, call->hub.alarms(),
                                  views(call->hub), call->clock.wall());
  call->answer_text("text/plain; version=0.0.4; charset=utf-8", std::move(text));
}

void get_status(CallPtr call) {
  call->answer(status_json(*call));
}

void get_event(CallPtr call) {
  const auto sequence = parse_id("the event's sequence", call->captures[0]);
  if (!sequence.ok()) return call->fail(sequence.error());
  auto mapping = view_mapping(call->hub, nullptr);
  with_view(std::move(call), std::move(mapping), [sequence = *sequence](CallPtr asking, View view) {
    Hub& hub = asking->hub;
    base::Loop& loop = asking->loop;
    hub.read_record({sequence}, loop,
                    [call = std::move(asking), view = std::move(view)](base::Result<engine::RecordPtr> record) mutable {
                      if (!record.ok()) return call->fail(record.error());
                      if (!*record)
                        return call->fail({base::Errc::not_found, "there is no event " + call->captures[0]},
                                          "it has not been accepted yet, or is older than store.retain and settled");
                      std::string out;
                      json::Writer writer(out);
                      write_record(writer, *view.of(std::move(*record)), call->hub.consumers());
                      call->answer(std::move(out));
                    });
  });
}

void get_consumers(CallPtr call) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().key("consumers").begin_array();
  for (const ConsumerView& consumer : views(call->hub))
    write_consumer_summary(writer, consumer.info, consumer.queue, call->clock.wall());
  writer.end_array().end_object();
  call->answer(std::move(out));
}

void get_consumer(CallPtr call) {
  const auto consumer = find_consumer(*call);
  if (!consumer) return;
  std::string out;
  json::Writer writer(out);
  write_consumer(writer, *consumer, call->hub.engine().statistics(consumer->queue), call->clock.wall());
  call->answer(std::move(out));
}

}  // namespace trunkline::api
