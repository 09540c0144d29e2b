#include "source/key_source.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/log.hpp"
#include "json/document.hpp"

namespace trunkline::source {

using base::Errc;
using base::Millis;
using base::MonoTime;
using base::Result;

struct KeySource::Impl : std::enable_shared_from_this<KeySource::Impl> {
  Impl(base::Loop& home, Fetch fetcher, KeySourceOptions given)
      : loop(home), fetch(std::move(fetcher)), options(std::move(given)), url(options.jwks_url) {}

  base::Loop& loop;
  Fetch fetch;
  const KeySourceOptions options;

  mutable std::mutex mutex;  // guards what any thread reads
  std::shared_ptr<const Jwks> keys;
  MonoTime fetched_at{};
  bool reachable = false;
  Statistics statistics;

  // Loop thread only.
  struct Waiter {
    base::Loop* loop;
    base::Task done;
  };
  std::vector<Waiter> waiters;
  std::string url;  // of the key set; empty until discovered
  bool fetching = false;
  std::optional<MonoTime> asked_at;
  base::Loop::TimerId timer = 0;
  Millis back_off{0};
  bool retired = false;

  void ask();
  void discover();
  void discovered(const Fetched& answer);
  void get_keys();
  void ended(Result<Fetched> answer);
  void failed(const base::Error& error);
  void succeeded(Jwks set, std::optional<Millis> age);
  void arm(Millis delay);
  void release();
};

void KeySource::Impl::ask() {
  if (fetching) return;
  fetching = true;
  asked_at = loop.clock().mono();
  loop.cancel(std::exchange(timer, 0));
  {
    const std::scoped_lock lock(mutex);
    ++statistics.fetches;
  }
  url.empty() ? discover() : get_keys();
}

void KeySource::Impl::discover() {
  std::string address = options.issuer;
  while (address.ends_with('/')) address.pop_back();
  fetch(address + "/.well-known/openid-configuration", [weak = weak_from_this()](Result<Fetched> answer) {
    const auto self = weak.lock();
    if (!self) return;
    if (!answer.ok()) return self->failed(answer.error().with("discovery"));
    self->discovered(*answer);
  });
}

void KeySource::Impl::discovered(const Fetched& answer) {
  json::Document document;
  const auto parsed = document.parse(answer.body, 32);
  if (!parsed.ok()) return failed(parsed.error().with("discovery"));
  // Section 4.3: the issuer must be the one that was asked, else another's keys could be slipped in.
  if (parsed->string_at("issuer") != options.issuer)
    return failed({Errc::invalid, "discovery: the document names another issuer"});
  const std::string_view found = parsed->string_at("jwks_uri");
  if (!found.starts_with("https://") && !(found.starts_with("http://") && options.issuer.starts_with("http://")))
    return failed({Errc::invalid, "discovery: the document has no https jwks_uri"});
  url = found;
  get_keys();
}

void KeySource::Impl::get_keys() {
  fetch(url, [weak = weak_from_this()](Result<Fetched> answer) {
    if (const auto self = weak.lock()) self->ended(std::move(answer));
  });
}

void KeySource::Impl::ended(Result<Fetched> answer) {
  if (!answer.ok()) return failed(answer.error());
  auto set = Jwks::parse(answer->body);
  if (!set.ok()) return failed(set.error());
  succeeded(std::move(*set), answer->max_age);
}

void KeySource::Impl::failed(const base::Error& error) {
  // Next time the address is looked up again: the issuer may have moved its keys.
  if (options.jwks_url.empty()) url.clear();
  bool first = false;
  {
    const std::scoped_lock lock(mutex);
    ++statistics.failures;
    first = std::exchange(reachable, false) || statistics.failures == 1;
  }
  if (first)
    base::log::warn("the keys of a token issuer cannot be fetched; asking again", "source", options.name, "issuer",
                    options.issuer, "error", error.detail);
  back_off = std::min(options.retry_cap, back_off.count() == 0 ? options.retry_base : back_off * 2);
  arm(back_off);
  release();
}

void KeySource::Impl::succeeded(Jwks set, std::optional<Millis> age) {
  const std::size_t count = set.size();
  bool again = false;
  {
    const std::scoped_lock lock(mutex);
    again = std::exchange(reachable, true);
    keys = std::make_shared<const Jwks>(std::move(set));
    fetched_at = loop.clock().mono();
  }
  if (!again)
    base::log::info("the keys of a token issuer were fetched", "source", options.name, "issuer", options.issuer, "keys",
                    count);
  back_off = Millis(0);
  arm(std::clamp(age.value_or(options.lifetime), options.lifetime_min, options.lifetime_max) * 4 / 5);
  release();
}

void KeySource::Impl::arm(Millis delay) {
  if (retired) return;
  timer = loop.after(delay, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->timer = 0;
    self->ask();
  });
}

void KeySource::Impl::release() {
  fetching = false;
  for (Waiter& waiter : std::exchange(waiters, {})) waiter.loop->post(std::move(waiter.done));
}

KeySource::KeySource(base::Loop& loop, Fetch fetch, KeySourceOptions options)
    : impl_(std::make_shared<Impl>(loop, std::move(fetch), std::move(options))) {}

KeySource::~KeySource() = default;

void KeySource::start() {
  impl_->loop.post([weak = std::weak_ptr(impl_)] {
    if (const auto self = weak.lock()) self->ask();
  });
}

void KeySource::retire() {
  impl_->loop.post([weak = std::weak_ptr(impl_)] {
    const auto self = weak.lock();
    if (!self) return;
    self->retired = true;
    self->loop.cancel(std::exchange(self->timer, 0));
  });
}

KeySource::State KeySource::state() const {
  const MonoTime now = impl_->loop.clock().mono();
  const std::scoped_lock lock(impl_->mutex);
  const bool usable = impl_->keys && now - impl_->fetched_at <= impl_->options.usable_for;
  return {usable ? impl_->keys : nullptr, impl_->reachable};
}

KeySource::Statistics KeySource::statistics() const {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->statistics;
}

void KeySource::refresh(base::Loop& reply_on, base::Task done) {
  impl_->loop.post([weak = std::weak_ptr(impl_), &reply_on, done = std::move(done)]() mutable {
    const auto self = weak.lock();
    if (!self) return;
    if (!self->fetching) {
      const Millis pause = self->reachable ? self->options.asked_at_most_every : self->options.retry_base;
      const bool asked_just_now = self->asked_at && self->loop.clock().mono() - *self->asked_at < pause;
      if (asked_just_now) return reply_on.post(std::move(done));
    }
    if (self->waiters.size() >= kWaitersMax) return reply_on.post(std::move(done));
    self->waiters.push_back({&reply_on, std::move(done)});
    self->ask();
  });
}

std::optional<Millis> max_age(std::string_view cache_control) {
  std::optional<Millis> age;
  while (!cache_control.empty()) {
    std::string_view part = cache_control.substr(0, cache_control.find(','));
    cache_control.remove_prefix(std::min(cache_control.size(), part.size() + 1));
    part.remove_prefix(std::min(part.find_first_not_of(" \t"), part.size()));
    if (part.starts_with("no-store") || part.starts_with("no-cache")) return Millis(0);
    constexpr std::string_view kName = "max-age=";
    if (!part.starts_with(kName)) continue;
    std::uint32_t seconds = 0;
    const auto [end, error] = std::from_chars(part.data() + kName.size(), part.data() + part.size(), seconds);
    if (error == std::errc()) age = std::chrono::seconds(seconds);
  }
  return age;
}

}  // namespace trunkline::source
