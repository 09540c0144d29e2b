#include "aws/credential_chain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "base/log.hpp"

namespace trunkline::aws {

using base::Errc;
using base::Error;
using base::Result;

namespace {

constexpr base::Millis kRenewBefore = std::chrono::minutes(5);
constexpr base::Millis kFailureKept = std::chrono::seconds(1);
constexpr base::Millis kFailureKeptMax = std::chrono::seconds(30);

}  // namespace

Fraction random_fraction() {
  return [engine = std::mt19937_64(std::random_device()())]() mutable {
    return static_cast<double>(engine() >> 11) * 0x1.0p-53;
  };
}

CredentialChain::CredentialChain(std::unique_ptr<Transport> transport, Providers providers, base::Loop& loop,
                                 Fraction fraction)
    : transport_(std::move(transport)), providers_(std::move(providers)), loop_(loop), fraction_(std::move(fraction)) {}

void CredentialChain::get(Callback done) {
  const base::MonoTime now = loop_.clock().mono();
  const bool good = credentials_ && (!credentials_->expires || now < ends_at_);
  const bool failing = failure_ && now < failure_until_;
  if (good) {
    if (credentials_->expires && now >= renew_at_ && !searching_ && !failing) search();
    return done(*credentials_);
  }
  if (failing || waiting_.size() >= kWaitersMax) {
    Error error = failing ? *failure_ : Error{Errc::overloaded, "too many wait for AWS credentials"};
    loop_.post([done = std::move(done), error = std::move(error)]() mutable { done(std::move(error)); });
    return;
  }
  waiting_.push_back(std::move(done));
  if (!searching_) search();
}

void CredentialChain::refused(std::string_view access_key_id) {
  if (credentials_ && credentials_->keys.access_key_id == access_key_id) credentials_.reset();
}

// By a post, since providers may answer inside the call, and get() promises not to.
void CredentialChain::search() {
  searching_ = true;
  loop_.post([this, alive = std::weak_ptr(alive_), search = std::make_shared<Search>()] {
    if (!alive.expired()) step(search);
  });
}

void CredentialChain::step(const std::shared_ptr<Search>& search) {
  if (search->next == providers_.size()) {
    return fail(
        {Errc::unauthenticated,
         "no AWS credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile with AWS_PROFILE, "
         "or give the machine or container a role. Tried" +
             search->said});
  }
  Provider& provider = *providers_[search->next++];
  provider.find([this, alive = std::weak_ptr(alive_), search](Found found) {
    if (!alive.expired()) this->found(search, std::move(found));
  });
}

void CredentialChain::found(const std::shared_ptr<Search>& search, Found found) {
  const std::string_view name = providers_[search->next - 1]->name();
  if (const auto* absent = std::get_if<Absent>(&found)) {
    search->said += fmt::format("{} {}: {}", search->said.empty() ? ":" : ";", name, absent->why);
    return step(search);
  }
  if (const auto* error = std::get_if<Error>(&found))
    return fail({error->code, fmt::format("AWS credentials of {}: {}", name, error->detail)});
  take(std::get<Credentials>(std::move(found)));
}

void CredentialChain::take(Credentials credentials) {
  const auto life = credentials.expires ? *credentials.expires - loop_.clock().wall() : base::Millis(0);
  if (credentials.expires && life.count() <= 0)
    return fail({Errc::unauthenticated, fmt::format("the AWS credentials of {} have ended already; is this machine's "
                                                    "clock right?",
                                                    credentials.provider)});
  const base::MonoTime now = loop_.clock().mono();
  ends_at_ = now + life;
  // Up to half as long again, so that many that began together do not renew together.
  const base::Millis before = std::min(kRenewBefore, life / 3);
  const auto jitter = base::Millis(static_cast<std::int64_t>(fraction_() * static_cast<double>(before.count()) / 2));
  renew_at_ = ends_at_ - before - jitter;
  if (!credentials_ || credentials_->provider != credentials.provider)
    base::log::info("AWS credentials", "provider", credentials.provider, "key", credentials.keys.access_key_id);
  credentials_ = std::move(credentials);
  failure_.reset();
  failures_ = 0;
  answer(*credentials_);
}

void CredentialChain::fail(Error error) {
  const base::Millis kept = std::min(kFailureKept * (1 << std::min(failures_, 5u)), kFailureKeptMax);
  failure_until_ = loop_.clock().mono() + kept;
  // The first of a row: the others say the same.
  if (failures_++ == 0 && credentials_)
    base::log::warn("AWS credentials are not renewed; the ones in use serve until they end", "error", error.detail);
  failure_ = std::move(error);
  answer(*failure_);
}

void CredentialChain::answer(const Result<Credentials>& result) {
  searching_ = false;
  // Who is called may ask again, or be the last that needs this.
  const Result<Credentials> said = result;
  std::vector<Callback> waiting = std::exchange(waiting_, {});
  for (Callback& done : waiting) done(said);
}

std::unique_ptr<CredentialChain> make_credential_chain(
    net::IoLoop& loop, const Environment& environment, const std::string& region,
    const std::function<Providers(const ProviderContext&)>& providers) {
  auto transport = std::make_unique<ClientTransport>(loop, credential_client_options());
  const ProviderContext context{environment, *transport, loop.clock(), region};
  Providers made = providers(context);
  return std::make_unique<CredentialChain>(std::move(transport), std::move(made), loop);
}

}  // namespace trunkline::aws
