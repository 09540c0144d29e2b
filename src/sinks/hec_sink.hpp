#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "delivery/sink.hpp"
#include "event/event.hpp"
#include "sinks/hec_acks.hpp"
#include "sinks/http_sender.hpp"
#include "sinks/render.hpp"

namespace trunkline::sinks {

struct HecOptions {
  std::string url;         // of the server: "https://splunk:8088"; a path in front of /services/collector is kept
  std::string token;       // never logged, and taken out of what a server says
  std::string consumer{};  // its name makes the channel
  event::Order order = event::Order::none;  // of the consumer's queue: what a lane is
  std::string index{};                      // empty: the token's default
  std::string source{};                     // empty: the event's `source`, else the name of the source that took it
  std::string sourcetype{};                 // empty: by topic, sourcetype_of()
  std::string host{};                       // empty: what the input is set to
  Body body = Body::enriched;
  bool gzip = true;
  std::optional<HecAckOptions> ack{};  // waits for the indexers
  std::size_t batch_messages_max = 1'000;
  // Of events before enrichment; a request is up to 1 KiB an event longer. Splunk Cloud advises 1 MB a request, Splunk
  // Enterprise takes 800 MB as it is installed.
  std::size_t batch_bytes_max = 1 << 20;
  base::Millis connect_timeout = std::chrono::seconds(5);
  base::Millis timeout = std::chrono::seconds(30);
};

// Errc::invalid names the option.
base::Result<void> validate(const HecOptions& options);

// The name that the official Genesys Cloud add-on gives to the same kind of record, where it has one; else
// "genesyscloud:" and the category.
std::string sourcetype_of(const event::Event& event);

// X-Splunk-Request-Channel of a consumer at a server: a GUID, the same over restarts (RFC 9562 section 5.8).
std::string hec_channel(std::string_view consumer, std::string_view url);

// Sends events to a Splunk HTTP Event Collector: POST /services/collector/event, one JSON object behind the other. What
// the answers mean is in hec_verdict.hpp. `time` is when it happened, else when it was published or accepted. `fields`
// are text: trunkline_sequence, trunkline_consumer, trunkline_lane, trunkline_gap_before, trunkline_redriven,
// trunkline_order (with an event-time window), trunkline_late, trunkline_edited, trunkline_replay, eventType,
// eventCategory, orgId, conversationId, userId, queueId, mediaType; what an event lacks is left out. A batch that is
// sent again has the same bytes, but for the header trunkline-attempt.
//
// Without `ack`, `delivered` is what Splunk has taken, not yet what it has indexed. With it a batch is delivered when
// Splunk acknowledges it (hec_acks.hpp). A success without an acknowledgement's number is then none: unavailable.
// Cookies that a balancer sets are sent back with every further request.
class HecSink final : public delivery::Sink {
 public:
  // `renderer` makes enriched bodies. The clock must outlive all requests. The loop is needed for `ack` and must outlive
  // the sink.
  static base::Result<std::unique_ptr<HecSink>> make(HecOptions options, Renderer renderer,
                                                     std::unique_ptr<HttpSender> sender, const base::Clock& clock,
                                                     base::Loop* loop = nullptr);

  delivery::SinkLimits limits() const override;
  void send(delivery::Batch batch, base::UniqueFunction<void(delivery::BatchVerdict)> done) override;
  // The health endpoint, then a request without an event, which a collector refuses by what it thinks of the token; with
  // `ack` also the question for an acknowledgement, on a channel that nobody else uses.
  void probe(base::UniqueFunction<void(base::Result<std::string>)> done) override;

 private:
  HecSink(HecOptions options, Renderer renderer, std::unique_ptr<HttpSender> sender, const base::Clock& clock,
          base::Loop* loop);
  net::ClientRequest request(std::string_view path) const;
  void append_event(std::string& body, const engine::LeasedMessage& message, const delivery::Batch& batch) const;

  void send_for_ack(net::ClientRequest post, std::size_t events,
                    base::UniqueFunction<void(delivery::BatchVerdict)> done);
  std::optional<net::ClientRequest> ack_question() const;

  const HecOptions options_;
  const std::string base_url_;  // up to and without /services/collector
  const std::string channel_;
  const Renderer renderer_;
  const std::shared_ptr<HttpSender> sender_;  // shared with a probe, which asks twice
  const base::Clock& clock_;
  const std::shared_ptr<HecAcks> acks_;  // its answers know by a weak one whether it is still there; null without `ack`
};

}  // namespace trunkline::sinks
