#include "config/aws_engine_checks.hpp"

#include <fmt/format.h>

#include <array>
#include <string>
#include <variant>

#include "config/option.hpp"

namespace trunkline::config {
namespace {

// SQS keeps a message for 14 days at most.
constexpr base::Millis kWaitMax = std::chrono::hours(24 * 14);

struct Refused {
  std::string_view path;
  std::string_view why;
};
constexpr std::array kRootRefused = {
    Refused{"data_dir", "workers keep nothing on this machine: leave it out"},
    Refused{"store.disk_budget", "nothing bounds the table: leave it out"},
    Refused{"store.memory_budget", "there is no store to give memory to: leave it out"},
    Refused{"store.quarantine_budget", "the quarantine holds 10,000 inputs, whatever their size: leave it out"},
    Refused{"store.retain", "the table keeps every event for 60 days: leave it out"},
    Refused{"sqs.listen", "clients receive from the queues in SQS itself, or over /api/v1: leave it out"},
};
constexpr std::array kConsumerRefused = {
    Refused{"event_time_window", "SQS keeps the order of arrival and no other: leave it out"},
    Refused{"on_full", "there is no disk budget that could be full: leave it out"},
    Refused{"budget.requests",
            "each worker would spend all of it: leave it out, or let one hub with a store of its own "
            "call this target"},
};

template <std::size_t N>
const Refused* refused(const std::array<Refused, N>& list, std::string_view path) {
  for (const Refused& each : list) {
    if (each.path == path) return &each;
  }
  return nullptr;
}

// Why events cannot be delivered there by several processes; empty: they can.
std::string_view why_not(const SinkConfig& sink) {
  if (std::holds_alternative<LiveSink>(sink))
    return "the board is folded from all events in one process, and a worker sees a part of them";
  if (std::holds_alternative<SalesforceSink>(sink))
    return "a case is folded from all events of its conversation in one process, and any worker may get the next one";
  if (std::holds_alternative<AdherenceSink>(sink))
    return "an agent's states are folded in one process, and any worker may get the next one";
  if (std::holds_alternative<AdherenceFilesSink>(sink))
    return "the intervals of a file are folded in one process, and a worker sees a part of the events";
  if (std::holds_alternative<FileSink>(sink))
    return "each worker would write a file of its own, on a machine that may be gone tomorrow";
  return {};
}

}  // namespace

void check_aws_engine(const Config& config, const Places& places, Diagnostics& diagnostics) {
  if (config.engine != EngineKind::aws) {
    for (const std::string_view path : {"aws.region", "aws.endpoint_url"}) {
      if (places.contains(path))
        diagnostics.error(place_of(places, path), fmt::format("'{}' is of no use without 'engine: aws'", path));
    }
    return;
  }
  for (const Refused& each : kRootRefused) {
    if (places.contains(each.path))
      diagnostics.error(place_of(places, each.path),
                        fmt::format("'{}' cannot be with 'engine: aws': {}", each.path, each.why));
  }
  if (config.aws.deploy == AwsDeploy::ingest)
    diagnostics.error(place_of(places, "aws.deploy"),
                      "'aws.deploy: ingest' leaves out the table and the queues that 'engine: aws' needs: set all");
}

void check_aws_source(const Source& source, const std::vector<Given>& given, Diagnostics& diagnostics) {
  if (source.kind == SourceKind::put_events)
    diagnostics.error(source.place,
                      fmt::format("'sources.{}' of kind put_events needs the listener 'sqs.listen', which "
                                  "'engine: aws' has not: let a rule of EventBridge send to an SQS queue "
                                  "and fetch that, with kind sqs",
                                  source.name));
  for (const Given& entry : given) {
    if (source_table()[entry.row].option.path != "silent_after" || source.silent_after.count() == 0) continue;
    diagnostics.error(entry.place,
                      "'silent_after' cannot be with 'engine: aws': a worker sees a part of the requests; "
                      "let CloudWatch tell when the rule or the queue is silent");
  }
}

void check_aws_consumer(const Consumer& consumer, const std::vector<Given>& given, Place sink_place,
                        Diagnostics& diagnostics) {
  for (const Given& entry : given) {
    const std::string_view path = consumer_table()[entry.row].option.path;
    if (const Refused* found = refused(kConsumerRefused, path))
      diagnostics.error(entry.place, fmt::format("'{}' cannot be with 'engine: aws': {}", path, found->why));
    if (path == "max_wait" && consumer.max_wait > kWaitMax)
      diagnostics.error(entry.place, "'max_wait' is 14 days at most with 'engine: aws': SQS keeps nothing longer");
  }
  if (const std::string_view why = why_not(consumer.sink); !why.empty())
    diagnostics.error(sink_place,
                      fmt::format("the sink of '{}' cannot be with 'engine: aws': {}. Let a hub with a store "
                                  "of its own have this consumer, and give it the events with a hub sink",
                                  consumer.name, why));
}

}  // namespace trunkline::config
