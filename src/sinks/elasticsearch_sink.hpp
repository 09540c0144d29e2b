#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "delivery/sink.hpp"
#include "event/event.hpp"
#include "net/aws_signature.hpp"
#include "sinks/bulk_document.hpp"
#include "sinks/http_sender.hpp"
#include "sinks/render.hpp"

namespace trunkline::sinks {

struct ElasticsearchOptions {
  std::string url;                             // of the server; a path in front of /_bulk is kept
  std::string index = "logs-genesys-default";  // IndexName
  std::string pipeline{};                      // ingest pipeline; empty: the index's own
  DocumentFields fields = DocumentFields::ecs;
  // Without, a repeat is a second document: only for what takes no ids (time series collections of OpenSearch Serverless).
  bool document_ids = true;
  event::Order order = event::Order::none;  // of the consumer's queue: what a lane is
  // At most one of the three; none: the server asks for nothing.
  std::string user{};
  std::string password{};
  std::string api_key{};  // as Kibana shows it: base64 of id:key
  struct Aws {
    net::AwsCredentials credentials;
    net::AwsScope scope;  // service: es, or aoss for Serverless
  };
  std::optional<Aws> aws{};
  bool gzip = true;
  std::size_t batch_messages_max = 1'000;
  // Of events before enrichment. The servers take 100 MB a request as installed, and advise 5 to 15.
  std::size_t batch_bytes_max = 5 << 20;
  base::Millis connect_timeout = std::chrono::seconds(5);
  base::Millis timeout = std::chrono::seconds(30);
};

// Errc::invalid names the option.
base::Result<void> validate(const ElasticsearchOptions& options);

// Writes events to Elasticsearch and OpenSearch: POST /_bulk, each event a `create` with an _id that is the same over all
// tries, so that a repeat is answered 409, which is as good as written. Data streams take `create` and nothing else. What the
// answers mean is in bulk_verdict.hpp.
//
// Of several events of a lane in one request, the server writes those behind a failed one, too; the lane is cut at the
// failed one all the same, and they come again and are answered 409.
class ElasticsearchSink final : public delivery::Sink {
 public:
  // `renderer` makes enriched bodies. The clock must outlive all requests.
  static base::Result<std::unique_ptr<ElasticsearchSink>> make(ElasticsearchOptions options, Renderer renderer,
                                                               std::unique_ptr<HttpSender> sender,
                                                               const base::Clock& clock);

  delivery::SinkLimits limits() const override;
  void send(delivery::Batch batch, base::UniqueFunction<void(delivery::BatchVerdict)> done) override;
  // Asks who it is, then sends a _bulk without a line, which a server refuses with 400 to whoever may write.
  void probe(base::UniqueFunction<void(base::Result<std::string>)> done) override;

 private:
  ElasticsearchSink(ElasticsearchOptions options, IndexName index, Renderer renderer,
                    std::unique_ptr<HttpSender> sender, const base::Clock& clock);
  net::ClientRequest request(std::string_view method, std::string_view target) const;
  void authorize(net::ClientRequest& request) const;

  const ElasticsearchOptions options_;
  const std::string base_url_;
  const IndexName index_;
  DocumentMaker maker_;
  const std::shared_ptr<HttpSender> sender_;  // shared with a probe, which asks twice
  const base::Clock& clock_;
  // Shared with the answers that are still to come, which may outlive the sink.
  const std::shared_ptr<const std::vector<std::string>> secrets_;
};

}  // namespace trunkline::sinks
