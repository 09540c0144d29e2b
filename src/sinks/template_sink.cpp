#include "sinks/template_sink.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.hpp"
#include "sinks/credentials.hpp"
#include "sinks/detail.hpp"
#include "sinks/http_endpoint.hpp"
#include "sinks/http_verdict.hpp"
#include "sinks/webhook_sink.hpp"

namespace trunkline::sinks {
namespace {

using base::Errc;
using base::Result;
using delivery::BatchVerdict;
using delivery::Verdict;

constexpr std::size_t kRequestsMax = 32;
constexpr std::size_t kHeadersMax = 32;
constexpr std::size_t kRulesMax = 64;
constexpr std::size_t kPointerBytesMax = 1'024;
constexpr std::size_t kUrlBytesMax = 8 << 10;  // the longest request line that nginx and Apache take

Result<std::vector<std::pair<int, int>>> parse_statuses(std::string_view text) {
  std::vector<std::pair<int, int>> ranges;
  const auto number = [](std::string_view digits) {
    int value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return error == std::errc() && end == digits.data() + digits.size() && value >= 100 && value <= 599 ? value : 0;
  };
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string_view one = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    const std::size_t dash = one.find('-');
    const int from = number(one.substr(0, dash));
    const int to = dash == std::string_view::npos ? from : number(one.substr(dash + 1));
    if (from == 0 || to < from)
      return {Errc::invalid, fmt::format("'{}' is no status and no range such as 200-299", one)};
    ranges.emplace_back(from, to);
  }
  return ranges;
}

// RFC 6901.
std::optional<json::Value> at_pointer(json::Value value, std::string_view pointer) {
  std::optional<json::Value> at = value;
  while (!pointer.empty() && at) {
    pointer.remove_prefix(1);
    const std::size_t end = std::min(pointer.find('/'), pointer.size());
    std::string name;
    for (std::size_t i = 0; i < end; ++i) {
      const bool escaped = pointer[i] == '~' && i + 1 < end;
      name += !escaped ? pointer[i] : pointer[i + 1] == '1' ? '/' : '~';
      if (escaped) ++i;
    }
    pointer.remove_prefix(end);
    if (!at->is(json::Type::array)) {
      at = at->find(name);
      continue;
    }
    std::size_t place = 0;
    const auto [stop, error] = std::from_chars(name.data(), name.data() + name.size(), place);
    if (error != std::errc() || stop != name.data() + name.size()) return std::nullopt;
    at = at->first();
    for (; at && place > 0; --place) at = at->next();
  }
  return at;
}

bool fits(const TemplateRule& rule, std::string_view said) {
  if (rule.equals && said != *rule.equals) return false;
  return !rule.contains || said.find(*rule.contains) != std::string_view::npos;
}

BatchVerdict one(Verdict verdict, std::string error_class, std::string detail) {
  BatchVerdict made;
  made.events.push_back({verdict, std::nullopt, std::move(error_class), std::move(detail)});
  return made;
}

TemplateNames::Table meta_of(const delivery::Batch& batch) {
  const engine::Record& record = *batch.messages.front().record;
  return {{"id", webhook_id(batch.messages)},
          {"sequence", std::to_string(record.sequence.value)},
          {"attempt", std::to_string(batch.attempt)},
          {"consumer", batch.consumer},
          {"eventType", record.event.event_type},
          {"category", record.event.category},
          {"time", base::format_time(record.event.business_time.value_or(record.accepted_at))},
          {"acceptedAt", base::format_time(record.accepted_at)}};
}

bool is_json(const net::Headers& headers) {
  const auto type = net::find_header(headers, "Content-Type");
  return !type || type->find("json") != std::string_view::npos;
}

}  // namespace

Result<TemplateSink::Compiled> TemplateSink::compile(const TemplateOptions& o) {
  TRUNKLINE_TRY_VOID(validate_timeouts(o.connect_timeout, o.timeout));
  if (o.requests.empty() || o.requests.size() > kRequestsMax)
    return {Errc::invalid, "a template sink needs a url, and has at most 32 requests"};
  if (o.headers.size() > kHeadersMax || o.rules.size() > kRulesMax)
    return {Errc::invalid, "a template sink has at most 32 headers and 64 verdicts"};
  Compiled made;
  made.names = o.names;
  made.json = is_json(o.headers);
  const auto template_of = [&](std::string_view text, Template::Place place,
                               const std::string& what) -> Result<Template> {
    auto compiled = Template::compile(text, place, *made.names);
    if (!compiled.ok()) return compiled.error().with(what);
    return compiled;
  };
  for (const auto& [name, value] : o.headers) {
    TRUNKLINE_TRY(Template compiled, template_of(value, Template::Place::header, "header " + name));
    made.headers.emplace_back(name, std::move(compiled));
  }
  for (const TemplateOptions::Request& request : o.requests) {
    constexpr std::array<std::string_view, 4> kMethods = {"POST", "PUT", "PATCH", "DELETE"};
    if (std::ranges::find(kMethods, request.method) == kMethods.end())
      return {Errc::invalid, "method must be POST, PUT, PATCH or DELETE"};
    TRUNKLINE_TRY(Template url, template_of(request.url, Template::Place::url, "url"));
    if (!url.fixed_origin())
      return {Errc::invalid,
              "url: scheme and host must not come from the event, and a '/' must stand before what does"};
    std::optional<Template> body;
    if (!request.body.empty()) {
      const auto place = made.json ? Template::Place::json : Template::Place::text;
      TRUNKLINE_TRY(body, template_of(request.body, place, "body"));
    }
    made.requests.push_back({request.when, request.method, std::move(url), std::move(body)});
  }
  for (const TemplateRule& rule : o.rules) {
    TRUNKLINE_TRY(auto statuses, parse_statuses(rule.status));
    if (rule.pointer.size() > kPointerBytesMax || (!rule.pointer.empty() && rule.pointer.front() != '/'))
      return {Errc::invalid, fmt::format("'{}' is no JSON pointer such as /error/code", rule.pointer)};
    made.rules.push_back({std::move(statuses), rule});
  }
  return made;
}

Result<std::unique_ptr<TemplateSink>> TemplateSink::make(TemplateOptions options, Renderer renderer,
                                                         std::unique_ptr<HttpSender> sender, base::Loop& loop) {
  if (!options.names) options.names = std::make_shared<const TemplateNames>();
  TRUNKLINE_TRY(Compiled compiled, compile(options));
  return std::unique_ptr<TemplateSink>(
      new TemplateSink(std::move(compiled), std::move(options), std::move(renderer), std::move(sender), loop));
}

TemplateSink::TemplateSink(Compiled compiled, TemplateOptions options, Renderer renderer,
                           std::unique_ptr<HttpSender> sender, base::Loop& loop)
    : compiled_(std::make_shared<const Compiled>(std::move(compiled))),
      options_(std::move(options)),
      renderer_(std::move(renderer)),
      sender_(std::move(sender)),
      loop_(loop) {}

Result<net::ClientRequest> TemplateSink::request_of(const Request& made_by, const delivery::Batch& batch) const {
  const std::string event = renderer_(*batch.messages.front().record);
  json::Document document;
  TRUNKLINE_TRY(const json::Value parsed, document.parse(event));
  const TemplateNames::Table meta = meta_of(batch);
  const TemplateValues values{parsed, meta};
  net::ClientRequest request;
  request.method = made_by.method;
  request.connect_timeout = options_.connect_timeout;
  request.timeout = options_.timeout;
  for (const auto& [name, value] : compiled_->headers) {
    auto text = value.render(values);
    if (!text.ok()) return text.error().with("header " + name);
    if (!text->empty()) request.headers.emplace_back(name, std::move(*text));
  }
  auto url = made_by.url.render(values);
  if (!url.ok()) return url.error().with("url");
  if (url->size() > kUrlBytesMax) return {Errc::invalid, "url: longer than 8 KiB"};
  TRUNKLINE_TRY_VOID(validate_url(*url));
  request.url = std::move(*url);
  if (!made_by.body) return request;
  auto body = made_by.body->render(values);
  if (!body.ok()) return body.error().with("body");
  request.body = std::move(*body);
  if (!compiled_->json) return request;
  if (const auto valid = document.parse(request.body); !valid.ok()) return valid.error().with("body is no JSON");
  if (!net::find_header(request.headers, "Content-Type"))
    request.headers.emplace_back("Content-Type", "application/json");
  return request;
}

std::optional<Verdict> TemplateSink::by_rule(const std::vector<Rule>& rules, const net::ClientResponse& answer) {
  json::Document document;
  std::optional<json::Value> body;
  if (auto parsed = document.parse(answer.body); parsed.ok()) body = *parsed;
  for (const Rule& rule : rules) {
    const bool status = rule.statuses.empty() || std::ranges::any_of(rule.statuses, [&](const auto& range) {
                          return answer.status >= range.first && answer.status <= range.second;
                        });
    if (!status) continue;
    if (rule.said.pointer.empty()) {
      if (fits(rule.said, answer.body)) return rule.said.verdict;
      continue;
    }
    const auto value = body ? at_pointer(*body, rule.said.pointer) : std::nullopt;
    if (value && fits(rule.said, value->is(json::Type::string) ? value->string() : value->raw()))
      return rule.said.verdict;
  }
  return std::nullopt;
}

void TemplateSink::send(delivery::Batch batch, base::UniqueFunction<void(BatchVerdict)> done) {
  const auto later = [&](BatchVerdict verdict) {
    loop_.post([done = std::move(done), verdict = std::move(verdict)]() mutable { done(std::move(verdict)); });
  };
  const engine::Record& record = *batch.messages.front().record;
  const auto found =
      std::ranges::find_if(compiled_->requests, [&](const Request& each) { return !each.when || each.when(record); });
  if (found == compiled_->requests.end()) return later(one(Verdict::delivered, {}, {}));
  auto request = request_of(*found, batch);
  if (!request.ok()) return later(one(Verdict::rejected, "template", detail_text(request.error().detail, {})));
  std::vector<std::string> secrets = credentials(request->headers);
  for (const auto& [name, value] : compiled_->names->vars) {
    if (names_a_credential(name) && !value.empty()) secrets.push_back(value);
  }
  // Nothing of this object: the answer may come after it has gone.
  sender_->send(std::move(*request), [compiled = compiled_, clock = &loop_.clock(), secrets = std::move(secrets),
                                      done = std::move(done)](Result<net::ClientResponse> answer) mutable {
    BatchVerdict verdict = http_verdict(answer, 1, clock->wall(), secrets);
    const auto decided = answer.ok() ? by_rule(compiled->rules, *answer) : std::nullopt;
    if (decided) {
      delivery::EventVerdict& event = verdict.events.front();
      event.verdict = *decided;
      if (*decided == Verdict::delivered) {
        event = {};
      } else if (event.error_class.empty()) {
        event.error_class = fmt::format("http_{}", answer->status);
        event.detail = detail_text(answer->body, secrets);
      }
    }
    done(std::move(verdict));
  });
}

void TemplateSink::probe(base::UniqueFunction<void(Result<std::string>)> done) {
  json::Document document;
  const auto none = document.parse("{}");
  const TemplateNames::Table meta;
  // With no event: what stands in front of the first expression that needs one.
  auto url = compiled_->requests.front().url.render({*none, meta});
  const std::string& text = options_.requests.front().url;
  if (!url.ok()) {
    std::size_t needs = text.size();
    for (const std::string_view begin : {"{{event", "{{ event", "{{meta", "{{ meta"})
      needs = std::min(needs, text.find(begin));
    auto front = Template::compile(text.substr(0, needs), Template::Place::url, *compiled_->names);
    if (front.ok()) url = front->render({*none, meta});
  }
  if (!url.ok()) return done(base::Error{Errc::unsupported, "its url cannot be tried without an event"});
  net::ClientRequest request;
  request.method = "OPTIONS";
  request.url = *url;
  request.connect_timeout = options_.connect_timeout;
  request.timeout = options_.timeout;
  sender_->send(std::move(request), [url = *url, done = std::move(done)](Result<net::ClientResponse> answer) mutable {
    if (!answer.ok() && answer.error().detail.starts_with("oauth:")) return done(answer.error());
    if (!answer.ok()) return done(unreachable(url, answer.error()));
    done(fmt::format("{}; OPTIONS is answered {}", reachable(url), answer->status));
  });
}

}  // namespace trunkline::sinks
