#include "api/call.hpp"

#include <fmt/format.h>

#include <charconv>

#include "base/text.hpp"
#include "json/writer.hpp"

namespace trunkline::api {
namespace {

constexpr std::size_t kLimitMax = 1'000;  // the engine's own

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

void Call::answer(std::string json, int status) {
  json.push_back('\n');
  respond(net::HttpResponse::json(status, std::move(json)));
}

void Call::answer_text(std::string content_type, std::string text) {
  respond({200, {{"Content-Type", std::move(content_type)}}, std::move(text)});
}

void Call::fail(const base::Error& error, std::string_view hint) {
  const int status = base::http_status(error.code);
  net::HttpResponse response =
      net::HttpResponse::json(status, error_json(base::name(error.code), error.detail, hint) + "\n");
  if (status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (status == 503) response.headers.emplace_back("Retry-After", "1");
  respond(std::move(response));
}

std::string error_json(std::string_view code, std::string_view message, std::string_view hint) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().key("error").begin_object();
  writer.member("code", code).member("message", message).member("hint", hint);
  writer.end_object().end_object();
  return out;
}

base::Result<std::uint64_t> parse_id(std::string_view what, std::string_view text) {
  const auto value = parse_number(text);
  if (!value || *value == 0) return {base::Errc::invalid, fmt::format("{} '{}' is not a number from 1 on", what, text)};
  return *value;
}

base::Result<PageQuery> page_query(const net::HttpRequest& request) {
  PageQuery page;
  if (const auto after = request.query_parameter("after")) {
    const auto value = parse_number(*after);
    if (!value) return {base::Errc::invalid, fmt::format("after '{}' is not a number", *after)};
    page.after = *value;
  }
  if (const auto limit = request.query_parameter("limit")) {
    const auto value = parse_number(*limit);
    if (!value || *value == 0 || *value > kLimitMax)
      return {base::Errc::invalid, fmt::format("limit '{}' is not a number from 1 to {}", *limit, kLimitMax)};
    page.limit = static_cast<std::size_t>(*value);
  }
  return page;
}

std::optional<ConsumerInfo> find_consumer(Call& call) {
  const std::string& name = call.captures[0];
  auto found = call.hub.consumer(name);
  if (found) return found;
  std::vector<std::string> names;
  for (ConsumerInfo& consumer : call.hub.consumers()) names.push_back(std::move(consumer.name));
  const auto near = base::nearest(name, names);
  call.fail({base::Errc::not_found, fmt::format("there is no consumer '{}'", name)},
            near ? fmt::format("did you mean '{}'?", *near) : "GET /api/v1/consumers lists them");
  return std::nullopt;
}

}  // namespace trunkline::api
