#include "sinks/hec_acks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "json/document.hpp"
#include "sinks/detail.hpp"
#include "sinks/hec_verdict.hpp"

namespace trunkline::sinks {
namespace {

using delivery::BatchVerdict;
using delivery::EventVerdict;
using delivery::Verdict;

constexpr std::size_t kCookiesMax = 16;
constexpr std::size_t kCookieBytesMax = 4 << 10;

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

// Refusals that no later question mends by itself.
bool is_refusal(std::int64_t code) {
  constexpr std::array<std::int64_t, 9> kCodes = {1, 2, 3, 4, 10, 11, 14, 16, 22};
  return std::ranges::find(kCodes, code) != kCodes.end();
}

}  // namespace

std::optional<std::vector<std::uint64_t>> parse_hec_acks(std::string_view body, std::size_t ids_max) {
  constexpr std::size_t kDepthMax = 8;
  json::Document document;
  const auto root = document.parse(body, kDepthMax);
  if (!root.ok() || !root->is(json::Type::object)) return std::nullopt;
  const auto acks = root->find("acks");
  if (!acks || !acks->is(json::Type::object)) return std::nullopt;
  std::vector<std::uint64_t> ids;
  for (auto each = acks->first(); each && ids.size() < ids_max; each = each->next()) {
    if (!each->boolean()) continue;
    const std::string_view name = each->name();
    std::uint64_t id = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
    if (error == std::errc() && end == name.data() + name.size()) ids.push_back(id);
  }
  return ids;
}

void AffinityCookies::learn(const net::Headers& answer) {
  for (const auto& [name, value] : answer) {
    if (!net::equal_ignoring_case(name, "Set-Cookie")) continue;
    const std::string_view pair = std::string_view(value).substr(0, value.find(';'));
    const std::size_t equal = pair.find('=');
    if (equal == std::string_view::npos || pair.size() > kCookieBytesMax) continue;
    const std::string key(trimmed(pair.substr(0, equal)));
    const std::string_view content = trimmed(pair.substr(equal + 1));
    if (key.empty()) continue;
    if (content.empty()) {
      cookies_.erase(key);
    } else if (cookies_.contains(key) || cookies_.size() < kCookiesMax) {
      cookies_[key] = content;
    }
  }
}

std::string AffinityCookies::header() const {
  std::string out;
  for (const auto& [name, value] : cookies_) out += fmt::format("{}{}={}", out.empty() ? "" : "; ", name, value);
  return out;
}

HecAcks::HecAcks(base::Loop& loop, std::shared_ptr<HttpSender> sender, net::ClientRequest question,
                 HecAckOptions options, std::vector<std::string> secrets)
    : loop_(loop),
      sender_(std::move(sender)),
      question_(std::move(question)),
      options_(options),
      secrets_(std::move(secrets)) {}

HecAcks::~HecAcks() {
  if (timer_ != 0) loop_.cancel(timer_);
}

void HecAcks::wait(std::uint64_t ack_id, std::size_t events, Done done) {
  Key key(cookies(), ack_id);
  if (const auto older = waiting_.find(key); older != waiting_.end()) {
    end(older, {Verdict::unavailable,
                {},
                "hec_ack_lost",
                "Splunk has given the number of its acknowledgement to another request: it has restarted, and is asked "
                "anew"});
  }
  Waiting added;
  added.deadline = loop_.clock().mono() + options_.timeout;
  added.events = events;
  added.done = std::move(done);
  waiting_.insert_or_assign(std::move(key), std::move(added));
  poll_later();
}

void HecAcks::poll_later() {
  if (timer_ != 0 || open_questions_ > 0 || waiting_.empty()) return;
  timer_ = loop_.after(options_.poll_every, [life = weak_from_this()] {
    const auto self = life.lock();
    if (!self) return;
    self->timer_ = 0;
    self->poll();
  });
}

void HecAcks::poll() {
  const base::MonoTime now = loop_.clock().mono();
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    const auto each = at++;
    if (now < each->second.deadline) continue;
    end(each, {Verdict::unavailable,
               {},
               "hec_ack_timeout",
               fmt::format("Splunk has taken it and not acknowledged it within {} s: look at its indexers",
                           options_.timeout.count() / 1'000)});
  }
  std::map<std::string, std::vector<std::uint64_t>> questions;
  for (const auto& [key, each] : waiting_) questions[key.first].push_back(key.second);
  for (auto& [cookies, ids] : questions) ask(cookies, std::move(ids));
}

void HecAcks::ask(const std::string& cookies, std::vector<std::uint64_t> ids) {
  net::ClientRequest request = question_;
  request.body = fmt::format(R"({{"acks":[{}]}})", fmt::join(ids, ","));
  if (!cookies.empty()) request.headers.emplace_back("Cookie", cookies);
  ++open_questions_;
  sender_->send(std::move(request), [life = weak_from_this(), cookies,
                                     ids = std::move(ids)](const base::Result<net::ClientResponse>& answer) {
    const auto self = life.lock();
    if (!self) return;
    --self->open_questions_;
    self->on_answer(cookies, ids, answer);
    self->poll_later();
  });
}

void HecAcks::on_answer(const std::string& cookies, const std::vector<std::uint64_t>& asked,
                        const base::Result<net::ClientResponse>& answer) {
  if (!answer.ok()) return;
  if (const auto acknowledged = parse_hec_acks(answer->body, asked.size())) {
    for (const std::uint64_t id : *acknowledged) {
      if (const auto found = waiting_.find({cookies, id}); found != waiting_.end()) end(found, {});
    }
    return;
  }
  const auto said = parse_hec_answer(answer->body);
  if (!said || !is_refusal(said->code)) return;
  for (const std::uint64_t id : asked) {
    const auto found = waiting_.find({cookies, id});
    if (found == waiting_.end()) continue;
    const std::string text = fmt::format("asked for its acknowledgement, Splunk says {} (code {}): {}", said->text,
                                         said->code, hec_advice(said->code));
    end(found, {Verdict::unavailable, {}, fmt::format("hec_{}", said->code), detail_text(text, secrets_)});
  }
}

void HecAcks::end(Map::iterator at, EventVerdict verdict) {
  Waiting ended = std::move(at->second);
  waiting_.erase(at);
  BatchVerdict all;
  all.events.assign(ended.events, verdict);
  // Never inside of a call: the receiver of the verdict may send the next batch.
  loop_.post([done = std::move(ended.done), all = std::move(all)]() mutable { done(std::move(all)); });
}

}  // namespace trunkline::sinks
