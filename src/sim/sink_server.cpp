#include "sim/sink_server.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/text.hpp"
#include "json/document.hpp"
#include "json/writer.hpp"

namespace trunkline::sim {
namespace {

using base::Errc;
using base::Result;

constexpr std::size_t kHangingMax = 10'000;

// The values of a header that may be repeated and may hold lists.
class HeaderValues {
 public:
  HeaderValues(const net::Headers& headers, std::string_view wanted) {
    for (const auto& [name, value] : headers) {
      if (name.size() != wanted.size() || !net::find_header({{name, value}}, wanted)) continue;
      std::string_view rest = value;
      while (true) {
        const std::size_t comma = rest.find(',');
        std::string_view part = rest.substr(0, comma);
        while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
        while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
        values_.push_back(part);
        if (comma == std::string_view::npos) break;
        rest.remove_prefix(comma + 1);
      }
    }
  }
  // One value for all events of the request.
  std::string_view shared() const { return values_.empty() ? std::string_view{} : values_[0]; }
  // One value per event, in order.
  std::string_view at(std::size_t event) const { return event < values_.size() ? values_[event] : std::string_view{}; }
  // Whether the list names the sequence number: "42" or "42=41".
  bool names(std::uint64_t sequence) const {
    return std::any_of(values_.begin(), values_.end(), [sequence](std::string_view value) {
      return sequence != 0 && number(value.substr(0, value.find('='))) == sequence;
    });
  }
  static std::uint64_t number(std::string_view text) {
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  }

 private:
  std::vector<std::string_view> values_;
};

}  // namespace

SinkServer::SinkServer(net::IoLoop& loop, SinkRules rules, std::uint64_t seed, LedgerWriter* ledger)
    : loop_(loop), behaviour_(std::move(rules), seed), ledger_(ledger) {}

SinkServer::~SinkServer() {
  *alive_ = false;
}

Result<std::unique_ptr<net::HttpServer>> SinkServer::serve(const std::string& address, bool control_only,
                                                           std::uint16_t& port) {
  auto server = std::make_unique<net::HttpServer>(
      std::vector<net::IoLoop*>{&loop_}, net::HttpServerOptions{},
      [this, control_only](net::IoLoop&, net::HttpRequest request, net::Responder respond) {
        if (control_only || request.path == "/control") return control(request, std::move(respond));
        if (is_hec_health_path(request.path) && behaviour_.mode() != SinkBehaviour::Mode::hang)
          return respond(hec_health(behaviour_.mode() == SinkBehaviour::Mode::ok ? 200 : 503));
        take(std::move(request), std::move(respond));
      });
  TRUNKLINE_TRY(port, server->listen(address));
  return server;
}

Result<std::uint16_t> SinkServer::listen(const std::string& address) {
  std::uint16_t port = 0;
  TRUNKLINE_TRY(server_, serve(address, false, port));
  // Refusing and coming back must keep the port.
  address_ = address.substr(0, address.rfind(':')) + ":" + std::to_string(port);
  return port;
}

Result<std::uint16_t> SinkServer::listen_control(const std::string& address) {
  std::uint16_t port = 0;
  TRUNKLINE_TRY(control_server_, serve(address, true, port));
  return port;
}

void SinkServer::take(net::HttpRequest request, net::Responder respond) {
  ++statistics_.requests;
  Taken taken{std::move(request), ++ticks_};
  if (is_hec_event_path(taken.request.path)) taken.hec = read_hec(taken.request);
  if (taken.hec && taken.hec->fault) {
    ++statistics_.refused_requests;
    return respond(hec_response(*taken.hec->fault));
  }
  const std::size_t events = taken.hec ? taken.hec->events.size() : split_events(taken.request.body).size();
  const SinkBehaviour::Decision decision = behaviour_.decide(taken.request.body, events, loop_.clock().mono());
  if (decision.hang) {
    ++statistics_.hung;
    hanging_.push_back(std::move(respond));
    if (hanging_.size() > kHangingMax) hanging_.pop_front();
    return;
  }
  if (decision.delay.count() <= 0) return answer(std::move(taken), decision, std::move(respond));
  loop_.after(decision.delay,
              [this, alive = alive_, taken = std::move(taken), decision, respond = std::move(respond)]() mutable {
                if (*alive) answer(std::move(taken), decision, std::move(respond));
              });
}

void SinkServer::answer(Taken taken, const SinkBehaviour::Decision& decision, net::Responder respond) {
  net::HttpResponse response =
      taken.hec ? hec_response(decision.status, poisoned(taken)) : net::HttpResponse::text(decision.status, "");
  if (decision.retry_after.count() > 0) {
    response.headers.emplace_back("Retry-After", std::to_string(decision.retry_after.count() / 1000));
  }
  if (decision.status >= 200 && decision.status < 300) {
    write_lines(taken);
    ++statistics_.taken_requests;
  } else {
    ++statistics_.refused_requests;
  }
  respond(std::move(response));
}

std::optional<std::size_t> SinkServer::poisoned(const Taken& taken) const {
  for (std::size_t i = 0; i < taken.hec->events.size(); ++i) {
    if (behaviour_.is_poison(taken.hec->events[i].event)) return i;
  }
  return std::nullopt;
}

void SinkServer::write_lines(const Taken& taken) {
  if (taken.hec) return write_hec_lines(taken);
  const net::Headers& headers = taken.request.headers;
  const HeaderValues sequences(headers, "trunkline-sequence");
  const HeaderValues attempts(headers, "trunkline-attempt");
  const HeaderValues consumers(headers, "trunkline-consumer");
  const HeaderValues gaps(headers, "trunkline-gap-before");
  const HeaderValues redriven(headers, "trunkline-redriven");
  DeliveredLine line;
  line.arrival = taken.arrival;
  line.answered = ++ticks_;
  line.attempt = static_cast<std::uint32_t>(HeaderValues::number(attempts.shared()));
  line.consumer = consumers.shared();
  for (const std::string_view event : split_events(taken.request.body)) {
    line.sequence = HeaderValues::number(sequences.at(line.place));
    if (line.sequence == 0) line.sequence = own_bytes(event).sequence;
    line.gap_before = gaps.names(line.sequence);
    line.redriven = redriven.names(line.sequence);
    write(line, event);
    ++line.place;
  }
}

void SinkServer::write_hec_lines(const Taken& taken) {
  const HeaderValues attempts(taken.request.headers, "trunkline-attempt");
  DeliveredLine line;
  line.arrival = taken.arrival;
  line.answered = ++ticks_;
  line.attempt = static_cast<std::uint32_t>(HeaderValues::number(attempts.shared()));
  for (const HecEvent& event : taken.hec->events) {
    line.sequence = event.sequence;
    line.consumer = event.consumer;
    line.gap_before = event.gap_before;
    line.redriven = event.redriven;
    write(line, event.event);
    ++line.place;
  }
}

void SinkServer::write(DeliveredLine line, std::string_view event) {
  const OwnBytes own = own_bytes(event);
  line.hash = own.closed ? base::hash128(joined(own)) : base::hash128(own.head);
  line.envelope_id = envelope_id(own.head);
  if (ledger_ != nullptr) ledger_->add(line);
  ++statistics_.events_taken;
}

std::string SinkServer::describe() const {
  std::string text;
  json::Writer writer(text);
  constexpr std::string_view kModes[] = {"ok", "hang", "status", "refuse"};
  writer.begin_object().member("mode", kModes[static_cast<std::size_t>(behaviour_.mode())]);
  writer.member("requests", statistics_.requests).member("events", statistics_.events_taken);
  writer.member("refused", statistics_.refused_requests).member("hung", statistics_.hung);
  writer.end_object();
  return text;
}

void SinkServer::control(const net::HttpRequest& request, net::Responder respond) {
  if (request.method == "POST") {
    if (const auto applied = apply_control(request.body); !applied.ok()) {
      return respond(net::HttpResponse::text(400, applied.error().detail + "\n"));
    }
  }
  respond(net::HttpResponse::json(200, describe()));
}

Result<void> SinkServer::apply_control(std::string_view body) {
  json::Document document;
  TRUNKLINE_TRY(const json::Value root, document.parse(body));
  base::Millis period{0};
  if (const std::string_view text = root.string_at("for"); !text.empty()) {
    TRUNKLINE_TRY(period, base::parse_duration(text));
  }
  if (const std::string_view text = root.string_at("latency"); !text.empty()) {
    TRUNKLINE_TRY(const base::Millis mean, base::parse_duration(text));
    base::Millis p99{0};
    if (const std::string_view tail = root.string_at("latency_p99"); !tail.empty()) {
      TRUNKLINE_TRY(p99, base::parse_duration(tail));
    }
    behaviour_.set_latency(mean, p99);
  }
  const std::string_view mode = root.string_at("mode");
  return mode.empty() ? Result<void>{} : set_mode(mode, period);
}

Result<void> SinkServer::set_mode(std::string_view mode, base::Millis period) {
  if (mode == "refuse" && period.count() <= 0 && !control_server_) {
    return {Errc::invalid, "refuse needs \"for\", since nobody could reach /control to end it"};
  }
  const bool was_refusing = behaviour_.mode() == SinkBehaviour::Mode::refuse;
  TRUNKLINE_TRY_VOID(behaviour_.set_mode(mode));
  const std::uint64_t change = ++changes_;
  if (behaviour_.mode() != SinkBehaviour::Mode::hang) hanging_.clear();  // each answers 503 as it goes
  const bool refusing = behaviour_.mode() == SinkBehaviour::Mode::refuse;
  if (refusing && !was_refusing) begin_refusing();
  if (!refusing && was_refusing) end_refusing(change);
  if (period.count() > 0) {
    loop_.after(period, [this, alive = alive_, change] {
      if (*alive && changes_ == change) static_cast<void>(set_mode("ok", base::Millis(0)));
    });
  }
  return {};
}

void SinkServer::begin_refusing() {
  if (!server_) return;
  // A moment later, so that the answer to the control request is on its way.
  loop_.after(base::Millis(10), [this, alive = alive_] {
    if (!*alive || !server_) return;
    std::shared_ptr<net::HttpServer> going(std::move(server_));
    // The server outlives its own stop: its last act must not be on the stack when it is destroyed.
    going->stop(base::Millis(0), [&loop = loop_, going]() mutable { loop.post([going = std::move(going)] {}); });
  });
}

void SinkServer::end_refusing(std::uint64_t change) {
  std::uint16_t port = 0;
  auto server = serve(address_, false, port);
  if (server.ok()) {
    server_ = std::move(*server);
    return;
  }
  // The old listener may not be gone yet.
  loop_.after(base::Millis(50), [this, alive = alive_, change] {
    if (*alive && changes_ == change) end_refusing(change);
  });
}

void SinkServer::stop(base::Task done) {
  ++changes_;
  hanging_.clear();
  if (!server_) return loop_.post(std::move(done));
  server_->stop(std::chrono::seconds(1), std::move(done));
}

}  // namespace trunkline::sim
