#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "delivery/sink.hpp"
#include "net/http_types.hpp"
#include "sinks/http_sender.hpp"
#include "sinks/render.hpp"
#include "sinks/signature.hpp"

namespace trunkline::sinks {

struct WebhookOptions {
  enum class Layout : std::uint8_t {
    single,      // one event a request: an object, application/json
    json_array,  // application/json
    ndjson,      // one object a line, application/x-ndjson
  };

  std::string url;              // http or https; credentials belong into headers
  std::string method = "POST";  // POST or PUT
  net::Headers headers;         // added to each request, e.g. Authorization; at most 32
  Layout layout = Layout::single;
  Body body = Body::enriched;
  // trunkline-sequence must fit into 8 KiB, the longest header line that nginx and Apache take: 500 numbers of 13
  // digits do.
  std::size_t batch_messages_max = 100;
  std::size_t batch_bytes_max = 1 << 20;  // of raw bodies, before enrichment
  std::vector<std::string> secrets;       // of the signature; none: requests are not signed
  base::Millis connect_timeout = std::chrono::seconds(5);
  base::Millis timeout = std::chrono::seconds(15);  // Standard Webhooks: 15 to 30 s
};

// Errc::invalid names the option.
base::Result<void> validate(const WebhookOptions& options);

// Sends events to an HTTP endpoint. What the answers mean is in http_verdict.hpp. Headers of each request:
//
//  webhook-id            the same for the same event, or the same set of events, over all retries
//  webhook-timestamp     seconds, of this attempt
//  webhook-signature     Standard Webhooks 1.0.0, where secrets are given
//  trunkline-consumer    the consumer's name, percent-encoded where it is not printable ASCII
//  trunkline-sequence    the place of each event in the hub's log, ascending within each lane, comma separated: what is not
//                        above the newest one seen of its lane is a repeat
//  trunkline-order       with an event-time window, in which the log's place does not ascend: that which does, for each
//  trunkline-late        the sequence of each event that came after its event-time window
//  trunkline-attempt     from 1
//  trunkline-gap-before  "event=skipped" for each event of which the lane's predecessor was skipped
//  trunkline-redriven    the sequence of each event that was redriven
//  trunkline-edited      the sequence of each event whose body an operator has replaced
//  trunkline-replay      "event=operation" for each event that is given once more by a replay
//  trunkline-mapping     the version of the mapping that made the events, where the consumer has one
//
// In ndjson, line breaks between an event's tokens become spaces; else raw bodies are byte for byte what came.
class WebhookSink final : public delivery::Sink {
 public:
  // `renderer` makes enriched bodies. The clock must outlive all requests.
  static base::Result<std::unique_ptr<WebhookSink>> make(WebhookOptions options, Renderer renderer,
                                                         std::unique_ptr<HttpSender> sender, const base::Clock& clock);

  delivery::SinkLimits limits() const override;
  void send(delivery::Batch batch, base::UniqueFunction<void(delivery::BatchVerdict)> done) override;
  // OPTIONS with the configured headers. Any answer will do, since few endpoints know that method.
  void probe(base::UniqueFunction<void(base::Result<std::string>)> done) override;

 private:
  WebhookSink(WebhookOptions options, WebhookSigner signer, Renderer renderer, std::unique_ptr<HttpSender> sender,
              const base::Clock& clock);
  std::string body_of(const delivery::Batch& batch) const;

  const WebhookOptions options_;
  const WebhookSigner signer_;
  const Renderer renderer_;
  const std::unique_ptr<HttpSender> sender_;
  const base::Clock& clock_;
  // Shared with the answers that are still to come, which may outlive the sink.
  const std::shared_ptr<const std::vector<std::string>> secrets_;
};

// webhook-id of these events.
std::string webhook_id(const std::vector<engine::LeasedMessage>& messages);

}  // namespace trunkline::sinks
