#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/loop.hpp"
#include "base/result.hpp"
#include "delivery/sink.hpp"
#include "event/event.hpp"
#include "sinks/http_sender.hpp"
#include "sinks/render.hpp"

namespace trunkline::sinks {

struct DatadogOptions {
  std::string site = "datadoghq.com";  // the intake is https://http-intake.logs.SITE
  std::string url{};                   // instead of it: a proxy, an agent; /api/v2/logs is added
  std::string api_key;                 // never logged
  std::string service = "genesys-cloud";
  std::string source = "genesys";   // ddsource: which pipeline of Datadog's parses it
  std::string host{};               // hostname; may be empty
  std::vector<std::string> tags{};  // "env:prod"
  Body body = Body::enriched;
  event::Order order = event::Order::none;  // of the consumer's queue: what a lane is
  bool gzip = true;
  std::size_t batch_messages_max = 1'000;  // of an array; the intake takes no more
  std::size_t batch_bytes_max = 4 << 20;   // of events before rendering; the intake takes 5 MB, see kDatadogRequestMax
  base::Millis connect_timeout = std::chrono::seconds(5);
  base::Millis timeout = std::chrono::seconds(30);
};

// What the intake takes, by its documentation: 1 MB a log (of a longer one it cuts the end, and says 202), 5 MB a request.
inline constexpr std::size_t kDatadogLogMax = 1'000'000;
inline constexpr std::size_t kDatadogRequestMax = 5'000'000;

// Errc::invalid names the option.
base::Result<void> validate(const DatadogOptions& options);

// Sends events to Datadog's log intake: POST /api/v2/logs, an array of {ddsource, ddtags, hostname, service, timestamp,
// message}, where the message is the event as text, which Datadog parses, and `trunkline` says where it stands.
//
// What the answers mean is in intake.hpp.
//
// An event of which the log would be longer than kDatadogLogMax is rejected here, unsent: the intake would cut it without
// a word. Those behind it in its lane are not sent in this batch. A batch that is longer than kDatadogRequestMax when it
// is rendered is refused here, and halved.
//
// There is no identity by which the intake knows a repeat: after a lost answer an event may be there twice, with the
// same trunkline.sequence.
class DatadogSink final : public delivery::Sink {
 public:
  // `renderer` makes enriched bodies. The loop must outlive the sink.
  static base::Result<std::unique_ptr<DatadogSink>> make(DatadogOptions options, Renderer renderer,
                                                         std::unique_ptr<HttpSender> sender, base::Loop& loop);

  delivery::SinkLimits limits() const override;
  void send(delivery::Batch batch, base::UniqueFunction<void(delivery::BatchVerdict)> done) override;
  // An empty array, which the intake takes from whoever has a key.
  void probe(base::UniqueFunction<void(base::Result<std::string>)> done) override;

 private:
  DatadogSink(DatadogOptions options, Renderer renderer, std::unique_ptr<HttpSender> sender, base::Loop& loop);
  net::ClientRequest request() const;
  std::string log_of(const engine::LeasedMessage& message, const delivery::Batch& batch) const;

  const DatadogOptions options_;
  const std::string url_;
  const std::string tags_;
  const Renderer renderer_;
  const std::unique_ptr<HttpSender> sender_;
  base::Loop& loop_;
};

}  // namespace trunkline::sinks
