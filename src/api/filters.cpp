// What filters do with events: the questions of somebody who writes one.
#include <algorithm>

#include "api/describe.hpp"
#include "api/handlers.hpp"
#include "api/view.hpp"
#include "json/document.hpp"
#include "json/writer.hpp"

namespace trunkline::api {
namespace {

constexpr double kHoursMax = 24 * 366;
constexpr std::uint64_t kSamplesMax = 20;

// The member as JSON text: {"policy":{…}} or {"policy":"{…}"}.
std::string json_member(json::Value object, std::string_view name) {
  const auto value = object.find(name);
  if (!value) return {};
  return value->is(json::Type::string) ? std::string(value->string()) : std::string(value->raw());
}

base::Result<MatchesRequest> read_matches(const std::string& body) {
  json::Document document;
  const auto root = document.parse(body);
  if (!root.ok() || !root->is(json::Type::object)) return {base::Errc::invalid, "the body is not a JSON object"};
  MatchesRequest request;
  for (auto member = root->first(); member; member = member->next()) {
    const std::string_view name = member->name();
    if (name != "policy" && name != "scope" && name != "hours" && name != "samples" && name != "against")
      return {base::Errc::invalid,
              "unknown member '" + std::string(name) + "': policy, scope, hours, samples, against"};
  }
  request.policy = json_member(*root, "policy");
  if (request.policy.empty()) return {base::Errc::invalid, "'policy' is missing: an SNS filter policy"};
  const std::string scope(root->string_at("scope"));
  if (!scope.empty() && scope != "MessageAttributes" && scope != "MessageBody")
    return {base::Errc::invalid, "scope '" + scope + "' is neither MessageAttributes nor MessageBody"};
  request.body_scope = scope == "MessageBody";
  request.against = root->string_at("against");
  if (const auto hours = root->find("hours")) {
    const std::string text(hours->raw());
    request.hours = std::strtod(text.c_str(), nullptr);
    if (!hours->is(json::Type::number) || request.hours <= 0 || request.hours > kHoursMax)
      return {base::Errc::invalid, "'hours' is a number over 0, at most 8784"};
  }
  if (const auto samples = root->find("samples")) {
    const std::string text(samples->raw());
    const double count = std::strtod(text.c_str(), nullptr);
    if (!samples->is(json::Type::number) || count < 0 || count > static_cast<double>(kSamplesMax))
      return {base::Errc::invalid, "'samples' is a number from 0 to 20"};
    request.samples = static_cast<std::size_t>(count);
  }
  return request;
}

void write_samples(json::Writer& writer, std::string_view name, const std::vector<engine::RecordPtr>& samples,
                   View& view) {
  writer.key(name).begin_array();
  for (const engine::RecordPtr& sample : samples) {
    const engine::RecordPtr record = view.of(sample);
    writer.begin_object().member("sequence", record->sequence.value);
    write_time(writer, "accepted_at", record->accepted_at);
    writer.member("type", record->event.event_type).key("event").raw(record->event.raw).end_object();
  }
  writer.end_array();
}

std::string matches_json(const MatchesReport& report, View& view) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().member("total", report.total).member("matched", report.matched);
  write_time(writer, "from", report.from);
  writer.member("complete", report.complete).key("types").begin_array();
  for (const MatchesReport::ByType& type : report.types) {
    writer.begin_object().member("type", type.type).member("total", type.total).member("matched", type.matched);
    if (report.backtest) writer.member("gained", type.gained).member("lost", type.lost);
    writer.end_object();
  }
  writer.end_array();
  write_samples(writer, "samples", report.samples, view);
  if (report.backtest) {
    writer.member("got", report.backtest->got).member("gained", report.backtest->gained);
    writer.member("lost", report.backtest->lost);
    write_samples(writer, "gained_samples", report.backtest->gained_samples, view);
    write_samples(writer, "lost_samples", report.backtest->lost_samples, view);
  }
  writer.end_object();
  return out;
}

base::Result<ExplainRequest> read_explain(const std::string& body) {
  json::Document document;
  const auto root = document.parse(body);
  if (!root.ok() || !root->is(json::Type::object)) return {base::Errc::invalid, "the body is not a JSON object"};
  ExplainRequest request;
  int given = 0;
  if (const auto sequence = root->find("sequence")) {
    TRUNKLINE_TRY(const std::uint64_t value, parse_id("the event's sequence", sequence->raw()));
    request.sequence = base::Sequence{value};
    ++given;
  }
  request.id = root->string_at("id");
  given += request.id.empty() ? 0 : 1;
  request.payload = json_member(*root, "event");
  given += request.payload.empty() ? 0 : 1;
  if (given == 1) return request;
  return {base::Errc::invalid,
          "exactly one of 'sequence', 'id' (of the envelope) and 'event' (as a source would post it)"};
}

void write_explained(json::Writer& writer, const ExplainedEvent& event) {
  writer.begin_object();
  if (!event.problem.empty()) {
    writer.member("problem", event.problem).end_object();
    return;
  }
  writer.member("type", event.type).member("envelope_id", event.envelope_id);
  if (event.sequence) writer.member("sequence", event.sequence->value);
  writer.key("consumers").begin_array();
  for (const ExplainedEvent::Consumer& consumer : event.consumers) {
    writer.begin_object().member("consumer", consumer.name).member("gets", consumer.gets);
    if (consumer.got) writer.member("got", *consumer.got);
    writer.key("why").raw(consumer.why_json).member("text", consumer.why_text).end_object();
  }
  writer.end_array().end_object();
}

}  // namespace

void post_matches(CallPtr call) {
  auto request = read_matches(call->request.body);
  if (!request.ok()) return call->fail(request.error());
  auto mapping = view_mapping(call->hub, nullptr);
  with_view(std::move(call), std::move(mapping), [request = std::move(*request)](CallPtr asking, View view) mutable {
    Hub& hub = asking->hub;
    base::Loop& loop = asking->loop;
    hub.matches(std::move(request), loop,
                [call = std::move(asking), view = std::move(view)](const base::Result<MatchesReport>& report) mutable {
                  if (!report.ok()) return call->fail(report.error());
                  call->answer(matches_json(*report, view));
                });
  });
}

void post_explain(CallPtr call) {
  auto request = read_explain(call->request.body);
  if (!request.ok()) return call->fail(request.error());
  Hub& hub = call->hub;
  base::Loop& loop = call->loop;
  hub.explain(std::move(*request), loop,
              [call = std::move(call)](const base::Result<std::vector<ExplainedEvent>>& events) {
                if (!events.ok()) return call->fail(events.error());
                std::string out;
                json::Writer writer(out);
                writer.begin_object().key("events").begin_array();
                for (const ExplainedEvent& event : *events) write_explained(writer, event);
                writer.end_array().end_object();
                call->answer(std::move(out));
              });
}

}  // namespace trunkline::api
