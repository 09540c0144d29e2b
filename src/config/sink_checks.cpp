#include "config/sink_checks.hpp"

#include <fmt/format.h>

namespace trunkline::config {
namespace {

class SinkCheck {
 public:
  SinkCheck(const Consumer& consumer, Diagnostics& diagnostics) : consumer_(consumer), diagnostics_(diagnostics) {}

  void operator()(const ElasticsearchSink& sink) {
    together("user", sink.user.empty(), "password", sink.password.empty());
    together("aws.access_key_id", sink.aws_access_key_id.empty(), "aws.secret_access_key",
             sink.aws_secret_access_key.empty());
    together("aws.region", sink.aws_region.empty(), "aws.access_key_id", sink.aws_access_key_id.empty());
    const int kinds = (sink.user.empty() ? 0 : 1) + (sink.api_key.empty() ? 0 : 1) + (sink.aws_region.empty() ? 0 : 1);
    if (kinds > 1) error("take one of 'user', 'api_key' and 'aws' for the sink of '{}'");
    target(sink.target);
  }
  void operator()(const SyslogSink& sink) { target(sink.target); }
  void operator()(const DatadogSink& sink) { target(sink.target); }
  void operator()(const SentinelSink& sink) { target(sink.target); }
  void operator()(const PostgresSink& sink) {
    if (sink.tls == PostgresTls::off && !sink.target.tls_ca.empty())
      error("'tls.ca' of the sink of '{}' is of no use with 'tls.mode: off'");
    target(sink.target);
  }
  void operator()(const KafkaSink& sink) {
    if (sink.brokers.empty()) error("'brokers' of the sink of '{}' is missing");
    together("user", sink.user.empty(), "password", sink.password.empty());
    if (!sink.tls && !sink.target.tls_ca.empty())
      error("'tls.ca' of the sink of '{}' is of no use with 'tls.on: false'");
    target(sink.target);
  }
  void operator()(const HubSink& sink) { target(sink.target); }
  void operator()(const S3Sink& sink) {
    target(sink.target);
    if (consumer_.batch.age >= std::chrono::seconds(1)) return;
    diagnostics_.warning(
        consumer_.place,
        fmt::format("the sink of '{}' stores an object for each batch, and 'batch.age' lets none grow: "
                    "set 'batch' to something like {{messages: 10000, bytes: 32MiB, age: 5m}}",
                    consumer_.name));
  }
  void operator()(const TranscriptSink& sink) {
    if (sink.region.empty() && (sink.api_url.empty() || sink.login_url.empty()))
      error("the sink of '{}' needs 'genesys.region'");
    if ((sink.attach == TranscriptAttach::field) == sink.field.empty())
      error("'attach: field' and 'field' of the sink of '{}' go together");
    together("tls.cert", sink.reach.tls_cert.empty(), "tls.key", sink.reach.tls_key.empty());
    if (consumer_.privacy == Privacy::protect)
      error(
          "a transcript is personal data and the sink of '{}' sends nothing else: with 'privacy: protect' there is "
          "nothing that may leave");
  }
  void operator()(const AdherenceSink& sink) {
    together("user", sink.user.empty(), "password", sink.password.empty());
    together("tls.cert", sink.reach.tls_cert.empty(), "tls.key", sink.reach.tls_key.empty());
    by_agent();
  }
  void operator()(const AdherenceFilesSink& sink) {
    constexpr base::Millis kDay = std::chrono::hours(24);
    if (sink.interval > base::Millis(0) && kDay % sink.interval != base::Millis(0))
      error("'interval' of the sink of '{}' must divide a day, such as 15m, 30m or 1h");
    if (sink.keep < sink.interval) error("'keep' of the sink of '{}' is shorter than its interval");
    by_agent();
  }
  template <class Other>
  void operator()(const Other&) {}

 private:
  void error(std::string_view text) {
    diagnostics_.error(consumer_.place, fmt::format(fmt::runtime(text), consumer_.name));
  }
  void together(std::string_view one, bool one_is_empty, std::string_view other, bool other_is_empty) {
    if (one_is_empty == other_is_empty) return;
    diagnostics_.error(consumer_.place,
                       fmt::format("'{}' and '{}' of the sink of '{}' go together", one, other, consumer_.name));
  }
  // Without an order the states of one agent could be given in another one than they had.
  void by_agent() {
    if (consumer_.order != Order::agent) error("the sink of '{}' tells the states of agents: set 'order: agent'");
  }
  void target(const SinkTarget& target) {
    together("tls.cert", target.tls_cert.empty(), "tls.key", target.tls_key.empty());
  }

  const Consumer& consumer_;
  Diagnostics& diagnostics_;
};

}  // namespace

void check_sink(const Consumer& consumer, Diagnostics& diagnostics) {
  std::visit(SinkCheck(consumer, diagnostics), consumer.sink);
}

}  // namespace trunkline::config
