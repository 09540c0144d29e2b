#include "api/api.hpp"

#include <array>

#include <fmt/format.h>

#include "api/call.hpp"
#include "api/handlers.hpp"

namespace trunkline::api {
namespace {

using Handler = void (*)(CallPtr);
enum class Body : std::uint8_t { small, corrected };
struct Route {
  std::string_view method;
  std::string_view path;  // {} is one segment
  Handler handler;
  Body body = Body::small;
  bool key_in_query = false;
};
constexpr std::array kRoutes = {
    Route{"GET", "/healthz", get_healthz},
    Route{"GET", "/readyz", get_readyz},
    Route{"GET", "/metrics", get_metrics},
    Route{"GET", "/api/v1/status", get_status},
    Route{"GET", "/api/v1/events/{}", get_event},
    Route{"POST", "/api/v1/backup", post_backup},
    Route{"GET", "/api/v1/tap", get_tap},
    Route{"POST", "/api/v1/reload", post_reload},
    Route{"POST", "/api/v1/filters/matches", post_matches},
    Route{"POST", "/api/v1/explain", post_explain},
    Route{"GET", "/api/v1/why/{}", get_why},
    Route{"GET", "/api/v1/mappings/{}", get_mapping},
    Route{"GET", "/api/v1/alarms", get_alarms},
    Route{"GET", "/api/v1/consumers", get_consumers},
    Route{"GET", "/api/v1/consumers/{}", get_consumer},
    Route{"POST", "/api/v1/consumers/{}/pause", post_pause},
    Route{"POST", "/api/v1/consumers/{}/resume", post_resume},
    Route{"GET", "/api/v1/consumers/{}/live", get_live, Body::small, true},
    Route{"GET", "/api/v1/consumers/{}/shadow", get_shadow},
    Route{"POST", "/api/v1/consumers/{}/receive", post_receive},
    Route{"POST", "/api/v1/consumers/{}/settle", post_settle},
    Route{"GET", "/api/v1/consumers/{}/dead-letters", get_dead_letters},
    Route{"GET", "/api/v1/consumers/{}/dead-letters/{}", get_dead_letter},
    Route{"POST", "/api/v1/consumers/{}/dead-letters/{}/edit", post_edit, Body::corrected},
    Route{"POST", "/api/v1/consumers/{}/redrive", post_redrive},
    Route{"POST", "/api/v1/consumers/{}/purge", post_purge},
    Route{"GET", "/api/v1/operations", get_operations},
    Route{"POST", "/api/v1/operations", post_operation},
    Route{"GET", "/api/v1/operations/{}", get_operation},
    Route{"POST", "/api/v1/operations/{}/pause", post_operation_pause},
    Route{"POST", "/api/v1/operations/{}/resume", post_operation_resume},
    Route{"POST", "/api/v1/operations/{}/cancel", post_operation_cancel},
    Route{"GET", "/api/v1/audit", get_audit},
    Route{"GET", "/api/v1/quarantine", get_quarantine},
    Route{"POST", "/api/v1/quarantine/resubmit", post_resubmit},
    Route{"GET", "/api/v1/quarantine/{}", get_quarantine_entry},
    Route{"DELETE", "/api/v1/quarantine/{}", delete_quarantine_entry},
    Route{"POST", "/api/v1/quarantine/{}/resubmit", post_resubmit_one, Body::corrected},
};

std::string_view next_segment(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('/'), rest.size());
  const std::string_view segment = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return segment;
}

// The captured segments; nothing when the path is another one.
std::optional<std::vector<std::string>> match(std::string_view pattern, std::string_view path) {
  std::vector<std::string> captures;
  pattern.remove_prefix(1);
  path.remove_prefix(1);
  if (path.ends_with('/')) return std::nullopt;
  while (!pattern.empty() && !path.empty()) {
    const std::string_view wanted = next_segment(pattern);
    const std::string_view given = next_segment(path);
    if (wanted == "{}" && !given.empty()) {
      captures.emplace_back(given);
    } else if (wanted != given) {
      return std::nullopt;
    }
  }
  if (!pattern.empty() || !path.empty()) return std::nullopt;
  return captures;
}

void answer_wrong_method(Call& call, const std::vector<std::string_view>& methods) {
  std::string allow;
  for (const std::string_view method : methods) {
    if (!allow.empty()) allow += ", ";
    allow += method == "GET" ? "GET, HEAD" : method;
  }
  net::HttpResponse response = net::HttpResponse::json(
      405, error_json("method_not_allowed", fmt::format("{} does not take {}", call.request.path, call.request.method),
                      "allowed: " + allow) +
               "\n");
  response.headers.emplace_back("Allow", allow);
  call.respond(std::move(response));
}

// False when the call has been failed.
bool body_is_usable(Call& call, std::size_t bytes_max) {
  if (!call.request.body_error.empty()) {
    call.fail({base::Errc::invalid, "the body cannot be read: " + call.request.body_error});
    return false;
  }
  if (call.request.body.size() <= bytes_max) return true;
  call.fail({base::Errc::too_large, fmt::format("a body here has at most {} bytes", bytes_max)});
  return false;
}

void refuse(Call& call, const base::Error& error, const Keyring& keys) {
  net::HttpResponse response = net::HttpResponse::json(
      base::http_status(error.code), error_json(base::name(error.code), error.detail, keys.hint()) + "\n");
  response.headers.emplace_back("WWW-Authenticate", keys.challenge(call.request));
  call.respond(std::move(response));
}

bool takes_key_in_query(std::string_view path) {
  for (const Route& route : kRoutes) {
    if (route.key_in_query && path.starts_with('/') && match(route.path, path)) return true;
  }
  return false;
}

}  // namespace

Api::Api(Hub& hub, ApiOptions options, const base::Clock& clock)
    : hub_(hub), options_(options), clock_(clock), keys_(std::move(options.credentials)) {}

bool Api::owns(std::string_view path) {
  return is_open(path) || path == "/metrics" || path == "/api" || path.starts_with("/api/");
}

bool Api::is_open(std::string_view path) {
  return path == "/healthz" || path == "/readyz";
}

void Api::handle(base::Loop& loop, net::HttpRequest request, net::Responder respond) {
  auto call = std::make_unique<Call>(
      Call{hub_, clock_, loop, std::move(request), std::move(respond), std::vector<std::string>()});
  const std::string& path = call->request.path;
  if (!is_open(path)) {
    const auto allowed = keys_.check(call->request, clock_.wall(), takes_key_in_query(path));
    if (!allowed.ok()) return refuse(*call, allowed.error(), keys_);
    call->caller = *allowed;
  }
  // The server leaves the body of an answer to HEAD away by itself.
  const bool head = call->request.method == "HEAD";
  const std::string_view method = head ? std::string_view("GET") : call->request.method;
  std::vector<std::string_view> methods;
  for (const Route& route : kRoutes) {
    auto captures = path.starts_with('/') ? match(route.path, path) : std::nullopt;
    if (!captures) continue;
    if (route.method != method) {
      methods.push_back(route.method);
      continue;
    }
    const bool corrected = route.body == Body::corrected;
    if (!body_is_usable(*call, corrected ? options_.corrected_bytes_max : options_.body_bytes_max)) return;
    call->captures = std::move(*captures);
    return route.handler(std::move(call));
  }
  if (!methods.empty()) return answer_wrong_method(*call, methods);
  call->fail({base::Errc::not_found, "there is nothing at " + path}, "docs/api.md lists the endpoints");
}

}  // namespace trunkline::api
