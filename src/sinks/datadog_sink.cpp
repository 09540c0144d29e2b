#include "sinks/datadog_sink.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "json/writer.hpp"
#include "sinks/detail.hpp"
#include "sinks/http_endpoint.hpp"
#include "sinks/intake.hpp"
#include "sinks/record_members.hpp"

namespace trunkline::sinks {
namespace {

using base::Errc;
using base::Result;

constexpr std::size_t kBatchMessagesMax = 1'000;
constexpr std::size_t kTagsBytesMax = 4'096;

bool is_visible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F; });
}

std::string url_of(const DatadogOptions& o) {
  std::string url = o.url.empty() ? "https://http-intake.logs." + o.site : o.url;
  while (url.ends_with('/')) url.pop_back();
  return url.ends_with("/api/v2/logs") ? url : url + "/api/v2/logs";
}

}  // namespace

Result<void> validate(const DatadogOptions& o) {
  if (o.url.empty() && (o.site.empty() || o.site.size() > 200 || !is_visible(o.site) ||
                        o.site.find_first_of("/:@?#") != std::string::npos))
    return {Errc::invalid, "site must be a host: datadoghq.com, datadoghq.eu, us5.datadoghq.com"};
  TRUNKLINE_TRY_VOID(validate_url(url_of(o)));
  if (o.api_key.empty() || o.api_key.size() > 256 || !is_visible(o.api_key))
    return {Errc::invalid, "api_key must be the key that Datadog shows, without blanks"};
  std::size_t tags = 0;
  for (const std::string& tag : o.tags) {
    tags += tag.size();
    if (tag.empty() || tag.find(',') != std::string::npos) return {Errc::invalid, "a tag must not hold a comma"};
  }
  if (tags > kTagsBytesMax) return {Errc::invalid, "tags must have at most 4 KiB together"};
  if (o.batch_messages_max < 1 || o.batch_messages_max > kBatchMessagesMax)
    return {Errc::invalid, fmt::format("batch messages must be 1 to {}", kBatchMessagesMax)};
  if (o.batch_bytes_max < 1 || o.batch_bytes_max > kDatadogRequestMax)
    return {Errc::invalid, "batch bytes must be 1 to 5 MB"};
  return validate_timeouts(o.connect_timeout, o.timeout);
}

Result<std::unique_ptr<DatadogSink>> DatadogSink::make(DatadogOptions options, Renderer renderer,
                                                       std::unique_ptr<HttpSender> sender, base::Loop& loop) {
  TRUNKLINE_TRY_VOID(validate(options));
  Renderer body = renderer_for(options.body, std::move(renderer));
  return std::unique_ptr<DatadogSink>(new DatadogSink(std::move(options), std::move(body), std::move(sender), loop));
}

DatadogSink::DatadogSink(DatadogOptions options, Renderer renderer, std::unique_ptr<HttpSender> sender,
                         base::Loop& loop)
    : options_(std::move(options)),
      url_(url_of(options_)),
      tags_(fmt::format("{}", fmt::join(options_.tags, ","))),
      renderer_(std::move(renderer)),
      sender_(std::move(sender)),
      loop_(loop) {}

delivery::SinkLimits DatadogSink::limits() const {
  return {options_.batch_messages_max, options_.batch_bytes_max};
}

net::ClientRequest DatadogSink::request() const {
  net::ClientRequest request;
  request.url = url_;
  request.connect_timeout = options_.connect_timeout;
  request.timeout = options_.timeout;
  request.headers = {{"DD-API-KEY", options_.api_key}, {"Content-Type", "application/json"}};
  return request;
}

std::string DatadogSink::log_of(const engine::LeasedMessage& message, const delivery::Batch& batch) const {
  const engine::Record& record = *message.record;
  std::string out;
  json::Writer writer(out);
  writer.begin_object();
  append_member(writer, "ddsource", options_.source);
  append_member(writer, "ddtags", tags_);
  append_member(writer, "hostname", options_.host);
  append_member(writer, "service", options_.service);
  writer.member("timestamp", std::int64_t{happened_at(record).time_since_epoch().count()});
  writer.member("status", "info");
  writer.key("trunkline").begin_object();
  append_delivery_members(writer, message, batch, options_.order);
  writer.end_object();
  writer.member("message", renderer_(record)).end_object();
  return out;
}

void DatadogSink::send(delivery::Batch batch, base::UniqueFunction<void(delivery::BatchVerdict)> done) {
  IntakeArray array = make_intake_array(batch, {kDatadogLogMax, kDatadogRequestMax, "datadog_too_long"},
                                        [&](const engine::LeasedMessage& message) {
                                          std::string log = log_of(message, batch);
                                          const std::size_t bytes = log.size();
                                          return IntakeItem{std::move(log), bytes};
                                        });
  send_intake_array({request(), options_.gzip, {options_.api_key}}, std::move(array), batch, *sender_, loop_,
                    std::move(done));
}

void DatadogSink::probe(base::UniqueFunction<void(Result<std::string>)> done) {
  net::ClientRequest empty = request();
  empty.body = "[]";
  sender_->send(std::move(empty), [url = url_, key = options_.api_key,
                                   done = std::move(done)](Result<net::ClientResponse> answer) mutable {
    if (!answer.ok()) return done(unreachable(url, answer.error()));
    if (answer->status / 100 == 2 || answer->status == 400)
      return done(fmt::format("{}; the intake takes the key", reachable(url)));
    const bool denied = answer->status == 401 || answer->status == 403;
    const std::string said = detail_text(answer->body, std::span(&key, 1), 200);
    done(base::Error{
        denied ? Errc::unauthenticated : Errc::unavailable,
        fmt::format("{}, but it answers {} to an empty request: {}; {}", reachable(url), answer->status, said,
                    denied ? "correct the api_key, or the site that it belongs to" : "correct the url")});
  });
}

}  // namespace trunkline::sinks
