// Redrives and replays as operations, and the audit record.
#include <fmt/format.h>

#include "api/describe.hpp"
#include "api/handlers.hpp"
#include "api/object_reader.hpp"
#include "base/text.hpp"
#include "json/writer.hpp"

namespace trunkline::api {
namespace {

using base::Errc;
using base::Error;
using base::Result;
using operation::Kind;
using operation::Operation;

constexpr std::size_t kTextMax = 256;
constexpr double kRateMin = 0.1;
constexpr double kRateMax = 100'000;
constexpr base::Millis kAgeMax = std::chrono::hours(24 * 365);

struct Asked {
  operation::Request request;
  bool dry_run = false;
};

void write_words(json::Writer& writer, std::string_view name, const std::map<std::string, std::uint64_t>& words) {
  writer.key(name).begin_object();
  for (const auto& [word, count] : words) writer.member(word, count);
  writer.end_object();
}

void write_filter(json::Writer& writer, const operation::Request& request) {
  const auto member = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) writer.member(name, value);
  };
  writer.key("filter").begin_object();
  if (request.kind == Kind::redrive) {
    if (request.filter.sequence) writer.member("sequence", request.filter.sequence->value);
    member("error_class", request.filter.error_class);
    member("type", request.filter.event_type);
    member("group", request.filter.group);
    if (request.filter.since_from) write_time(writer, "since_from", request.filter.since_from);
    if (request.filter.since_before) write_time(writer, "since_before", request.filter.since_before);
  } else {
    write_time(writer, "from", request.range.from);
    write_time(writer, "to", request.range.to);
    member("type", request.range.event_type);
    member("conversation", request.range.conversation);
    writer.member("all_routed", request.range.all_routed);
  }
  writer.end_object();
}

// How far it is, 0 to 1: of a redrive by the events, of a replay by the part of the log that it has looked at.
double progress(const Operation& operation) {
  if (operation.state == operation::State::done) return 1;
  const operation::ReplayRange& range = operation.request.range;
  const bool redrive = operation.request.kind == Kind::redrive;
  const double all = redrive ? static_cast<double>(operation.total)
                             : static_cast<double>(range.last.value) - static_cast<double>(range.first.value) + 1;
  const double past =
      redrive ? static_cast<double>(operation.tally.given - operation.tally.open())
              : static_cast<double>(operation.tally.reached.value) - static_cast<double>(range.first.value) + 1;
  return all > 0 ? std::clamp(past / all, 0.0, 1.0) : 0;
}

void write_operation(json::Writer& writer, const Operation& operation, Hub& hub) {
  const engine::OperationTally& tally = operation.tally;
  writer.begin_object().member("id", operation.id.value).member("kind", operation::name(operation.request.kind));
  writer.member("consumer", operation.request.consumer).member("state", operation::name(operation.state));
  writer.member("reason", operation.reason).member("by", operation.request.by);
  write_time(writer, "created_at", operation.created_at);
  write_time(writer, "changed_at", operation.changed_at);
  write_filter(writer, operation.request);
  writer.key("rate").number(operation.request.rate);
  writer.key("rate_now").number(operation.state == operation::State::running ? operation.rate_now : 0);
  writer.key("stop_share").number(operation.request.stop_share);
  writer.key("total");
  if (operation.request.kind == Kind::redrive) {
    writer.unsigned_integer(operation.total);
  } else {
    writer.null();
  }
  writer.key("progress").number(progress(operation));
  writer.member("given", tally.given).member("delivered", tally.delivered).member("failed", tally.failed);
  writer.member("ended", tally.ended).member("passed", tally.passed).member("in_lanes", tally.open());
  writer.member("error_class", tally.error_class).key("last_failed").begin_array();
  for (const base::Sequence sequence : tally.last_failed) writer.unsigned_integer(sequence.value);
  writer.end_array();
  const auto consumer = hub.consumer(operation.request.consumer);
  const bool waits = operation.state == operation::State::running && consumer && consumer->paused;
  writer.member("note", waits ? "the consumer is paused: nothing is delivered until it is resumed" : "");
  writer.end_object();
}

void answer_operation(Call& call, const Operation& operation, int status = 200) {
  std::string out;
  json::Writer writer(out);
  write_operation(writer, operation, call.hub);
  call.answer(std::move(out), status);
}

void read_redrive(ObjectReader& reader, base::WallTime now, operation::Request& request) {
  engine::RedriveFilter& filter = request.filter;
  if (reader.has("sequence")) filter.sequence = base::Sequence{reader.whole("sequence", 1, INT64_MAX, 1)};
  filter.error_class = reader.text("error_class", kTextMax);
  filter.event_type = reader.text("type", kTextMax);
  filter.group = reader.text("group", kTextMax);
  if (reader.has("older_than_seconds"))
    filter.since_before = now - reader.seconds("older_than_seconds", base::Millis(0), kAgeMax, {});
  if (reader.has("newer_than_seconds"))
    filter.since_from = now - reader.seconds("newer_than_seconds", base::Millis(0), kAgeMax, {});
  const bool all = reader.boolean("all");
  const bool some = filter.sequence || !filter.error_class.empty() || !filter.event_type.empty() ||
                    !filter.group.empty() || filter.since_before || filter.since_from;
  if (all == some)
    reader.complain(
        "say which dead letters: {\"all\":true}, or one or more of sequence, error_class, type, group, "
        "older_than_seconds, newer_than_seconds");
}

void read_replay(ObjectReader& reader, base::WallTime now, operation::Request& request) {
  operation::ReplayRange& range = request.range;
  reader.require("from");
  range.from = reader.time("from").value_or(now);
  range.to = reader.time("to").value_or(now);
  range.event_type = reader.text("type", kTextMax);
  range.conversation = reader.text("conversation", kTextMax);
  range.all_routed = reader.boolean("all_routed");
  if (range.from >= range.to) reader.complain("'from' must be before 'to'");
}

Result<Asked> read_request(Call& call) {
  json::Document document;
  TRUNKLINE_TRY(const json::Value value, parse_body(document, call.request.body));
  ObjectReader reader(value, "");
  Asked asked;
  operation::Request& request = asked.request;
  const std::string kind = reader.text("kind", kTextMax);
  request.consumer = reader.text("consumer", kTextMax);
  reader.require("consumer");
  request.by = call.caller;
  request.rate = reader.number("rate", kRateMin, kRateMax, 100);
  request.stop_share = reader.number("stop_share", 0, 1, 0.2);
  asked.dry_run = reader.boolean("dry_run");
  if (kind == "redrive") {
    request.kind = Kind::redrive;
    read_redrive(reader, call.clock.wall(), request);
  } else if (kind == "replay") {
    request.kind = Kind::replay;
    read_replay(reader, call.clock.wall(), request);
  } else {
    reader.complain("'kind' is 'redrive' or 'replay'");
  }
  TRUNKLINE_TRY_VOID(reader.finish());
  return asked;
}

void preview_redrive(CallPtr call, const operation::Request& request) {
  engine::Engine& engine = call->hub.engine();
  base::Loop& loop = call->loop;
  engine.summarize_dead_letters(request.queue, request.filter, loop,
                                [call = std::move(call)](const Result<engine::DeadLetterSummary>& summary) {
                                  if (!summary.ok()) return call->fail(summary.error());
                                  std::string out;
                                  json::Writer writer(out);
                                  writer.begin_object().member("dry_run", true).member("total", summary->total);
                                  writer.member("parked", summary->parked);
                                  write_words(writer, "by_error_class", summary->by_error_class);
                                  write_words(writer, "by_type", summary->by_event_type);
                                  write_words(writer, "by_age", summary->by_age);
                                  write_time(writer, "oldest", summary->oldest);
                                  write_time(writer, "newest", summary->newest);
                                  writer.end_object();
                                  call->answer(std::move(out));
                                });
}

void preview_replay(CallPtr call, operation::Request request) {
  operation::Operations& operations = call->hub.operations();
  base::Loop& loop = call->loop;
  operations.preview_replay(std::move(request), loop,
                            [call = std::move(call)](const Result<operation::ReplayPreview>& preview) {
                              if (!preview.ok()) return call->fail(preview.error());
                              std::string out;
                              json::Writer writer(out);
                              writer.begin_object().member("dry_run", true).member("total", preview->total);
                              write_words(writer, "by_type", preview->by_event_type);
                              writer.member("complete", preview->complete).end_object();
                              call->answer(std::move(out));
                            });
}

void command(CallPtr call, operation::Command command) {
  const auto id = parse_id("the operation", call->captures[0]);
  if (!id.ok()) return call->fail(id.error());
  operation::Operations& operations = call->hub.operations();
  base::Loop& loop = call->loop;
  const std::string by = call->caller;
  operations.command({*id}, command, by, loop, [call = std::move(call)](const Result<Operation>& changed) {
    if (!changed.ok()) return call->fail(changed.error());
    answer_operation(*call, *changed);
  });
}

}  // namespace

void post_operation(CallPtr call) {
  auto asked = read_request(*call);
  if (!asked.ok()) return call->fail(asked.error(), "nothing was changed");
  call->captures = {asked->request.consumer};
  const auto consumer = find_consumer(*call);
  if (!consumer) return;
  asked->request.queue = consumer->queue;
  const bool replay = asked->request.kind == Kind::replay;
  if (replay && consumer->live)
    return call->fail({Errc::conflict, fmt::format("'{}' is a live board: it shows what is, and old events would make "
                                                   "it show what was",
                                                   consumer->name)});
  if (asked->dry_run)
    return replay ? preview_replay(std::move(call), std::move(asked->request))
                  : preview_redrive(std::move(call), asked->request);
  operation::Operations& operations = call->hub.operations();
  base::Loop& loop = call->loop;
  operations.start(std::move(asked->request), loop, [call = std::move(call)](const Result<Operation>& begun) {
    if (!begun.ok()) return call->fail(begun.error());
    answer_operation(*call, *begun, 201);
  });
}

void get_operations(CallPtr call) {
  operation::Operations& operations = call->hub.operations();
  base::Loop& loop = call->loop;
  std::string consumer = call->request.query_parameter("consumer").value_or("");
  operations.list(std::move(consumer), loop, [call = std::move(call)](const std::vector<Operation>& list) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object().key("operations").begin_array();
    for (const Operation& operation : list) write_operation(writer, operation, call->hub);
    writer.end_array().end_object();
    call->answer(std::move(out));
  });
}

void get_operation(CallPtr call) {
  const auto id = parse_id("the operation", call->captures[0]);
  if (!id.ok()) return call->fail(id.error());
  operation::Operations& operations = call->hub.operations();
  base::Loop& loop = call->loop;
  operations.show({*id}, loop, [call = std::move(call)](const Result<Operation>& found) {
    if (!found.ok()) return call->fail(found.error(), "GET /api/v1/operations lists them");
    answer_operation(*call, *found);
  });
}

void post_operation_pause(CallPtr call) {
  command(std::move(call), operation::Command::pause);
}
void post_operation_resume(CallPtr call) {
  command(std::move(call), operation::Command::resume);
}
void post_operation_cancel(CallPtr call) {
  command(std::move(call), operation::Command::cancel);
}

void get_audit(CallPtr call) {
  const auto page = page_query(call->request);
  if (!page.ok()) return call->fail(page.error());
  std::uint64_t before = 0;
  if (const auto given = call->request.query_parameter("before")) {
    const auto id = parse_id("before", *given);
    if (!id.ok()) return call->fail(id.error());
    before = *id;
  }
  operation::Operations& operations = call->hub.operations();
  base::Loop& loop = call->loop;
  std::string consumer = call->request.query_parameter("consumer").value_or("");
  const std::size_t limit = page->limit;
  operations.audit(before, limit, std::move(consumer), loop,
                   [call = std::move(call), limit](const std::vector<operation::AuditEntry>& entries) {
                     std::string out;
                     json::Writer writer(out);
                     writer.begin_object().key("audit").begin_array();
                     for (const operation::AuditEntry& entry : entries) {
                       writer.begin_object().member("id", entry.id);
                       write_time(writer, "at", entry.at);
                       writer.member("by", entry.by).member("action", entry.action);
                       writer.member("consumer", entry.consumer).key("operation");
                       if (entry.operation.value != 0) {
                         writer.unsigned_integer(entry.operation.value);
                       } else {
                         writer.null();
                       }
                       writer.member("what", entry.what).member("outcome", entry.outcome).end_object();
                     }
                     writer.end_array().key("next_before");
                     if (entries.size() == limit) {
                       writer.unsigned_integer(entries.back().id);
                     } else {
                       writer.null();
                     }
                     writer.end_object();
                     call->answer(std::move(out));
                   });
}

}  // namespace trunkline::api
