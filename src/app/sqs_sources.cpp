#include "app/sqs_sources.hpp"

#include <fmt/format.h>

#include "aws/shared_files.hpp"
#include "aws/sqs_calls.hpp"
#include "base/run_and_wait.hpp"

namespace trunkline::app {

using base::Errc;
using base::Result;

namespace {

// For a loop to make or to destroy a source.
constexpr base::Millis kLoopWithin = std::chrono::seconds(20);
// Ten messages of SQS's maximum, and as much again for what JSON escapes of them.
constexpr std::size_t kAnswerBytesMax = 24 << 20;

std::string first_of(std::initializer_list<std::string> texts) {
  for (const std::string& text : texts) {
    if (!text.empty()) return text;
  }
  return {};
}

}  // namespace

Result<SqsPlace> sqs_place(const config::Source& source) {
  const config::SqsQueue& queue = *source.queue;
  const aws::Environment environment = aws::process_environment();
  TRUNKLINE_TRY(const aws::SharedFiles files, aws::SharedFiles::load(environment));
  SqsPlace place;
  place.region = first_of({queue.region, aws::region_of_queue(queue.url), aws::region_of(environment, files)});
  if (place.region.empty())
    return {Errc::invalid, fmt::format("sources.{}: no region: set 'sqs.region' or AWS_REGION", source.name)};
  place.endpoint =
      first_of({queue.endpoint, aws::endpoint_of("sqs", environment, files), aws::endpoint_of_queue(queue.url)});
  return place;
}

Result<source::SqsClient> sqs_client(const config::Source& source, net::IoLoop& loop) {
  const config::SqsQueue& queue = *source.queue;
  TRUNKLINE_TRY(const SqsPlace place, sqs_place(source));
  source::SqsClient made;
  if (queue.access_key_id.empty()) {
    made.credentials = aws::make_credential_chain(loop, aws::process_environment(), place.region);
  } else {
    aws::Credentials keys{{queue.access_key_id, queue.secret_access_key.reveal(), queue.session_token.reveal()}};
    keys.provider = "configuration";
    made.credentials = aws::make_credential_chain(loop, aws::process_environment(), place.region,
                                                  [&keys](const aws::ProviderContext&) {
                                                    aws::Providers providers;
                                                    providers.push_back(aws::static_provider(keys));
                                                    return providers;
                                                  });
  }
  net::HttpClientOptions client;
  client.addresses = {queue.allow_loopback, queue.allow_private, {}};
  client.ca_file = queue.tls_ca;
  // Of each receiver its receive, and beside it a delete or a longer visibility.
  client.connections_per_host_max = 2 * queue.receivers + 2;
  made.transport = std::make_unique<aws::ClientTransport>(loop, std::move(client));
  aws::ClientOptions options;
  options.service = "sqs";
  options.target = "AmazonSQS";
  options.region = place.region;
  options.endpoint = place.endpoint;
  options.response_bytes_max = kAnswerBytesMax;
  made.client = std::make_unique<aws::Client>(std::move(options), *made.transport, *made.credentials, loop);
  return made;
}

void probe_queue(const config::Source& source, source::SqsClient& client,
                 base::UniqueFunction<void(Result<std::string>)> done) {
  const config::SqsQueue& queue = *source.queue;
  client.client->call("GetQueueAttributes", aws::attributes_body(queue.url), queue.timeout,
                      [done = std::move(done)](const aws::Reply& reply) mutable {
                        if (!reply.ok()) return done(base::Error{reply.failure->errc, reply.failure->text()});
                        const auto attributes = aws::parse_attributes(reply.body);
                        if (!attributes.ok()) return done(attributes.error());
                        std::string text = fmt::format("the queue answers: {} waiting, {} in flight",
                                                       attributes->waiting, attributes->in_flight);
                        for (const std::string& risk : aws::risks(*attributes)) text += "; warning: " + risk;
                        done(std::move(text));
                      });
}

SqsSources::SqsSources(engine::Engine& engine, std::vector<net::IoLoop*> loops, Decode decode, Count count)
    : engine_(engine), loops_(std::move(loops)), decode_(std::move(decode)), count_(std::move(count)) {}

SqsSources::~SqsSources() = default;

Result<void> SqsSources::start(const config::Config& config) {
  for (const config::Source& source : config.sources) {
    if (!source.queue) continue;
    net::IoLoop* loop = loops_[running_.size() % loops_.size()];
    auto made = std::make_shared<Result<std::shared_ptr<source::SqsSource>>>(Errc::unavailable, "a loop hangs");
    base::run_and_wait(*loop, kLoopWithin, [this, made, source, loop](base::Task done) {
      auto client = sqs_client(source, *loop);
      if (client.ok()) {
        source::SqsSourceOptions options;
        options.name = source.name;
        options.queue_url = source.queue->url;
        options.receivers = source.queue->receivers;
        options.visibility_timeout = source.queue->visibility_timeout;
        options.timeout = source.queue->timeout;
        auto running = std::make_shared<source::SqsSource>(
            std::move(options), std::move(*client), *loop,
            [this, loop, name = source.name](std::string_view body, bool first) {
              return decode_(*loop, body, name, first);
            },
            [this, loop](std::vector<engine::PublishItem> items, engine::PublishCallback stored) {
              engine_.publish(std::move(items), *loop, std::move(stored));
            },
            [this, name = source.name](std::uint64_t stored, std::uint64_t failed) { count_(name, stored, failed); });
        running->start();
        *made = std::move(running);
      } else {
        *made = client.error();
      }
      done();
    });
    if (!made->ok()) return made->error();
    running_.push_back({loop, std::move(**made)});
  }
  return {};
}

void SqsSources::stop(base::Millis within) {
  std::vector<Running> running = std::exchange(running_, {});
  for (Running& each : running) {
    base::run_and_wait(*each.loop, within, [source = each.source](base::Task done) { source->stop(std::move(done)); });
    base::run_and_wait(*each.loop, kLoopWithin, [source = std::move(each.source)](base::Task done) mutable {
      source.reset();
      done();
    });
  }
}

}  // namespace trunkline::app
