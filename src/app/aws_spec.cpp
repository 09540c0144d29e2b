#include "app/aws_spec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

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

// What a function's process must find where it runs.
struct References {
  std::set<std::string> variables;
  std::set<std::string> files;
};

std::optional<config::Config> read(const std::string& path, References& references) {
  const auto text = read_file(path);
  if (!text.ok()) {
    fmt::print(stderr, "{}\n", text.error().detail);
    return std::nullopt;
  }
  config::Resolver resolver = config::Resolver::system();
  resolver.environment = [given = resolver.environment, &references](const std::string& name) {
    references.variables.insert(name);
    const auto found = given(name);
    return found ? found : kUnknown;
  };
  resolver.file = [given = resolver.file, &references](const std::string& name) {
    references.files.insert(name);
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

// How long a sink may take for one request, with what belongs to it.
base::Millis time_of(const config::SinkConfig& sink) {
  return std::visit(
      []<class Sink>(const Sink& each) -> base::Millis {
        if constexpr (requires { each.ack_timeout; }) {
          return each.timeout + (each.ack ? each.ack_timeout : base::Millis(0));
        } else if constexpr (requires { each.hold; }) {
          return each.target.timeout + each.hold;
        } else if constexpr (requires { each.target.timeout; }) {
          return each.target.timeout;
        } else if constexpr (requires { each.reach.timeout; }) {
          return each.reach.timeout;
        } else if constexpr (requires { each.timeout; }) {
          return each.timeout;
        } else {
          return base::Millis(0);
        }
      },
      sink);
}

// PEM files of a sink.
std::vector<std::string> files_of(const config::SinkConfig& sink) {
  return std::visit(
      []<class Sink>(const Sink& each) -> std::vector<std::string> {
        if constexpr (requires { each.target.tls_ca; }) {
          return {each.target.tls_ca, each.target.tls_cert, each.target.tls_key};
        } else if constexpr (requires { each.reach.tls_ca; }) {
          return {each.reach.tls_ca};
        } else if constexpr (requires { each.tls_cert; }) {
          return {each.tls_ca, each.tls_cert, each.tls_key};
        } else if constexpr (requires { each.tls_ca; }) {
          return {each.tls_ca};
        } else {
          return {};
        }
      },
      sink);
}

// A batch that an ordered consumer's mapping brings has ten messages at most, and waits for none. One that the operator
// wants larger is waited for by Lambda, not by the function.
stack::Delivery delivery_of(const config::Consumer& consumer) {
  constexpr std::int64_t kTimeoutMin = 30;  // for a batch of small deliveries, one after the other
  constexpr std::int64_t kAbove = 2;
  constexpr std::int64_t kBatch = 10;
  constexpr std::int64_t kWindowMax = 300;
  stack::Delivery delivery;
  const auto whole = std::chrono::ceil<std::chrono::seconds>(time_of(consumer.sink)).count();
  delivery.timeout_seconds = std::max<std::int64_t>(kTimeoutMin, whole + kAbove);
  delivery.concurrency = consumer.concurrency;
  const auto batch = static_cast<std::int64_t>(consumer.batch.messages);
  const bool waits = consumer.order == config::Order::none && consumer.batch.age.count() > 0;
  delivery.batch = waits ? batch : std::min(batch, kBatch);
  if (waits) delivery.window_seconds = std::clamp<std::int64_t>(seconds(consumer.batch.age), 1, kWindowMax);
  return delivery;
}

class Reader {
 public:
  Reader(const config::Config& config, References references) : config_(config), references_(std::move(references)) {
    spec_.prefix = config.aws.prefix;
    spec_.table = config.aws.table;
    spec_.alarm_topics = config.aws.alarm_topics;
    spec_.alarm_email = config.aws.alarm_email;
    spec_.engine = config.aws.deploy == config::AwsDeploy::all;
    for (const config::Source& each : config.sources) {
      if (each.queue) source(each, *each.queue);
    }
    if (region_.empty()) region_ = config.aws.region;
    // Functions have no address that a sender could call.
    spec_.by_http =
        config.engine == config::EngineKind::aws && !config.sources.empty() && !config.aws.functions.take_events();
    for (const config::Consumer& each : config.consumers) {
      if (spec_.engine) consumer(each);
    }
    functions();
  }

  std::vector<std::string> problems() {
    for (std::string& each : stack::problems_of(spec_)) problems_.push_back(std::move(each));
    return std::move(problems_);
  }
  AwsDeployment take() {
    return {std::move(spec_),           std::move(region_), std::move(account_),
            config_.aws.functions.code, std::move(files_),  std::move(workers_only_)};
  }

 private:
  void source(const config::Source& source, const config::SqsQueue& queue) {
    auto [account, name] = account_and_name(queue.url);
    same(region_, queue.region.empty() ? aws::region_of_queue(queue.url) : queue.region, source.name, "region");
    same(account_, account, source.name, "account");
    spec_.ingests.push_back({source.name, std::move(name), queue.event_bus, seconds(queue.visibility_timeout),
                             config_.aws.functions.take_events()});
  }
  // All of them run with the same file, so each needs all that it reads.
  void functions() {
    const config::AwsFunctions& given = config_.aws.functions;
    stack::Functions& made = spec_.functions;
    made.architecture = given.architecture == config::FunctionsArchitecture::arm64 ? "arm64" : "x86_64";
    made.memory_mib = static_cast<std::int64_t>(given.memory >> 20);
    constexpr std::string_view kScheme = "s3://";
    if (given.code.starts_with(kScheme))
      made.bucket = given.code.substr(kScheme.size(), given.code.find('/', kScheme.size()) - kScheme.size());
    for (const auto& [name, value] : given.environment) made.environment.emplace_back(name, value.reveal());
    if (given.run == config::FunctionsRun::none) return;
    for (const std::string& name : references_.variables) {
      const auto is = [&](const auto& each) { return each.first == name; };
      if (std::ranges::none_of(made.environment, is))
        problems_.push_back(
            fmt::format("aws.functions.environment.{0}: missing, and the configuration reads ${{env:{0}}}: what no "
                        "function finds none can start without",
                        name));
    }
    for (const config::Consumer& each : config_.consumers) {
      for (std::string& file : files_of(each.sink)) references_.files.insert(std::move(file));
    }
    references_.files.insert(config_.names_file);
    references_.files.erase("");
    files_.assign(references_.files.begin(), references_.files.end());
    for (const config::Source& each : config_.sources) {
      if (given.take_events() && !each.queue) workers_only_.push_back(each.name);
    }
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
    const bool function = config_.aws.functions.deliver() && consumer.function;
    spec_.consumers.push_back({consumer.name, std::string(event::name(queue_spec(consumer).order)), 0,
                               age.count() == 0 ? kOldestAgeSeconds : std::max<std::int64_t>(60, seconds(age)),
                               function ? std::optional(delivery_of(consumer)) : std::nullopt});
  }

  const config::Config& config_;
  References references_;
  stack::Spec spec_;
  std::vector<std::string> files_;
  std::vector<std::string> workers_only_;
  std::string region_;
  std::string account_;
  std::vector<std::string> problems_;
};

}  // namespace

// The first function that takes events sweeps for all; each that delivers ends its outages.
std::vector<account::FunctionHere> functions_here(const stack::Spec& spec) {
  std::vector<account::FunctionHere> found;
  for (const stack::Ingest& each : spec.ingests) {
    if (each.function) found.push_back({stack::function_name(spec, each), found.empty(), false, false});
  }
  for (const stack::Consumer& each : spec.consumers) {
    if (each.function) found.push_back({stack::function_name(spec, each), true, false, false});
  }
  return found;
}

std::optional<KnownHere> load_known(const std::string& path) {
  References references;
  const auto config = read(path, references);
  if (!config) return std::nullopt;
  KnownHere known;
  for (const config::Source& each : config->sources) {
    if (each.queue) known.queues.insert(account_and_name(each.queue->url).second);
  }
  known.functions = functions_here(Reader(*config, std::move(references)).take().spec);
  return known;
}

std::optional<AwsDeployment> load_deployment(const std::string& path) {
  References references;
  const auto config = read(path, references);
  if (!config) return std::nullopt;
  Reader reader(*config, std::move(references));
  const auto problems = reader.problems();
  for (const std::string& each : problems) fmt::print(stderr, "{}: error: {}\n", path, each);
  if (!problems.empty()) return std::nullopt;
  return reader.take();
}

}  // namespace trunkline::app
