#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "delivery/sink.hpp"
#include "sinks/http_sender.hpp"

namespace trunkline::sinks {

struct HubOptions {
  std::string url;                   // of the other hub's source: https://hub.example/ingest/NAME
  std::string header = "x-api-key";  // carries the key
  std::string api_key{};             // empty: none
  bool gzip = true;
  bool shadow = false;  // nobody is asked: a request without results counts as delivered
  std::size_t batch_messages_max = 1'000;
  std::size_t batch_bytes_max = 1 << 20;  // of events
  base::Millis connect_timeout = std::chrono::seconds(5);
  base::Millis timeout = std::chrono::seconds(30);
};

// Errc::invalid names the option.
base::Result<void> validate(const HubOptions& options);

// What event::Decoder knows as a hand-over: the event's own bytes, and what they do not tell of its identity. The other hub
// makes the same identities of it, so that it drops a repeat, also of an event that came there another way.
std::string hand_over_of(const engine::Record& record);

// Hands events over to another Trunkline hub: POST of an array of hand-overs to one of its sources. What the answers mean is
// in hub_verdict.hpp. A lane is handed over in order, since it has one batch under way at a time.
class HubSink final : public delivery::Sink {
 public:
  // The clock must outlive all requests.
  static base::Result<std::unique_ptr<HubSink>> make(HubOptions options, std::unique_ptr<HttpSender> sender,
                                                     const base::Clock& clock);

  delivery::SinkLimits limits() const override;
  void send(delivery::Batch batch, base::UniqueFunction<void(delivery::BatchVerdict)> done) override;
  // GET with the key, which a source refuses with 405 to whoever may post.
  void probe(base::UniqueFunction<void(base::Result<std::string>)> done) override;

 private:
  HubSink(HubOptions options, std::unique_ptr<HttpSender> sender, const base::Clock& clock);
  net::ClientRequest request(std::string_view method) const;

  const HubOptions options_;
  const std::unique_ptr<HttpSender> sender_;
  const base::Clock& clock_;
  // Shared with the answers that are still to come, which may outlive the sink.
  const std::shared_ptr<const std::vector<std::string>> secrets_;
};

}  // namespace trunkline::sinks
