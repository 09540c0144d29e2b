#pragma once

#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/loop.hpp"
#include "base/result.hpp"
#include "delivery/sink.hpp"
#include "event/event.hpp"
#include "sinks/http_sender.hpp"
#include "sinks/intake.hpp"
#include "sinks/render.hpp"

namespace trunkline::sinks {

struct SentinelOptions {
  std::string
      endpoint;  // of the data collection endpoint, or of the rule: "https://x.westeurope-1.ingest.monitor.azure.com"
  std::string rule;    // immutable id of the data collection rule: "dcr-…"
  std::string stream;  // "Custom-GenesysEvents_CL"
  Body body = Body::enriched;
  event::Order order = event::Order::none;  // of the consumer's queue: what a lane is
  bool gzip = true;
  std::size_t batch_messages_max = 1'000;
  std::size_t batch_bytes_max = 512 << 10;  // of events before rendering; see kSentinelRequestMax
  base::Millis connect_timeout = std::chrono::seconds(5);
  base::Millis timeout = std::chrono::seconds(30);
};

// What the service takes: 1 MB a request before compression, as its own clients count it; 64 KB a column, of which it cuts
// what is longer without a word.
inline constexpr std::size_t kSentinelRequestMax = 1'000'000;
inline constexpr std::size_t kSentinelColumnMax = 64'000;

// Errc::invalid names the option.
base::Result<void> validate(const SentinelOptions& options);

// Sends events to a table of Microsoft Sentinel or Azure Monitor by the Logs Ingestion API: POST
// {endpoint}/dataCollectionRules/{rule}/streams/{stream}, an array of rows {TimeGenerated, EventId, EventType, Category,
// Topic, OrgId, ConversationId, UserId, QueueId, MediaType, Source, Sequence, Delivery, Event}; `Event` is the event itself
// and `Delivery` what delivery says of it (both dynamic columns). What the answers mean is in intake.hpp.
//
// The sender puts the access token on requests, and gets another one after a 401.
//
// An event of more than kSentinelColumnMax is rejected here, unsent; those behind it in its lane are not sent in this batch.
// An array over kSentinelRequestMax is refused here, and halved. The service knows no repeats: Sequence is the same in each.
class SentinelSink final : public delivery::Sink {
 public:
  // `renderer` makes enriched bodies. The loop must outlive the sink.
  static base::Result<std::unique_ptr<SentinelSink>> make(SentinelOptions options, Renderer renderer,
                                                          std::unique_ptr<HttpSender> sender, base::Loop& loop);

  delivery::SinkLimits limits() const override;
  void send(delivery::Batch batch, base::UniqueFunction<void(delivery::BatchVerdict)> done) override;
  // An empty array, which shows what the service thinks of the token, the rule and the stream.
  void probe(base::UniqueFunction<void(base::Result<std::string>)> done) override;

 private:
  SentinelSink(SentinelOptions options, Renderer renderer, std::unique_ptr<HttpSender> sender, base::Loop& loop);
  net::ClientRequest request() const;
  IntakeItem row_of(const engine::LeasedMessage& message, const delivery::Batch& batch) const;

  const SentinelOptions options_;
  const std::string url_;
  const Renderer renderer_;
  const std::unique_ptr<HttpSender> sender_;
  base::Loop& loop_;
};

}  // namespace trunkline::sinks
