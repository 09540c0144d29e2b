#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/provider.hpp"
#include "base/loop.hpp"

namespace trunkline::aws {

// A number in [0, 1), for jitter.
using Fraction = std::function<double()>;
Fraction random_fraction();

// Gives out credentials: asks the providers in their order, keeps what was found and gets the next ones five minutes and
// some before they end (a third of a life that is shorter than a quarter of an hour), while the old ones serve on. One
// search at a time serves all who wait (kWaitersMax). A failure is kept for a second, then for twice as long up to half a
// minute, so that a token endpoint is not asked by every call. Loop thread only; what waits when it is destroyed gets no
// answer.
class CredentialChain {
 public:
  static constexpr std::size_t kWaitersMax = 1024;  // above what clients have under way

  using Callback = base::UniqueFunction<void(base::Result<Credentials>)>;

  // What the providers refer to is kept with them, as long as they live: the transport.
  CredentialChain(std::unique_ptr<Transport> transport, Providers providers, base::Loop& loop,
                  Fraction fraction = random_fraction());

  // Inside the call when there are good ones, else later. Errc::unauthenticated says what each provider said and the way
  // out; Errc::overloaded.
  void get(Callback done);
  // A service did not take this key: it is forgotten, unless a newer one is there already.
  void refused(std::string_view access_key_id);

 private:
  // One search through the providers.
  struct Search {
    std::size_t next = 0;
    std::string said;  // what those before it said
  };

  void search();
  void step(const std::shared_ptr<Search>& search);
  void found(const std::shared_ptr<Search>& search, Found found);
  void take(Credentials credentials);
  void fail(base::Error error);
  void answer(const base::Result<Credentials>& result);

  const std::unique_ptr<Transport> transport_;
  const Providers providers_;
  base::Loop& loop_;
  const Fraction fraction_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // shared with tasks that may come later
  std::optional<Credentials> credentials_;
  base::MonoTime renew_at_{};  // of credentials that end
  base::MonoTime ends_at_{};
  std::optional<base::Error> failure_;
  base::MonoTime failure_until_{};
  std::uint32_t failures_ = 0;
  bool searching_ = false;
  std::vector<Callback> waiting_;
};

// The chain over a loop's own client. `providers` makes them for that client.
std::unique_ptr<CredentialChain> make_credential_chain(
    net::IoLoop& loop, const Environment& environment, const std::string& region,
    const std::function<Providers(const ProviderContext&)>& providers = default_providers);

}  // namespace trunkline::aws
