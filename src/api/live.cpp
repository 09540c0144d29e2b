#include <fmt/format.h>

#include "api/handlers.hpp"

namespace trunkline::api {

// Server-Sent Events (WHATWG HTML, section 9.2); docs/sinks/live.md has what is sent.
void get_live(CallPtr call) {
  const auto consumer = find_consumer(*call);
  if (!consumer) return;
  Hub::LiveRequest request;
  request.only = call->request.query_parameter("only").value_or(std::string());
  request.last_event_id = call->request.header("last-event-id").value_or(std::string_view());
  auto begin = call->hub.live(consumer->name, call->loop, std::move(request));
  if (!begin.ok()) {
    const bool other_sink = begin.error().code == base::Errc::conflict;
    return call->fail(begin.error(), other_sink ? "a live feed is a consumer with 'sink: {live: {}}'"
                                                : "docs/sinks/live.md says what can be asked for");
  }
  net::HttpResponse response;
  // A buffering proxy would hold changes back (nginx: X-Accel-Buffering).
  response.headers = {
      {"Content-Type", "text/event-stream"}, {"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}};
  // Who has the key in the URL has it on purpose; no cookie or other credential of the browser counts here, so that a
  // page of any site that knows the key may read.
  if (call->request.query_parameter("key")) response.headers.emplace_back("Access-Control-Allow-Origin", "*");
  response.stream = std::move(*begin);
  call->respond(std::move(response));
}

}  // namespace trunkline::api
