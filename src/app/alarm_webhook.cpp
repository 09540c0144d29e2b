#include "app/alarm_webhook.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/text.hpp"
#include "json/writer.hpp"
#include "sinks/http_endpoint.hpp"

namespace trunkline::app {
namespace {

using base::Result;

std::string body_of(const watch::Incident& incident, bool resolve, base::WallTime now) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().member("type", resolve ? "alarm.resolved" : "alarm.opened");
  writer.member("timestamp", base::format_time(now)).key("data").begin_object();
  writer.member("id", incident.id).member("alarm", watch::name(incident.alarm));
  writer.member("scope", watch::scope_of(incident.alarm)).member("subject", incident.subject);
  writer.member("opened_at", base::format_time(incident.opened_at)).key("resolved_at");
  if (incident.resolved_at) {
    writer.string(base::format_time(*incident.resolved_at));
  } else {
    writer.null();
  }
  writer.key("value").number(incident.value).key("limit").number(incident.limit);
  writer.member("detail", incident.detail).member("outcome", incident.outcome);
  writer.end_object().end_object();
  return out;
}

}  // namespace

Result<std::unique_ptr<AlarmWebhook>> AlarmWebhook::make(AlarmWebhookOptions options, base::Loop& loop,
                                                         std::unique_ptr<sinks::HttpSender> sender) {
  const auto url = sinks::validate_url(options.url);
  if (!url.ok()) return url.error().with("alarms.webhook");
  auto signer = sinks::WebhookSigner::make(options.secrets);
  if (!signer.ok()) return signer.error().with("alarms.webhook");
  for (const auto& [name, value] : options.headers) {
    if (!sinks::is_header_value(value) || name.empty())
      return base::Error{base::Errc::invalid, "alarms.webhook: header '" + name + "' cannot be sent"};
  }
  return std::unique_ptr<AlarmWebhook>(
      new AlarmWebhook(std::move(options), std::move(*signer), loop, std::move(sender)));
}

AlarmWebhook::AlarmWebhook(AlarmWebhookOptions options, sinks::WebhookSigner signer, base::Loop& loop,
                           std::unique_ptr<sinks::HttpSender> sender)
    : options_(std::move(options)),
      signer_(std::move(signer)),
      loop_(loop),
      sender_(std::move(sender)),
      life_(std::make_shared<Life>()) {
  life_->self = this;
}

AlarmWebhook::~AlarmWebhook() {
  life_->self = nullptr;
}

void AlarmWebhook::tell(const watch::Incident& incident, bool resolve, base::UniqueFunction<void(bool)> told) {
  waiting_.push_back({incident.id + (resolve ? "-resolved" : "-opened"),
                      body_of(incident, resolve, loop_.clock().wall()), loop_.clock().mono(), std::move(told)});
  if (waiting_.size() > kWaitingMax) {
    // Not the first: it may be on its way.
    base::UniqueFunction<void(bool)> lost = std::move(waiting_[1].told);
    waiting_.erase(waiting_.begin() + 1);
    lost(false);
  }
  if (!busy_) send();
}

void AlarmWebhook::send() {
  busy_ = !waiting_.empty();
  if (!busy_) return;
  const Message& message = waiting_.front();
  net::ClientRequest request;
  request.url = options_.url;
  request.timeout = options_.timeout;
  request.connect_timeout = std::min<base::Millis>(options_.timeout, std::chrono::seconds(5));
  request.headers = options_.headers;
  request.body = message.body;
  const auto timestamp = std::chrono::floor<std::chrono::seconds>(loop_.clock().wall()).time_since_epoch().count();
  request.headers.emplace_back("Content-Type", "application/json");
  request.headers.emplace_back("webhook-id", message.id);
  request.headers.emplace_back("webhook-timestamp", std::to_string(timestamp));
  if (!signer_.empty())
    request.headers.emplace_back("webhook-signature", signer_.sign(message.id, timestamp, request.body));
  sender_->send(std::move(request), [life = life_](Result<net::ClientResponse> answer) {
    if (life->self != nullptr) life->self->answered(answer);
  });
}

void AlarmWebhook::answered(const Result<net::ClientResponse>& answer) {
  if (answer.ok() && answer->status >= 200 && answer->status < 300) return end_first(true);
  const std::string why = answer.ok() ? "HTTP " + std::to_string(answer->status) : answer.error().detail;
  if (loop_.clock().mono() - waiting_.front().made >= options_.give_up_after) {
    base::log::error("an alarm is not told to the webhook", "id", waiting_.front().id, "error", why);
    return end_first(false);
  }
  if (failures_ == 0) base::log::warn("the webhook of alarms does not take them; it is tried again", "error", why);
  const base::Millis wait =
      std::min(options_.retry_first * (1 << std::min<std::uint32_t>(failures_, 16)), options_.retry_longest);
  ++failures_;
  loop_.after(wait, [life = life_] {
    if (life->self != nullptr) life->self->send();
  });
}

void AlarmWebhook::end_first(bool taken) {
  base::UniqueFunction<void(bool)> told = std::move(waiting_.front().told);
  waiting_.pop_front();
  failures_ = 0;
  told(taken);
  send();
}

}  // namespace trunkline::app
