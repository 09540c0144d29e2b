#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "net/http_types.hpp"
#include "net/io_loop.hpp"
#include "sinks/http_sender.hpp"
#include "sinks/signature.hpp"
#include "watch/alarms.hpp"

namespace trunkline::app {

struct AlarmWebhookOptions {
  std::string url;
  net::Headers headers{};
  std::vector<std::string> secrets{};  // of the signature; none: requests are not signed
  base::Millis timeout = std::chrono::seconds(15);
  net::HttpClientOptions client{};

  // Between two tries: doubles from the first to the second. A downstream that is out for a night gets its alarms in the
  // morning; what is older than the third would be history.
  base::Millis retry_first = std::chrono::seconds(5);
  base::Millis retry_longest = std::chrono::minutes(5);
  base::Millis give_up_after = std::chrono::hours(24);
};

// POSTs alarms as they begin and end, one after the other, in order, by Standard Webhooks 1.0.0: `webhook-id` is the
// same over all tries and restarts of the hub, so that a receiver knows a repeat. Only a 2xx counts as taken; anything
// else is tried again. The body is {"type":"alarm.opened"|"alarm.resolved","timestamp":…,"data":{…}}.
//
// Loop thread only, from making to destroying. Bounds: kWaitingMax messages, the oldest is given up for a newer one.
class AlarmWebhook {
 public:
  // Errc::invalid names what is wrong with the options.
  static base::Result<std::unique_ptr<AlarmWebhook>> make(AlarmWebhookOptions options, base::Loop& loop,
                                                          std::unique_ptr<sinks::HttpSender> sender);
  ~AlarmWebhook();
  AlarmWebhook(const AlarmWebhook&) = delete;
  AlarmWebhook& operator=(const AlarmWebhook&) = delete;

  // `told` runs later, when it was taken (true) or given up (false); not when this is destroyed before.
  void tell(const watch::Incident& incident, bool resolve, base::UniqueFunction<void(bool taken)> told);

  static constexpr std::size_t kWaitingMax = 1'000;

 private:
  struct Message {
    std::string id;
    std::string body;
    base::MonoTime made;
    base::UniqueFunction<void(bool)> told;
  };
  struct Life {
    AlarmWebhook* self = nullptr;
  };

  AlarmWebhook(AlarmWebhookOptions options, sinks::WebhookSigner signer, base::Loop& loop,
               std::unique_ptr<sinks::HttpSender> sender);
  void send();
  void answered(const base::Result<net::ClientResponse>& answer);
  void end_first(bool taken);

  const AlarmWebhookOptions options_;
  const sinks::WebhookSigner signer_;
  base::Loop& loop_;
  std::unique_ptr<sinks::HttpSender> sender_;
  std::deque<Message> waiting_;  // the first is being sent, or waits for its next try
  bool busy_ = false;
  std::uint32_t failures_ = 0;  // of the first one
  std::shared_ptr<Life> life_;  // callbacks may outlive this; they hold it and look first
};

}  // namespace trunkline::app
