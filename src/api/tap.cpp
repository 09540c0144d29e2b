// Events as they are accepted, for a terminal or a page that watches.
#include <fmt/format.h>

#include <cmath>

#include "api/handlers.hpp"
#include "api/view.hpp"
#include "base/text.hpp"

namespace trunkline::api {
namespace {

constexpr double kRateMax = 100'000;  // events a second: more than the hub takes
constexpr std::size_t kListMax = 100;

// "a,b"; a name has no comma.
base::Result<std::vector<std::string>> read_list(const net::HttpRequest& request, std::string_view name) {
  std::vector<std::string> list;
  const std::string text = request.query_parameter(name).value_or("");
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view one = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    if (!one.empty()) list.emplace_back(one);
  }
  if (list.size() > kListMax)
    return {base::Errc::invalid, fmt::format("'{}' lists {} names; {} are the most", name, list.size(), kListMax)};
  return list;
}

base::Result<bool> read_flag(const net::HttpRequest& request, std::string_view name) {
  const std::string text = request.query_parameter(name).value_or("0");
  if (text == "1" || text == "true") return true;
  if (text == "0" || text == "false" || text.empty()) return false;
  return {base::Errc::invalid, fmt::format("{} '{}' is neither 1 nor 0", name, text)};
}

base::Result<double> read_rate(const net::HttpRequest& request) {
  const auto text = request.query_parameter("rate");
  if (!text || text->empty()) return 0.0;
  char* end = nullptr;
  const double rate = std::strtod(text->c_str(), &end);
  if (end == text->c_str() + text->size() && std::isfinite(rate) && rate >= 0 && rate <= kRateMax) return rate;
  return {base::Errc::invalid, fmt::format("rate '{}' is not a number from 0 to {}", *text, kRateMax)};
}

base::Result<TapQuery> read_query(const net::HttpRequest& request) {
  TapQuery query;
  query.filter = request.query_parameter("filter").value_or("");
  const std::string scope = request.query_parameter("filter_scope").value_or("MessageAttributes");
  if (scope != "MessageAttributes" && scope != "MessageBody")
    return {base::Errc::invalid, fmt::format("filter_scope '{}' is neither MessageAttributes nor MessageBody", scope)};
  query.body_scope = scope == "MessageBody";
  TRUNKLINE_TRY(query.categories, read_list(request, "category"));
  TRUNKLINE_TRY(query.consumers, read_list(request, "consumer"));
  TRUNKLINE_TRY(query.rate, read_rate(request));
  TRUNKLINE_TRY(query.with_body, read_flag(request, "body"));
  return query;
}

void start_tap(CallPtr call, TapQuery query) {
  auto start = call->hub.tap(std::move(query), call->loop);
  if (!start.ok()) return call->fail(start.error(), "docs/api.md describes GET /api/v1/tap");
  net::HttpResponse response;
  // The last one keeps a proxy from holding the stream back.
  response.headers = {
      {"Content-Type", "text/event-stream"}, {"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}};
  response.stream = std::move(*start);
  call->respond(std::move(response));
}

}  // namespace

void get_tap(CallPtr call) {
  auto query = read_query(call->request);
  if (!query.ok()) return call->fail(query.error());
  for (const std::string& name : query->consumers) {
    if (call->hub.consumer(name)) continue;
    return call->fail({base::Errc::not_found, fmt::format("there is no consumer '{}'", name)},
                      "GET /api/v1/consumers lists them");
  }
  // Of one consumer: as that one gets them.
  const auto consumer = query->consumers.size() == 1 ? call->hub.consumer(query->consumers[0]) : std::nullopt;
  auto mapping = view_mapping(call->hub, consumer ? &*consumer : nullptr);
  query->view = mapping;
  with_view(std::move(call), std::move(mapping), [query = std::move(*query)](CallPtr asking, View view) mutable {
    if (view.raw()) query.view = nullptr;
    start_tap(std::move(asking), std::move(query));
  });
}

}  // namespace trunkline::api
