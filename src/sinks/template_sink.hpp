#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "delivery/sink.hpp"
#include "net/http_types.hpp"
#include "sinks/http_sender.hpp"
#include "sinks/render.hpp"
#include "sinks/template_text.hpp"

namespace trunkline::sinks {

// What an answer means, beside http_verdict.hpp: the first rule that fits decides.
struct TemplateRule {
  std::string status;                   // "200-299, 409"; empty: any
  std::string pointer;                  // of the JSON body (RFC 6901); empty with equals or contains: the body's text
  std::optional<std::string> equals;    // a text, or the JSON text of another value
  std::optional<std::string> contains;  // neither: the pointer's value is there
  delivery::Verdict verdict = delivery::Verdict::delivered;
};

struct TemplateOptions {
  struct Request {
    std::function<bool(const engine::Record&)> when;  // nothing: always
    std::string method = "POST";                      // POST, PUT, PATCH or DELETE
    std::string url;
    std::string body;  // a template; of JSON unless a Content-Type says otherwise; empty: none
  };

  std::shared_ptr<const TemplateNames> names;
  net::Headers headers;             // values are templates; at most 32
  std::vector<Request> requests;    // the first one that fits an event is made; at most 32
  std::vector<TemplateRule> rules;  // at most 64
  base::Millis connect_timeout = std::chrono::seconds(5);
  base::Millis timeout = std::chrono::seconds(30);
};

// One request for each event, written by templates (template_text.hpp). `event` is what the renderer makes of the event;
// meta has id (the same over all retries: an idempotency key), sequence, attempt, consumer, eventType, category, time
// (when it happened, else when it was accepted) and acceptedAt.
//
//  no request fits the event                        delivered, nothing is sent
//  a template has no value, or makes no JSON        rejected: `template`
//  a rule fits the answer                           what it says, Retry-After taken
//  else                                             http_verdict.hpp
class TemplateSink final : public delivery::Sink {
 public:
  // Errc::invalid names the template, with line and column in it. The loop must outlive all requests.
  static base::Result<std::unique_ptr<TemplateSink>> make(TemplateOptions options, Renderer renderer,
                                                          std::unique_ptr<HttpSender> sender, base::Loop& loop);

  delivery::SinkLimits limits() const override { return {1, 4 << 20}; }
  void send(delivery::Batch batch, base::UniqueFunction<void(delivery::BatchVerdict)> done) override;
  // OPTIONS to the origin of the first request, without headers.
  void probe(base::UniqueFunction<void(base::Result<std::string>)> done) override;

 private:
  struct Request {
    std::function<bool(const engine::Record&)> when;
    std::string method;
    Template url;
    std::optional<Template> body;
  };
  struct Rule {
    std::vector<std::pair<int, int>> statuses;
    TemplateRule said;
  };
  struct Compiled {
    std::shared_ptr<const TemplateNames> names;  // shared with who made it; the templates point into it
    std::vector<std::pair<std::string, Template>> headers;
    std::vector<Request> requests;
    std::vector<Rule> rules;
    bool json = true;
  };

  TemplateSink(Compiled compiled, TemplateOptions options, Renderer renderer, std::unique_ptr<HttpSender> sender,
               base::Loop& loop);
  static base::Result<Compiled> compile(const TemplateOptions& options);
  base::Result<net::ClientRequest> request_of(const Request& request, const delivery::Batch& batch) const;
  static std::optional<delivery::Verdict> by_rule(const std::vector<Rule>& rules, const net::ClientResponse& answer);

  const std::shared_ptr<const Compiled> compiled_;  // shared with the answers to come, which may outlive the sink
  const TemplateOptions options_;
  const Renderer renderer_;
  const std::unique_ptr<HttpSender> sender_;
  base::Loop& loop_;
};

}  // namespace trunkline::sinks
