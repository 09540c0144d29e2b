#include "lambda/runtime_api.hpp"

#include <fmt/format.h>

#include <charconv>
#include <future>
#include <utility>

#include "base/run_and_wait.hpp"
#include "json/writer.hpp"

namespace trunkline::lambda {
namespace {

using base::Errc;
using base::Error;
using base::Result;

constexpr base::Millis kAnswerWithin = std::chrono::seconds(10);
constexpr base::Millis kLoopWithin = std::chrono::seconds(5);
constexpr std::size_t kMessageMax = 4'096;  // of an error

std::string text_of(const net::Headers& headers, std::string_view name) {
  return std::string(net::find_header(headers, name).value_or(""));
}

}  // namespace

Result<Invocation> read_invocation(net::ClientResponse response) {
  Invocation invocation;
  invocation.id = text_of(response.headers, "Lambda-Runtime-Aws-Request-Id");
  const std::string deadline = text_of(response.headers, "Lambda-Runtime-Deadline-Ms");
  std::int64_t millis = 0;
  const auto read = std::from_chars(deadline.data(), deadline.data() + deadline.size(), millis);
  if (invocation.id.empty() || read.ec != std::errc() || millis <= 0)
    return Error{Errc::invalid, "an invocation without its id or its deadline"};
  invocation.deadline = base::WallTime(base::Millis(millis));
  invocation.function_arn = text_of(response.headers, "Lambda-Runtime-Invoked-Function-Arn");
  invocation.trace_id = text_of(response.headers, "Lambda-Runtime-Trace-Id");
  invocation.payload = std::move(response.body);
  return invocation;
}

std::string error_body(std::string_view type, std::string_view message) {
  std::string text;
  json::Writer out(text);
  out.begin_object().member("errorMessage", message.substr(0, kMessageMax)).member("errorType", type);
  out.key("stackTrace").begin_array().end_array().end_object();
  return text;
}

RuntimeApi::RuntimeApi(net::IoLoop& loop, std::string_view address)
    : loop_(loop), base_(fmt::format("http://{}/2018-06-01/runtime/", address)) {
  net::HttpClientOptions options;
  options.addresses = {true, true, {"169.254.0.0/16"}};  // wherever Lambda puts it: it is the platform's own variable
  client_ = std::make_unique<net::HttpClient>(loop, std::move(options));
}

RuntimeApi::~RuntimeApi() {
  base::run_and_wait(loop_, kLoopWithin, [client = std::move(client_)](base::Task done) mutable {
    client.reset();
    done();
  });
}

Result<net::ClientResponse> RuntimeApi::send(net::ClientRequest request) {
  auto promise = std::make_shared<std::promise<Result<net::ClientResponse>>>();
  auto answered = promise->get_future();
  loop_.post([this, request = std::move(request), promise]() mutable {
    client_->send(std::move(request),
                  [promise](Result<net::ClientResponse> response) { promise->set_value(std::move(response)); });
  });
  return answered.get();
}

Result<Invocation> RuntimeApi::next() {
  net::ClientRequest request;
  request.method = "GET";
  request.url = base_ + "invocation/next";
  request.timeout = base::Millis(0);
  request.response_bytes_max = kPayloadMax + 1;
  TRUNKLINE_TRY(net::ClientResponse response, send(std::move(request)));
  if (response.status != 200) return Error{Errc::unavailable, fmt::format("next was answered {}", response.status)};
  return read_invocation(std::move(response));
}

Result<void> RuntimeApi::post(const std::string& path, std::string body, std::string_view error_type) {
  net::ClientRequest request;
  request.url = base_ + path;
  request.headers = {{"Content-Type", "application/json"}};
  if (!error_type.empty()) request.headers.emplace_back("Lambda-Runtime-Function-Error-Type", error_type);
  request.body = std::move(body);
  request.timeout = kAnswerWithin;
  TRUNKLINE_TRY(const net::ClientResponse response, send(std::move(request)));
  // "Container error. Non-recoverable state. Runtime should exit promptly."
  if (response.status >= 500) return Error{Errc::unavailable, fmt::format("{} was answered {}", path, response.status)};
  // A late answer of an invocation that Lambda has given up is refused; the next one may be good.
  if (response.status >= 400) return Error{Errc::invalid, fmt::format("{} was answered {}", path, response.status)};
  return {};
}

Result<void> RuntimeApi::respond(const Invocation& invocation, std::string body) {
  return post(fmt::format("invocation/{}/response", invocation.id), std::move(body), {});
}

Result<void> RuntimeApi::fail(const Invocation& invocation, std::string_view type, std::string_view message) {
  return post(fmt::format("invocation/{}/error", invocation.id), error_body(type, message), type);
}

Result<void> RuntimeApi::init_error(std::string_view type, std::string_view message) {
  return post("init/error", error_body(type, message), type);
}

}  // namespace trunkline::lambda
