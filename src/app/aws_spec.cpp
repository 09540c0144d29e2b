#include "app/aws_spec.hpp"

#include <fmt/format.h>

#include "app/files.hpp"
#include "app/from_config.hpp"
#include "aws/sqs_calls.hpp"
#include "config/load.hpp"
#include "event/event.hpp"

namespace trunkline::app {
namespace {

constexpr std::int64_t kOldestAgeSeconds = 900;  // where the configuration wants no alarm, AWS still gets one

// Long enough for every credential that has a least length.
const std::string kUnknown(64, 'x');

std::optional<config::Config> read(const std::string& path) {
  const auto text = read_file(path);
  if (!text.ok()) {
    fmt::print(stderr, "{}\n", text.error().detail);
    return std::nullopt;
  }
  config::Resolver resolver = config::Resolver::system();
  resolver.environment = [given = resolver.environment](const std::string& name) {
    const auto found = given(name);
    return found ? found : kUnknown;
  };
  resolver.file = [given = resolver.file](const std::string& name) {
    auto found = given(name);
    return found.ok() ? found : base::Result<std::string>(kUnknown);
  };
  config::Loaded loaded = config::parse(*text, resolver);
  std::erase_if(loaded.diagnostics, [&](const config::Diagnostic& each) {
    return loaded.config && each.severity == config::Severity::warning;  // of the hub, not of a deployment
  });
  print_diagnostics(loaded.diagnostics, path);
  return std::move(loaded.config);
}

// "https://sqs.eu-west-1.amazonaws.com/123456789012/events": its last two parts.
std::pair<std::string, std::string> account_and_name(std::string_view url) {
  const std::size_t slash = url.rfind('/');
  if (slash == std::string_view::npos) return {};
  const std::size_t before = url.rfind('/', slash - 1);
  const std::string_view account =
      before == std::string_view::npos ? std::string_view() : url.substr(before + 1, slash - before - 1);
  const bool twelve = account.size() == 12 && account.find_first_not_of("0123456789") == std::string_view::npos;
  return {twelve ? std::string(account) : std::string(), std::string(url.substr(slash + 1))};
}

std::int64_t seconds(base::Millis time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time).count();
}

class Reader {
 public:
  explicit Reader(const config::Config& config) : config_(config) {
    spec_.prefix = config.aws.prefix;
    spec_.table = config.aws.table;
    spec_.alarm_topics = config.aws.alarm_topics;
    spec_.alarm_email = config.aws.alarm_email;
    spec_.engine = config.aws.deploy == config::AwsDeploy::all;
    for (const config::Source& each : config.sources) {
      if (each.queue) source(each, *each.queue);
    }
    for (const config::Consumer& each : config.consumers) {
      if (spec_.engine) consumer(each);
    }
  }

  std::vector<std::string> problems() {
    for (std::string& each : stack::problems_of(spec_)) problems_.push_back(std::move(each));
    return std::move(problems_);
  }
  AwsDeployment take() { return {std::move(spec_), std::move(region_), std::move(account_)}; }

 private:
  void source(const config::Source& source, const config::SqsQueue& queue) {
    auto [account, name] = account_and_name(queue.url);
    same(region_, queue.region.empty() ? aws::region_of_queue(queue.url) : queue.region, source.name, "region");
    same(account_, account, source.name, "account");
    spec_.ingests.push_back({source.name, std::move(name), queue.event_bus, seconds(queue.visibility_timeout)});
  }
  // One stack is in one place.
  void same(std::string& known, const std::string& found, const std::string& source, std::string_view what) {
    if (known.empty()) known = found;
    if (!found.empty() && found != known)
      problems_.push_back(
          fmt::format("sources.{}.sqs.queue_url: {} {}, and the source before is in {}: a stack is in one "
                      "{}; deploy it with a configuration of its own",
                      source, what, found, known, what));
  }
  void consumer(const config::Consumer& consumer) {
    if (consumer.event_time_window.count() != 0)
      problems_.push_back(
          fmt::format("consumers.{}.event_time_window: SQS keeps the order of arrival and no other; leave "
                      "it out, or give the events to a hub with a store of its own (aws.deploy: ingest)",
                      consumer.name));
    if (const auto policy = policy_of(consumer); !policy.ok()) problems_.push_back(policy.error().detail);
    const base::Millis age = consumer.alarms.oldest_age.value_or(config_.alarms.oldest_age);
    spec_.consumers.push_back({consumer.name, std::string(event::name(queue_spec(consumer).order)), 0,
                               age.count() == 0 ? kOldestAgeSeconds : std::max<std::int64_t>(60, seconds(age))});
  }

  const config::Config& config_;
  stack::Spec spec_;
  std::string region_;
  std::string account_;
  std::vector<std::string> problems_;
};

}  // namespace

std::optional<std::set<std::string>> load_source_queues(const std::string& path) {
  const auto config = read(path);
  if (!config) return std::nullopt;
  std::set<std::string> names;
  for (const config::Source& each : config->sources) {
    if (each.queue) names.insert(account_and_name(each.queue->url).second);
  }
  return names;
}

std::optional<AwsDeployment> load_deployment(const std::string& path) {
  const auto config = read(path);
  if (!config) return std::nullopt;
  Reader reader(*config);
  const auto problems = reader.problems();
  for (const std::string& each : problems) fmt::print(stderr, "{}: error: {}\n", path, each);
  if (!problems.empty()) return std::nullopt;
  return reader.take();
}

}  // namespace trunkline::app
