#include "app/check_targets.hpp"
#include "app/aws_engine_options.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <mutex>

#include "app/aws_engine_options.hpp"
#include "app/files.hpp"
#include "app/from_config.hpp"
#include "app/sqs_sources.hpp"
#include "net/http_server.hpp"
#include "net/io_loop.hpp"
#include "queue/keys.hpp"
#include "sinks/webhook_sink.hpp"
#include "store/format_file.hpp"

namespace trunkline::app {
namespace {

namespace fs = std::filesystem;
using Outcome = Finding::Outcome;

// The engine refuses publishes when less than this is free (queue::EmbeddedOptions::min_free).
constexpr std::uint64_t kFreeMin = 256 << 20;
constexpr base::Millis kProbesWithin = std::chrono::seconds(90);

// Whether another process holds RocksDB's lock.
bool is_locked(const fs::path& directory) {
  const int file = ::open((directory / "db" / "LOCK").c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) return false;
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  const bool locked = ::fcntl(file, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
  ::close(file);
  return locked;
}

std::string mib(std::uint64_t bytes) {
  return fmt::format("{} MiB", bytes >> 20);
}

Finding try_data_dir(const config::Config& config, bool& running) {
  Finding finding{"data_dir", Outcome::good, {}};
  const auto bad = [&](std::string detail) {
    finding.outcome = Outcome::bad;
    finding.detail = std::move(detail);
    return finding;
  };
  std::error_code error;
  const fs::path directory = fs::absolute(config.data_dir, error);
  fs::path existing = directory;
  while (!fs::exists(existing, error) && existing.has_relative_path()) existing = existing.parent_path();
  if (!fs::is_directory(existing, error)) return bad(fmt::format("{} is not a directory", existing.string()));
  if (::access(existing.c_str(), R_OK | W_OK | X_OK) != 0)
    return bad(fmt::format("{} cannot be written by this user", existing.string()));
  const fs::space_info space = fs::space(existing, error);
  if (!error && space.available < kFreeMin)
    return bad(fmt::format("{} free; below {} events are refused", mib(space.available), mib(kFreeMin)));
  if (existing == directory) {
    if (const auto known = store::has_format_file(directory.string(), queue::kFormatVersion); !known.ok())
      return bad(known.error().detail);
  }
  running = is_locked(directory);
  finding.detail = fmt::format("{}, {} free{}", existing == directory ? "there" : "will be made", mib(space.available),
                               running ? "; a hub runs on it" : "");
  if (!error && config.store.disk_budget > space.available && existing != directory) {
    finding.detail += fmt::format("; store.disk_budget is {}, more than that", mib(config.store.disk_budget));
  }
  return finding;
}

Finding try_table(const config::Config& config) {
  const aws::Environment environment = aws::process_environment();
  const auto options = aws_engine_options(config, environment);
  if (!options.ok()) return {"engine", Outcome::bad, options.error().detail};
  const auto probed = aws_engine::AwsEngine::probe(*options, environment);
  if (!probed.ok()) return {"engine", Outcome::bad, explain_aws(probed.error(), *options).detail};
  return {"engine", Outcome::good, fmt::format("the table {} is there and can be read", options->table)};
}

Finding try_listen(const std::string& option, const std::string& address, net::IoLoop& loop, bool running) {
  net::HttpServer server({&loop}, {}, [](net::IoLoop&, net::HttpRequest, const net::Responder&) {});
  const auto port = server.listen(address);
  std::promise<void> gone;
  server.stop(std::chrono::seconds(1), [&] { gone.set_value(); });
  gone.get_future().wait();
  if (port.ok()) return {option, Outcome::good, address + " is free"};
  if (running) return {option, Outcome::unknown, address + " is taken, most likely by the hub that runs here"};
  return {option, Outcome::bad, port.error().detail};
}

// The answers of all probes; shared with callbacks that may come late.
struct Probes {
  std::mutex mutex;
  std::condition_variable answered;
  std::vector<Finding> findings;  // in order of the configuration
  std::size_t open = 0;

  void answer(std::size_t at, Outcome outcome, std::string detail) {
    const std::scoped_lock lock(mutex);
    findings[at].outcome = outcome;
    findings[at].detail = std::move(detail);
    --open;
    answered.notify_all();
  }
  // All that were answered in time; the others stand as they were set up.
  std::vector<Finding> wait() {
    std::unique_lock lock(mutex);
    answered.wait_for(lock, kProbesWithin, [this] { return open == 0; });
    return findings;
  }
};

// What lives on a loop ends there.
void end_on(net::IoLoop& loop, const std::function<void()>& end) {
  std::promise<void> ended;
  loop.post([&] {
    end();
    ended.set_value();
  });
  ended.get_future().wait();
}

void probe(const std::shared_ptr<Probes>& probes, std::size_t at, const config::Consumer& consumer, net::IoLoop& loop,
           std::vector<std::unique_ptr<delivery::Sink>>& sinks) {
  auto sink = make_sink(consumer, loop, nullptr);
  if (!sink.ok()) return probes->answer(at, Outcome::bad, sink.error().detail);
  sinks.push_back(std::move(*sink));
  sinks.back()->probe([probes, at](base::Result<std::string> said) {
    if (said.ok()) return probes->answer(at, Outcome::good, std::move(*said));
    const bool nothing = said.error().code == base::Errc::unsupported;
    probes->answer(at, nothing ? Outcome::unknown : Outcome::bad, said.error().detail);
  });
}

std::vector<Finding> try_consumers(const config::Config& config, net::IoLoop& loop) {
  auto probes = std::make_shared<Probes>();
  for (const config::Consumer& consumer : config.consumers)
    probes->findings.push_back({"consumers." + consumer.name, Outcome::bad, "no answer in time"});
  probes->open = config.consumers.size();
  std::vector<std::unique_ptr<delivery::Sink>> sinks;
  for (std::size_t i = 0; i < config.consumers.size(); ++i) {
    const config::Consumer& consumer = config.consumers[i];
    if (is_pulled(consumer)) {
      probes->answer(i, Outcome::good, "fetched by its clients");
      continue;
    }
    if (live_options(consumer)) {
      probes->answer(i, Outcome::good, "the hub's own feed");
      continue;
    }
    if (consumer.shadow) {
      probes->answer(i, Outcome::unknown, "a shadow: nothing is sent to its target, which is not tried");
      continue;
    }
    loop.post([probes, i, &consumer, &loop, &sinks] { probe(probes, i, consumer, loop, sinks); });
  }
  std::vector<Finding> findings = probes->wait();
  end_on(loop, [&] { sinks.clear(); });
  return findings;
}

// Each queue that events are fetched from, with the credentials that the hub would find.
std::vector<Finding> try_queues(const config::Config& config, net::IoLoop& loop) {
  auto probes = std::make_shared<Probes>();
  std::vector<const config::Source*> sources;
  for (const config::Source& source : config.sources) {
    if (!source.queue) continue;
    sources.push_back(&source);
    probes->findings.push_back({"sources." + source.name, Outcome::bad, "no answer in time"});
  }
  probes->open = sources.size();
  std::vector<source::SqsClient> clients(sources.size());
  for (std::size_t i = 0; i < sources.size(); ++i) {
    loop.post([probes, at = i, &source = *sources[i], &loop, &client = clients[i]] {
      auto made = sqs_client(source, loop);
      if (!made.ok()) return probes->answer(at, Outcome::bad, made.error().detail);
      client = std::move(*made);
      probe_queue(source, client, [probes, at](base::Result<std::string> said) {
        probes->answer(at, said.ok() ? Outcome::good : Outcome::bad, said.ok() ? *said : said.error().detail);
      });
    });
  }
  std::vector<Finding> findings = probes->wait();
  end_on(loop, [&] { clients.clear(); });
  return findings;
}

// The webhook sink's own probe: the same client, the same checks.
std::optional<Finding> try_alarm_webhook(const config::Config& config, net::IoLoop& loop) {
  if (!config.alarms.webhook) return std::nullopt;
  auto probes = std::make_shared<Probes>();
  probes->findings.push_back({"alarms.webhook", Outcome::bad, "no answer in time"});
  probes->open = 1;
  std::unique_ptr<delivery::Sink> sink;
  loop.post([&, probes] {
    AlarmWebhookOptions alarm = alarm_webhook_options(*config.alarms.webhook);
    sinks::WebhookOptions options;
    options.url = alarm.url;
    options.headers = alarm.headers;
    options.secrets = alarm.secrets;
    options.timeout = alarm.timeout;
    options.connect_timeout = std::min(alarm.timeout, options.connect_timeout);
    auto made = sinks::WebhookSink::make(std::move(options), {},
                                         std::make_unique<sinks::ClientSender>(loop, alarm.client), loop.clock());
    if (!made.ok()) return probes->answer(0, Outcome::bad, made.error().detail);
    sink = std::move(*made);
    sink->probe([probes](base::Result<std::string> said) {
      probes->answer(0, said.ok() ? Outcome::good : Outcome::bad, said.ok() ? *said : said.error().detail);
    });
  });
  Finding finding = probes->wait()[0];
  end_on(loop, [&] { sink.reset(); });
  return finding;
}

}  // namespace

std::vector<Finding> try_everything(const config::Config& config) {
  net::IoLoop loop("check");
  loop.start();
  bool running = false;
  const bool on_aws = config.engine == config::EngineKind::aws;
  std::vector<Finding> findings{on_aws ? try_table(config) : try_data_dir(config, running)};
  findings.push_back(try_listen("listen", config.listen, loop, running));
  // Whether the certificates can be read is a matter of the check itself.
  if (!config.listen_tls.empty()) findings.push_back(try_listen("listen_tls", config.listen_tls, loop, running));
  if (!config.sqs.listen.empty()) findings.push_back(try_listen("sqs.listen", config.sqs.listen, loop, running));
  if (!config.sqs.listen_tls.empty())
    findings.push_back(try_listen("sqs.listen_tls", config.sqs.listen_tls, loop, running));
  for (Finding& finding : try_queues(config, loop)) findings.push_back(std::move(finding));
  for (Finding& finding : try_consumers(config, loop)) findings.push_back(std::move(finding));
  if (auto finding = try_alarm_webhook(config, loop)) findings.push_back(std::move(*finding));
  loop.stop();
  loop.join();
  return findings;
}

}  // namespace trunkline::app
