#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "engine/engine.hpp"
#include "event/topic_table.hpp"
#include "net/http_server.hpp"
#include "net/http_types.hpp"
#include "source/authenticator.hpp"
#include "source/cloud_headers.hpp"
#include "source/router.hpp"
#include "source/source_spec.hpp"
#include "source/source_statistics.hpp"
#include "source/token_issuer.hpp"

namespace trunkline::source {

struct IngestOptions {
  // Every answer within 4 s (DESIGN section 4): EventBridge API destinations give up after 5.
  base::Millis answer_within = std::chrono::milliseconds(3'500);
  // Of that, for the keys of a token issuer to come.
  base::Millis keys_within = std::chrono::milliseconds(2'800);
  std::string token_key{};  // signs the access tokens of OAuth clients; empty: they get none
};

// Takes events over HTTP: POST /ingest/NAME, and gives out access tokens at POST /oauth/token (TokenIssuer). One request is one atomic publish; the answer comes after the fsync:
//
//   200 {"accepted":1,"duplicates":0,"conflicts":0,"quarantined":0,"ignored":0,"failed":0,
//        "results":[{"verdict":"accepted","sequence":42,"id":"…"}]}
//
// with one result per event in the order of the request. What cannot be understood is quarantined and acknowledged. An
// item that could not be stored is "failed" and makes the whole answer 503, so that the sender sends again; what was
// stored is then a duplicate. The status codes follow what each sender does with them (aws.md section 4,
// azure-and-sinks.md A1):
//
//   wrong or no credential        eventbridge, genesys 401 (EventBridge retries it); eventgrid 503 (drops 401 and 403)
//   keys of a token issuer that
//   cannot be fetched             503
//   a source that is not known,
//   or takes none over HTTP       503: the sender keeps its events while the operator mends the configuration
//   not POST                      with a body 503, for the same reason; without one 405
//   full disk, overload, stopping 503
//
// Every 503 says Retry-After. A body whose Content-Encoding cannot be undone is quarantined as it came, for the reason
// "content_encoding".
//
// Event Grid handshakes: SubscriptionValidation is answered with its code, OPTIONS by the CloudEvents webhook
// specification (section 4). Thread-safe: one instance serves all loops; each loop has its own decoder.
class Ingest {
 public:
  // All that is passed by reference or pointer must outlive it; the engine must have been stopped before it is
  // destroyed. The clock decides which keys have ended. Until set_router() events are stored for no queue.
  Ingest(engine::Engine& engine, const event::TopicTable& topics, std::vector<SourceSpec> sources,
         std::vector<net::IoLoop*> loops, const base::Clock& clock, IngestOptions options = {});
  ~Ingest();

  static bool owns(std::string_view path) { return path.starts_with("/ingest/") || TokenIssuer::owns(path); }
  void handle(net::IoLoop& loop, net::HttpRequest request, net::Responder respond);

  // Any thread: events decoded from now on are routed by it.
  void set_router(std::shared_ptr<const Router> router);
  // Any thread. From now on everything is answered 503, handshakes and wrong keys, too.
  void refuse();

  // Any thread: another one takes the requests from now on. Those that were begun are answered; key servers are not
  // asked any more without one that waits.
  void retire();

  // What publish() makes of a payload; also how quarantined input is taken in again, then uncounted. `cloud`: of a
  // CloudEvent in binary mode; its quarantined input is kept in structured mode. Loop thread.
  struct Decoded {
    std::vector<engine::PublishItem> items;  // what is to be stored
    std::vector<std::string> ids;            // by event of the request, in order: its envelope id
    std::vector<bool> ignored;               // by event: control, nothing to store
  };
  Decoded decode(net::IoLoop& loop, std::string_view payload, const std::string& source_name,
                 const std::string& content_type, bool count = true, const CloudHeaders* cloud = nullptr);

  // Any thread: the source of kind put_events that an event bus stands for: of that name; for "default" else the only one.
  std::optional<std::string> source_of_bus(std::string_view bus) const;

  // Any thread: what a source that fetches its events has stored, or tried to. As a request answered 200, or 503.
  void count_fetched(std::string_view source, std::uint64_t stored, std::uint64_t failed);

  IngestTotals totals() const;  // any thread

 private:
  struct LoopPart;
  struct Pending;
  struct Waiting;

  const SourceSpec* find(std::string_view name) const;
  net::HttpResponse unknown_source(std::string_view name, const net::HttpRequest& request);
  net::HttpResponse unauthenticated(std::size_t source, const net::HttpRequest& request, std::string_view reason);
  LoopPart& part(net::IoLoop& loop);
  // Checks the credentials again when the keys were fetched, or answers 503.
  void wait_for_keys(net::IoLoop& loop, std::size_t source, net::HttpRequest request, net::Responder respond,
                     KeySource& keys);
  net::HttpResponse token(const net::HttpRequest& request);
  net::HttpResponse keys_missing(std::size_t source);
  void respond_to(std::size_t source, net::Responder& respond, net::HttpResponse response);
  // A request whose credentials are good. Its answer is due `began` + answer_within.
  void admitted(net::IoLoop& loop, std::size_t source, const net::HttpRequest& request, net::Responder respond,
                base::MonoTime began);
  // The answer, when the request is a handshake.
  std::optional<net::HttpResponse> handshake(const SourceSpec& source, const net::HttpRequest& request) const;
  Decoded decode_request(net::IoLoop& loop, std::size_t source, const net::HttpRequest& request);
  Decoded undecodable(std::size_t source, const net::HttpRequest& request, std::string content_type);
  void publish(net::IoLoop& loop, std::size_t source, const net::HttpRequest& request, net::Responder respond,
               base::MonoTime began);
  void answer(const std::shared_ptr<Pending>& pending, std::vector<engine::PublishResult> results);

  engine::Engine& engine_;
  const std::vector<SourceSpec> sources_;
  const base::Clock& clock_;
  const IngestOptions options_;
  const TokenIssuer tokens_;
  std::vector<std::unique_ptr<Authenticator>> authenticators_;  // by source
  std::vector<std::unique_ptr<SourceStatistics>> statistics_;
  std::vector<std::unique_ptr<LoopPart>> parts_;
  std::atomic<bool> refusing_{false};
  std::atomic<std::uint64_t> unknown_sources_{0};
  std::atomic<std::uint64_t> tokens_refused_{0};  // asked for with a wrong client or secret
};

}  // namespace trunkline::source
