#include "app/lambda_functions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "app/aws_api.hpp"
#include "app/aws_engine_options.hpp"
#include "app/files.hpp"
#include "app/from_config.hpp"
#include "app/log_level.hpp"
#include "app/policy_store.hpp"
#include "app/stored_secret.hpp"
#include "aws/shared_files.hpp"
#include "aws_engine/aws_engine.hpp"
#include "base/log.hpp"
#include "base/run_and_wait.hpp"
#include "lambda/consumer_function.hpp"
#include "lambda/event_source.hpp"
#include "lambda/ingest_function.hpp"
#include "source/ingest.hpp"

namespace trunkline::app {
namespace {

using base::Errc;
using base::Error;
using base::Result;

constexpr base::Millis kLoopWithin = std::chrono::seconds(20);

// What both functions stand on. Stops the engine before what it uses goes.
struct Ground {
  explicit Ground(net::IoLoop& on) : loop(on) {}
  ~Ground() {
    if (engine) engine->stop();
  }
  Ground(const Ground&) = delete;
  Ground& operator=(const Ground&) = delete;

  net::IoLoop& loop;
  base::SystemClock clock;
  config::Config config;
  std::unique_ptr<aws_engine::AwsEngine> engine;
};

Result<std::unique_ptr<Ground>> make_ground(const std::string& path, net::IoLoop& loop,
                                            const aws::Environment& environment, bool polls) {
  auto config = load_config(path);
  if (!config) return Error{Errc::invalid, "the configuration is wrong; the log says where"};
  set_log_level(config->log.level);
  base::log::set_json(config->log.format == config::LogFormat::json);
  if (config->engine != config::EngineKind::aws)
    return Error{Errc::invalid, "functions need 'engine: aws': they keep nothing of their own"};
  auto ground = std::make_unique<Ground>(loop);
  ground->config = std::move(*config);
  TRUNKLINE_TRY(aws_engine::AwsOptions options, aws_engine_options(ground->config, environment));
  options.queue.polls = polls;
  auto engine = aws_engine::AwsEngine::open(options, {&loop}, environment);
  if (!engine.ok()) return explain_aws(engine.error(), options);
  ground->engine = std::move(*engine);
  return ground;
}

// A source that events may come from by a function: the one that is named, else the only one, or the only one of kind
// eventbridge.
Result<std::string> source_of(const config::Config& config, const std::string& wanted) {
  std::vector<std::string> all;
  std::vector<std::string> eventbridge;
  for (const config::Source& source : config.sources) {
    all.push_back(source.name);
    if (source.kind == config::SourceKind::eventbridge) eventbridge.push_back(source.name);
  }
  if (!wanted.empty() && std::ranges::find(all, wanted) == all.end())
    return Error{Errc::invalid, fmt::format("no source is named '{}'", wanted)};
  if (!wanted.empty()) return wanted;
  if (all.size() == 1) return all.front();
  if (eventbridge.size() == 1) return eventbridge.front();
  return Error{Errc::invalid, "name the source that its events are of: handler ingest:SOURCE"};
}

class Ingest final : public lambda::Function {
 public:
  Ingest(std::unique_ptr<Ground> ground, event::TopicTable topics)
      : topics_(std::move(topics)), ground_(std::move(ground)) {}
  ~Ingest() override { ground_->engine->stop(); }  // before the decoder that its callbacks know

  Result<void> start(const std::string& wanted) {
    Ground& ground = *ground_;
    TRUNKLINE_TRY(const std::string source, source_of(ground.config, wanted));
    std::vector<source::Subscription> subscriptions;
    for (const config::Consumer& consumer : ground.config.consumers) {
      TRUNKLINE_TRY(filter::Policy policy, policy_of(consumer));
      auto queue = ground.engine->declare(queue_spec(consumer));
      if (!queue.ok()) return queue.error().with(fmt::format("consumer '{}'", consumer.name));
      subscriptions.push_back({consumer.name, *queue, std::move(policy)});
    }
    TRUNKLINE_TRY(const base::PolicyVersion version, policy_version(*ground.engine, ground.loop, subscriptions));
    decoder_ = std::make_unique<source::Ingest>(*ground.engine, topics_, source_specs(ground.config),
                                                std::vector<net::IoLoop*>{&ground.loop}, ground.clock);
    decoder_->set_router(std::make_shared<source::Router>(version, std::move(subscriptions)));
    lambda::IngestFunctionOptions options;
    options.name = source;
    function_ = std::make_unique<lambda::IngestFunction>(
        std::move(options), ground.loop,
        [this, source](std::string_view body) {
          return decoder_->decode(ground_->loop, body, source, "application/json");
        },
        engine());
    return {};
  }

  lambda::Answer handle(const lambda::Invocation& invocation) override { return function_->handle(invocation); }

 private:
  lambda::IngestFunction::Engine engine() {
    return {[this](std::vector<engine::PublishItem> items, engine::PublishCallback done) {
              ground_->engine->publish(std::move(items), ground_->loop, std::move(done));
            },
            [this](base::Millis within) { return ground_->engine->flush(within); },
            [this](base::Millis within) { return ground_->engine->sweep(within); }};
  }

  const event::TopicTable topics_;
  std::unique_ptr<Ground> ground_;
  std::unique_ptr<source::Ingest> decoder_;
  std::unique_ptr<lambda::IngestFunction> function_;
};

// Of hashes and tokens; without a configured one the table keeps one.
Result<std::string> mapping_key(Ground& ground) {
  if (!ground.config.privacy.key.empty()) return ground.config.privacy.key.reveal();
  return stored_secret(*ground.engine, ground.loop, "privacy", "key", "the key of hashes and tokens");
}

class Consumer final : public lambda::Function {
 public:
  Consumer(std::unique_ptr<Ground> ground, aws::Environment environment)
      : environment_(std::move(environment)), ground_(std::move(ground)) {}
  ~Consumer() override { function_.reset(); }

  Result<void> start(const std::string& name) {
    Ground& ground = *ground_;
    const auto found = std::ranges::find(ground.config.consumers, name, &config::Consumer::name);
    if (found == ground.config.consumers.end())
      return Error{Errc::invalid, fmt::format("no consumer is named '{}'", name)};
    if (is_pulled(*found)) return Error{Errc::invalid, fmt::format("consumer '{}' has no sink: it is pulled", name)};
    if (found->shadow)
      return Error{Errc::invalid,
                   fmt::format("consumer '{}' is a shadow, and nobody could look at what it would send", name)};
    TRUNKLINE_TRY(const base::QueueId queue, ground.engine->declare(queue_spec(*found)));
    TRUNKLINE_TRY(auto sink, sink_of(*found));
    TRUNKLINE_TRY(aws::SharedFiles files, aws::SharedFiles::load(environment_));
    TRUNKLINE_TRY(const aws_engine::AwsOptions engine, aws_engine_options(ground.config, environment_));
    api_ = std::make_unique<AwsApi>(ground.loop, environment_, std::move(files), engine.services.region);
    source_ = std::make_unique<lambda::EventSource>(*api_, ground.engine->arn_of(queue));
    lambda::ConsumerFunctionOptions options;
    options.name = name;
    options.queue = queue;
    options.delivery = delivery_options(*found);
    // What runs at the same time is the event source's MaximumConcurrency, each with one request under way.
    options.delivery.concurrency = 1;
    // Nothing comes to a batch that is not in the invocation: the mapping's window has waited for it.
    options.delivery.batch_age = base::Millis(0);
    function_ = std::make_unique<lambda::ConsumerFunction>(std::move(options), *ground.engine, ground.loop,
                                                           std::move(sink), *source_);
    return {};
  }

  lambda::Answer handle(const lambda::Invocation& invocation) override { return function_->handle(invocation); }

 private:
  Result<std::unique_ptr<delivery::Sink>> sink_of(const config::Consumer& consumer) {
    TRUNKLINE_TRY(const std::string key, mapping_key(*ground_));
    TRUNKLINE_TRY(auto names, name_table(ground_->config));
    sinks::MappedSinkOptions mapping;
    TRUNKLINE_TRY(mapping.mapping, mapping_of(consumer, key));
    mapping.views = [views = views_of(ground_->config, key)] { return views; };
    mapping.names = names;
    auto made = std::make_shared<Result<std::unique_ptr<delivery::Sink>>>(Errc::timeout, "the loop is stuck");
    base::run_and_wait(ground_->loop, kLoopWithin, [this, made, consumer, names, mapping](base::Task done) {
      *made = make_sink(consumer, ground_->loop, names, nullptr, mapping);
      done();
    });
    return std::move(*made);
  }

  const aws::Environment environment_;
  std::unique_ptr<Ground> ground_;
  std::unique_ptr<AwsApi> api_;
  std::unique_ptr<lambda::EventSource> source_;
  std::unique_ptr<lambda::ConsumerFunction> function_;
};

}  // namespace

Result<LambdaHandler> parse_handler(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view word = text.substr(0, colon);
  const std::string name(colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1));
  if (word == "ingest" && (colon == std::string_view::npos || !name.empty())) return LambdaHandler{true, name};
  if (word == "consumer" && !name.empty()) return LambdaHandler{false, name};
  return Error{Errc::invalid, fmt::format("the handler '{}' is none of ingest, ingest:SOURCE, consumer:NAME", text)};
}

Result<std::unique_ptr<lambda::Function>> make_function(const LambdaHandler& handler, const std::string& config,
                                                        net::IoLoop& loop, const aws::Environment& environment) {
  TRUNKLINE_TRY(auto ground, make_ground(config, loop, environment, handler.ingest));
  if (handler.ingest) {
    TRUNKLINE_TRY(event::TopicTable topics, topic_table(ground->config));
    auto made = std::make_unique<Ingest>(std::move(ground), std::move(topics));
    TRUNKLINE_TRY_VOID(made->start(handler.name));
    return std::unique_ptr<lambda::Function>(std::move(made));
  }
  auto made = std::make_unique<Consumer>(std::move(ground), environment);
  TRUNKLINE_TRY_VOID(made->start(handler.name));
  return std::unique_ptr<lambda::Function>(std::move(made));
}

}  // namespace trunkline::app
