#include <array>

#include "config/option.hpp"

namespace trunkline::config {
namespace {

constexpr std::int64_t kSecond = 1000;
constexpr std::int64_t kHour = 3600 * kSecond;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::int64_t kKiB = 1 << 10;
constexpr std::int64_t kMiB = 1 << 20;
constexpr std::int64_t kGiB = 1 << 30;

template <auto Field>
void assign_pulled(Consumer& consumer, Value value) {
  assign<Field>(std::get<Pulled>(consumer.sink), std::move(value));
}

constexpr std::array kConsumer = {
    Row<Consumer>{
        {.path = "filter",
         .type = Type::policy,
         .fallback = "{}",
         .reloadable = true,
         .help =
             "SNS filter policy: which events this consumer wants. `{}` is all. Holds for events accepted after the "
             "change."},
        assign<&Consumer::filter>},
    Row<Consumer>{
        {.path = "filter_scope",
         .type = Type::choice,
         .fallback = "MessageAttributes",
         .choices = "MessageAttributes|MessageBody",
         .reloadable = true,
         .help =
             "What the filter looks at: eventType, eventCategory and the other attributes, or the event's own JSON."},
        assign<&Consumer::filter_scope>},
    Row<Consumer>{
        {.path = "order",
         .type = Type::choice,
         .fallback = "none",
         .choices = "none|conversation|agent|queue|topic",
         .help = "Events of one conversation, agent, queue or topic arrive in accepted order, one batch at a time."},
        assign<&Consumer::order>},
    Row<Consumer>{{.path = "concurrency",
                   .type = Type::count,
                   .fallback = "16",
                   .min = 1,
                   .max = 10'000,
                   .unit = "deliveries",
                   .reloadable = true,
                   .help = "Deliveries under way at the same time. Bounds the fetch, so it spends no attempts."},
                  assign<&Consumer::concurrency>},
    Row<Consumer>{{.path = "rate",
                   .type = Type::count,
                   .fallback = "0",
                   .min = 0,
                   .max = 10'000'000,
                   .unit = "events a second",
                   .reloadable = true,
                   .help = "Most events a second; 0 is no limit."},
                  assign<&Consumer::rate>},
    Row<Consumer>{{.path = "batch.messages",
                   .type = Type::count,
                   .fallback = "100",
                   .min = 1,
                   .max = 10'000,
                   .unit = "events",
                   .reloadable = true,
                   .help = "Most events in one delivery; the sink may take fewer."},
                  assign<&Consumer::batch, &Batch::messages>},
    Row<Consumer>{{.path = "batch.bytes",
                   .type = Type::size,
                   .fallback = "1MiB",
                   .min = kKiB,
                   .max = 64 * kMiB,
                   .reloadable = true,
                   .help = "Most bytes in one delivery; a single larger event goes alone."},
                  assign<&Consumer::batch, &Batch::bytes>},
    Row<Consumer>{{.path = "batch.age",
                   .type = Type::duration,
                   .fallback = "0s",
                   .min = 0,
                   .max = kHour,
                   .reloadable = true,
                   .help = "How long a batch that is not full waits for more. 0 sends what is there."},
                  assign<&Consumer::batch, &Batch::age>},
    Row<Consumer>{
        {.path = "attempts",
         .type = Type::count,
         .fallback = "5",
         .min = 1,
         .max = 1'000,
         .unit = "attempts",
         .reloadable = true,
         .help = "Deliveries of one event that may end in *rejected*. An outage of the downstream spends none."},
        assign<&Consumer::attempts>},
    Row<Consumer>{
        {.path = "on_exhausted",
         .type = Type::choice,
         .choices = "park|skip|drop",
         .reloadable = true,
         .help = "When attempts run out: hold the lane until a redrive, dead-letter and go on, or forget the event. "
                 "Default: `park` where there is an `order`, else `skip`."},
        assign<&Consumer::on_exhausted>},
    Row<Consumer>{{.path = "retry.base",
                   .type = Type::duration,
                   .fallback = "200ms",
                   .min = 1,
                   .max = kHour,
                   .reloadable = true,
                   .help = "First back-off; doubles, with full jitter."},
                  assign<&Consumer::retry, &Retry::base>},
    Row<Consumer>{{.path = "retry.cap",
                   .type = Type::duration,
                   .fallback = "1m",
                   .min = 1,
                   .max = kDay,
                   .reloadable = true,
                   .help = "Longest back-off."},
                  assign<&Consumer::retry, &Retry::cap>},
    Row<Consumer>{{.path = "retry.for",
                   .type = Type::duration,
                   .fallback = "1h",
                   .min = 0,
                   .max = 14 * kDay,
                   .reloadable = true,
                   .help = "How long a downstream may say *not now* of one event before that counts as an attempt."},
                  assign<&Consumer::retry, &Retry::limit>},
    Row<Consumer>{{.path = "breaker.lanes",
                   .type = Type::count,
                   .fallback = "10",
                   .min = 1,
                   .max = 100'000,
                   .unit = "lanes",
                   .reloadable = true,
                   .help = "Distinct lanes that must be seen in the window before their failures open the breaker."},
                  assign<&Consumer::breaker, &Breaker::lanes>},
    Row<Consumer>{{.path = "breaker.percent",
                   .type = Type::count,
                   .fallback = "80",
                   .min = 1,
                   .max = 100,
                   .unit = "percent",
                   .reloadable = true,
                   .help = "Share of these lanes that must fail."},
                  assign<&Consumer::breaker, &Breaker::percent>},
    Row<Consumer>{{.path = "breaker.window",
                   .type = Type::duration,
                   .fallback = "10s",
                   .min = 100,
                   .max = kHour,
                   .reloadable = true,
                   .help = "Length of the window."},
                  assign<&Consumer::breaker, &Breaker::window>},
    Row<Consumer>{{.path = "breaker.probe_every",
                   .type = Type::duration,
                   .fallback = "5s",
                   .min = 100,
                   .max = kHour,
                   .reloadable = true,
                   .help = "Time between probes while the breaker is open."},
                  assign<&Consumer::breaker, &Breaker::probe_every>},
    Row<Consumer>{{.path = "max_wait",
                   .type = Type::duration,
                   .fallback = "14d",
                   .min = 60 * kSecond,
                   .max = 3650 * kDay,
                   .reloadable = true,
                   .help = "What waits longer expires: counted, alarmed, listed."},
                  assign<&Consumer::max_wait>},
    Row<Consumer>{{.path = "on_full",
                   .type = Type::choice,
                   .fallback = "refuse",
                   .choices = "refuse|expire",
                   .reloadable = true,
                   .help = "When the disk budget is full of this consumer's waiting events: answer senders 503, or "
                           "expire its oldest."},
                  assign<&Consumer::on_full>},
    Row<Consumer>{{.path = "paused",
                   .type = Type::boolean,
                   .fallback = "false",
                   .reloadable = true,
                   .help = "Starts without delivering; events wait."},
                  assign<&Consumer::paused>},
    Row<Consumer>{{.path = "visibility_timeout",
                   .type = Type::duration,
                   .fallback = "30s",
                   .min = 0,
                   .max = 12 * kHour,
                   .reloadable = true,
                   .help = "Only without a sink: how long a received event stays hidden until it is settled."},
                  assign_pulled<&Pulled::visibility_timeout>},
    Row<Consumer>{{.path = "max_receive_count",
                   .type = Type::count,
                   .fallback = "5",
                   .min = 1,
                   .max = 1'000,
                   .unit = "receives",
                   .reloadable = true,
                   .help = "Only without a sink: receives before an event is dead-lettered."},
                  assign_pulled<&Pulled::max_receive_count>},
};

constexpr std::array kHttp = {
    Row<HttpSink>{{.path = "url", .type = Type::url, .required = true, .help = "Where events are POSTed."},
                  assign<&HttpSink::url>},
    Row<HttpSink>{
        {.path = "headers", .type = Type::headers, .help = "Headers of every request; values may be references."},
        assign<&HttpSink::headers>},
    Row<HttpSink>{{.path = "secret",
                   .type = Type::secrets,
                   .reloadable = true,
                   .help = "Signs by Standard Webhooks. One, or a list while the receiver changes over."},
                  assign<&HttpSink::secrets>},
    Row<HttpSink>{{.path = "batch",
                   .type = Type::choice,
                   .fallback = "single",
                   .choices = "single|array|ndjson",
                   .help = "One event a request, a JSON array, or one JSON object a line."},
                  assign<&HttpSink::batch>},
    Row<HttpSink>{{.path = "body",
                   .type = Type::choice,
                   .fallback = "enriched",
                   .choices = "enriched|raw",
                   .help = "The event with what the hub found in it, or its own bytes as they came."},
                  assign<&HttpSink::body>},
    Row<HttpSink>{{.path = "timeout",
                   .type = Type::duration,
                   .fallback = "30s",
                   .min = 10,
                   .max = kHour,
                   .help = "For the whole exchange."},
                  assign<&HttpSink::timeout>},
    Row<HttpSink>{{.path = "connect_timeout",
                   .type = Type::duration,
                   .fallback = "5s",
                   .min = 10,
                   .max = kHour,
                   .help = "For the connection, TLS included."},
                  assign<&HttpSink::connect_timeout>},
    Row<HttpSink>{{.path = "allow_loopback",
                   .type = Type::boolean,
                   .fallback = "false",
                   .help = "May call this machine. Addresses are checked after name resolution, at each connect."},
                  assign<&HttpSink::allow_loopback>},
    Row<HttpSink>{{.path = "allow_private",
                   .type = Type::boolean,
                   .fallback = "false",
                   .help = "May call private networks (RFC 1918, fc00::/7, 100.64.0.0/10)."},
                  assign<&HttpSink::allow_private>},
    Row<HttpSink>{
        {.path = "allowed_cidrs", .type = Type::cidrs, .help = "Networks that may always be called: `[10.1.0.0/16]`."},
        assign<&HttpSink::allowed_cidrs>},
};

constexpr std::array kFile = {
    Row<FileSink>{
        {.path = "path",
         .type = Type::text,
         .required = true,
         .help =
             "Where to write: `./out/events.jsonl` begins `./out/events-20260302T140000-000.jsonl`, then the next."},
        assign<&FileSink::path>},
    Row<FileSink>{{.path = "rotate_bytes",
                   .type = Type::size,
                   .fallback = "1GiB",
                   .min = kMiB,
                   .max = 1024 * kGiB,
                   .help = "Size at which a new file is begun."},
                  assign<&FileSink::rotate_bytes>},
    Row<FileSink>{{.path = "rotate_age",
                   .type = Type::duration,
                   .fallback = "1d",
                   .min = 60 * kSecond,
                   .max = 366 * kDay,
                   .help = "Age at which a new file is begun."},
                  assign<&FileSink::rotate_age>},
    Row<FileSink>{{.path = "keep",
                   .type = Type::count,
                   .fallback = "0",
                   .min = 0,
                   .max = 100'000,
                   .unit = "files",
                   .help = "Finished files that are kept; 0 keeps all."},
                  assign<&FileSink::keep>},
};

constexpr std::array kSplunkHec = {
    Row<SplunkHecSink>{
        {.path = "url", .type = Type::url, .required = true, .help = "Address of the HTTP Event Collector."},
        assign<&SplunkHecSink::url>},
    Row<SplunkHecSink>{{.path = "token", .type = Type::secret, .required = true, .help = "Its token."},
                       assign<&SplunkHecSink::token>},
};

}  // namespace

Table<Consumer> consumer_table() {
  return kConsumer;
}
Table<HttpSink> http_sink_table() {
  return kHttp;
}
Table<FileSink> file_sink_table() {
  return kFile;
}
Table<SplunkHecSink> splunk_hec_sink_table() {
  return kSplunkHec;
}
Table<LiveSink> live_sink_table() {
  return {};
}

}  // namespace trunkline::config
