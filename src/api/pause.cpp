// Pause and resume.
#include "api/describe_age.hpp"
#include "api/handlers.hpp"
#include "api/object_reader.hpp"
#include "base/text.hpp"

namespace trunkline::api {
namespace {

constexpr base::Millis kPauseMax = std::chrono::days(366);

base::Result<PauseRequest> read_pause(const std::string& body, base::WallTime now) {
  json::Document document;
  TRUNKLINE_TRY(const json::Value root, parse_body(document, body));
  ObjectReader reader(root, "");
  PauseRequest request;
  request.reason = reader.text("reason", watch::kReasonMax);
  const bool has_length = reader.has("for_seconds");
  const bool has_until = reader.has("until");
  if (has_length && has_until) reader.complain("for_seconds and until exclude each other");
  const base::Millis length =
      reader.seconds("for_seconds", std::chrono::seconds(1), kPauseMax, std::chrono::seconds(1));
  if (has_length) request.until = now + length;
  if (has_until) {
    request.until = base::parse_time(reader.text("until", 64));
    if (!request.until || *request.until <= now || *request.until > now + kPauseMax)
      reader.complain("until is a time of the next 366 days, as 2026-03-02T14:00:00Z");
  }
  TRUNKLINE_TRY_VOID(reader.finish());
  return request;
}

engine::DoneCallback answer_with_state(CallPtr call) {
  return [call = std::move(call)](base::Result<void> result) {
    if (!result.ok()) return call->fail(result.error());
    const auto consumer = find_consumer(*call);
    if (!consumer) return;
    std::string out;
    json::Writer writer(out);
    writer.begin_object().member("name", consumer->name).member("paused", consumer->paused);
    write_rest(writer, consumer->rest, call->clock.wall());
    writer.end_object();
    call->answer(std::move(out));
  };
}

}  // namespace

void post_pause(CallPtr call) {
  if (!find_consumer(*call)) return;
  auto request = read_pause(call->request.body, call->clock.wall());
  if (!request.ok()) return call->fail(request.error(), R"({"reason":"why","for_seconds":7200})");
  Hub& hub = call->hub;
  base::Loop& loop = call->loop;
  const std::string name = call->captures[0];
  hub.pause(name, std::move(*request), loop, answer_with_state(std::move(call)));
}

void post_resume(CallPtr call) {
  if (!find_consumer(*call)) return;
  Hub& hub = call->hub;
  base::Loop& loop = call->loop;
  const std::string name = call->captures[0];
  hub.resume(name, loop, answer_with_state(std::move(call)));
}

}  // namespace trunkline::api
