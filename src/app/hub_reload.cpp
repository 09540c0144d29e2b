// A reload: the configuration is read anew, compared with the one in effect, and applied, all of it or nothing.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <future>
#include <map>
#include <set>

#include "app/from_config.hpp"
#include "app/hub.hpp"
#include "app/log_level.hpp"
#include "app/policy_store.hpp"
#include "app/wfm_sinks.hpp"
#include "base/log.hpp"
#include "base/run_and_wait.hpp"
#include "config/compare.hpp"

namespace trunkline::app {

using base::Errc;
using base::Error;
using base::Result;

namespace {

// What belongs to the queue or the router, and leaves a running delivery alone.
constexpr std::array<std::string_view, 8> kNotOfDelivery = {"filter",  "filter_scope", "paused", "max_wait",
                                                            "on_full", "maintenance",  "alarms", "event_time_window"};

// Reloads that change a source, of one process. Each leaves its decoders and counters behind, about 100 KB.
constexpr std::size_t kIngestsMax = 100;
constexpr base::Millis kLoopWithin = std::chrono::seconds(60);

const config::Consumer* find(const config::Config& config, std::string_view name) {
  const auto found = std::ranges::find(config.consumers, name, &config::Consumer::name);
  return found == config.consumers.end() ? nullptr : &*found;
}

// "crm" and "sink.http.url" of "consumers.crm.sink.http.url"; nothing for other paths.
std::optional<std::pair<std::string, std::string_view>> consumer_option(std::string_view path) {
  constexpr std::string_view kPrefix = "consumers.";
  if (!path.starts_with(kPrefix)) return std::nullopt;
  path.remove_prefix(kPrefix.size());
  const std::size_t dot = path.find('.');
  return std::pair(std::string(path.substr(0, dot)), dot == path.npos ? std::string_view() : path.substr(dot + 1));
}

}  // namespace

struct Hub::Reload {
  // What happens to a consumer that is in both configurations.
  struct Changed {
    bool delivery = false;
    bool sink = false;
    bool mapping = false;
    bool paused = false;
  };
  struct Declared {
    std::string name;
    std::optional<engine::QueueSpec> former;  // nothing: the queue is new
  };

  config::Config next;
  config::Config former;  // in effect, and with it the consumers that were leaving and come back
  api::ReloadReport report;
  std::vector<std::string> added;
  std::vector<std::string> removed;
  std::map<std::string, Changed> changed;
  bool sources = false;
  bool limits = false;
  std::optional<std::shared_ptr<const event::NameTable>> names;  // another table than the one in use
  bool names_taken = false;                                      // then `names` holds the former one
  std::map<std::string, std::string> codes;                      // fingerprints of files, by consumer
  // Made by prepare_reload():
  std::vector<source::Subscription> subscriptions;
  std::vector<Declared> declared;
  std::map<std::string, MadeSink> sinks;
  std::map<std::string, watch::PauseState> paused;  // of those that begin
  base::PolicyVersion version;
  std::unique_ptr<source::Ingest> ingest;  // of the new sources, where they change

  void sort(const config::Change& change) {
    report.changes.push_back({change.text(), !change.reloadable});
    if (!change.reloadable) report.problems.push_back(fmt::format("{} needs a restart", change.path));
    sources = sources || change.path.starts_with("sources.");
    limits = limits || change.path.starts_with("store.");
    const auto option = consumer_option(change.path);
    if (!option) return;
    const auto& [name, rest] = *option;
    if (change.kind == config::Change::Kind::added && rest.empty()) {
      added.push_back(name);
    } else if (change.kind == config::Change::Kind::removed && rest.empty()) {
      removed.push_back(name);
    } else {
      Changed& what = changed[name];
      what.mapping = what.mapping || rest == "privacy" || rest == "mapping";
      what.sink = what.sink || rest.starts_with("sink") || rest == "shadow" || what.mapping;
      what.paused = what.paused || rest == "paused";
      // A sink takes its bounds and its connections from these.
      what.sink = what.sink || rest == "concurrency" || rest.starts_with("batch.");
      what.delivery =
          what.delivery || std::ranges::find(kNotOfDelivery, rest.substr(0, rest.find('.'))) == kNotOfDelivery.end();
    }
  }
};

void Hub::reload(api::ReloadRequest request, base::Loop& reply_on, ReloadCallback done) {
  operator_->post([this, request = std::move(request), &reply_on, done = std::move(done)]() mutable {
    auto report = run_reload(request);
    reply_on.post([report = std::move(report), done = std::move(done)]() mutable { done(std::move(report)); });
  });
}

api::ReloadReport Hub::reload_now(api::ReloadRequest request) {
  std::promise<api::ReloadReport> promise;
  operator_->post([this, &request, &promise] { promise.set_value(run_reload(request)); });
  return promise.get_future().get();
}

api::ReloadReport Hub::run_reload(const api::ReloadRequest& request) {
  Reload reload;
  check_reload(reload, request);
  api::ReloadReport& report = reload.report;
  if (report.problems.empty() && !report.changes.empty()) {
    const auto prepared = request.dry_run ? try_reload(reload) : prepare_reload(reload);
    if (!prepared.ok()) {
      report.problems.push_back(prepared.error().detail);
      undo_reload(reload);
    } else if (!request.dry_run) {
      apply_reload(reload, request);
    }
  }
  // Their files may have changed while the configuration has not.
  if (report.problems.empty() && !request.dry_run && config_.has_tls()) {
    if (const auto read = reload_certificates(); !read.ok())
      report.notes.push_back("the certificates in use stay: " + read.error().detail);
  }
  for (const auto& change : report.changes)
    base::log::info(request.dry_run ? "reload, dry run" : "reload", "change", change.text);
  for (const std::string& problem : report.problems) base::log::error("the reload is refused", "reason", problem);
  for (const std::string& note : report.notes) base::log::warn("reload", "note", note);
  if (report.changes.empty() && report.problems.empty()) base::log::info("reload: nothing has changed");
  if (report.applied) base::log::info("the new configuration is in effect", "changes", report.changes.size());
  return std::move(report);
}

void Hub::check_reload(Reload& reload, const api::ReloadRequest& request) {
  std::vector<std::string>& problems = reload.report.problems;
  if (!options_.load_config) {
    problems.emplace_back("this hub was not started from a configuration file");
    return;
  }
  config::Loaded loaded = options_.load_config();
  for (const config::Diagnostic& diagnostic : loaded.diagnostics) {
    const std::string text =
        fmt::format("{}:{}: {}", diagnostic.place.line, diagnostic.place.column, diagnostic.message);
    (diagnostic.severity == config::Severity::error ? problems : reload.report.notes).push_back(text);
  }
  if (!loaded.config || !problems.empty()) return;
  reload.next = std::move(*loaded.config);
  for (const config::Consumer& consumer : reload.next.consumers) {
    auto policy = policy_of(consumer);
    if (!policy.ok()) {
      problems.push_back(policy.error().detail);
      continue;
    }
    reload.subscriptions.push_back({consumer.name, {}, std::move(*policy)});
    if (const auto named = check_sqs_name(consumer); !named.ok()) problems.push_back(named.error().detail);
    if (const auto mapping = mapping_of(consumer, mapping_key_); !mapping.ok())
      problems.push_back(mapping.error().detail);
  }
  compare_reload(reload);
  compare_files(reload);
  check_removals(reload, request);
}

// Files that the configuration names and that are read when a consumer begins: they may have changed while it has not.
void Hub::compare_files(Reload& reload) {
  auto names = name_table(reload.next);
  if (!names.ok()) {
    reload.report.problems.push_back("names: " + names.error().detail);
    return;
  }
  const bool same = *names && names_ ? **names == *names_ : !*names && !names_;
  if (!same) {
    reload.report.changes.push_back({fmt::format("names: {} names", *names ? (*names)->size() : 0), false});
    reload.names = std::move(*names);
  }
  for (const config::Consumer& consumer : reload.next.consumers) {
    const std::string print = codes_fingerprint(consumer);
    if (!print.empty()) reload.codes[consumer.name] = print;
    if (find(reload.former, consumer.name) == nullptr) continue;
    const auto read = codes_read_.find(consumer.name);
    const bool codes = !print.empty() && read != codes_read_.end() && read->second != print;
    if (codes)
      reload.report.changes.push_back(
          {fmt::format("consumers.{}: the file of codes has changed", consumer.name), false});
    // A live board is given the names, and keeps what is on it.
    if (!codes && (same || is_pulled(consumer) || live_options(consumer))) continue;
    reload.changed[consumer.name].sink = true;
    reload.changed[consumer.name].delivery = true;
  }
}

// What is leaving is in neither configuration, or it comes back as it is and is compared with what it becomes.
void Hub::compare_reload(Reload& reload) {
  reload.former = config_;
  for (const Leaving& leaving : leaving_) {
    const std::string& name = leaving.consumer.name;
    if (find(reload.next, name) == nullptr) {
      reload.removed.push_back(name);
      continue;
    }
    reload.former.consumers.push_back(leaving.consumer);
    reload.former.settings.insert(reload.former.settings.end(), leaving.settings.begin(), leaving.settings.end());
    reload.changed[name].delivery = true;
    reload.report.changes.push_back({fmt::format("consumers.{}: added", name), false});
  }
  for (const config::Change& change : config::compare(reload.former, reload.next)) reload.sort(change);
  for (const auto& [name, changed] : reload.changed) {
    const config::Consumer* next = find(reload.next, name);
    if (!changed.mapping || next == nullptr || !live_options(*next)) continue;
    reload.report.problems.push_back(
        fmt::format("consumers.{}: its board holds what came before, so privacy and mapping need a restart", name));
  }
}

void Hub::check_removals(Reload& reload, const api::ReloadRequest& request) {
  std::vector<std::string>& problems = reload.report.problems;
  for (const std::string& name : request.drop) {
    if (std::ranges::find(reload.removed, name) == reload.removed.end())
      problems.push_back(fmt::format("drop {}: no consumer of that name is being removed", name));
  }
  std::vector<std::string> now;
  for (const std::string& name : reload.removed) {
    const bool again = find(config_, name) == nullptr;
    const auto consumer = consumers_.find(name);
    const bool drop = std::ranges::find(request.drop, name) != request.drop.end();
    const auto held = consumer && !drop ? held_by(consumer->queue()) : Result<std::uint64_t>(std::uint64_t{0});
    const std::string place = "consumers." + name;
    if (held.ok() && *held == 0) {
      now.push_back(name);
      if (again) reload.report.changes.push_back({place + ": removed", false});
      continue;
    }
    const std::string what =
        held.ok()
            ? fmt::format("{}: {} events wait for it: let it drain, or give them up with --drop {}", place, *held, name)
            : fmt::format("{}: {}", place, held.error().detail);
    // One that was leaving already is no reason to refuse what else has changed.
    (again ? reload.report.notes : problems).push_back(what);
  }
  reload.removed = std::move(now);
}

// A dry run: what can be seen without touching anything. The sinks are made and thrown away.
Result<void> Hub::try_reload(Reload& reload) {
  TRUNKLINE_TRY_VOID(check_alarms(reload.next));
  const auto names = reload.names.value_or(names_);
  for (const config::Consumer& consumer : reload.next.consumers) {
    const auto changed = reload.changed.find(consumer.name);
    const bool fresh =
        find(reload.former, consumer.name) == nullptr || (changed != reload.changed.end() && changed->second.sink);
    if (!fresh) continue;
    // A live one would read its board; there is nothing in it that can be wrong.
    if (is_pulled(consumer) || live_options(consumer)) continue;
    auto tried = std::make_shared<Result<void>>();
    base::run_and_wait(*loops_[0], kLoopWithin, [this, tried, consumer, &names](base::Task done) {
      const auto sink = make_sink(consumer, *loops_[0], names);
      if (!sink.ok()) *tried = sink.error().with(fmt::format("consumer '{}'", consumer.name));
      done();
    });
    if (!tried->ok()) return tried->error();
  }
  return {};
}

// What may fail comes first, and can be undone.
Result<void> Hub::prepare_reload(Reload& reload) {
  TRUNKLINE_TRY_VOID(check_alarms(reload.next));
  if (reload.names) {
    names_.swap(*reload.names);
    reload.names_taken = true;
  }
  for (source::Subscription& subscription : reload.subscriptions)
    TRUNKLINE_TRY_VOID(prepare_consumer(reload, subscription));
  if (reload.sources) {
    if (ingests_.size() >= kIngestsMax)
      return {Errc::overloaded, "the sources have changed too often since the start: this needs a restart"};
    for (const config::Source& source : reload.next.sources) {
      if (!source.queue) continue;
      if (const auto place = sqs_place(source); !place.ok()) return place.error();
    }
    TRUNKLINE_TRY(reload.ingest, make_ingest(reload.next));
  }
  TRUNKLINE_TRY(reload.version, policy_version(*engine_, *loops_[0], reload.subscriptions));
  return {};
}

Result<void> Hub::prepare_consumer(Reload& reload, source::Subscription& subscription) {
  const config::Consumer& consumer = *find(reload.next, subscription.consumer);
  const config::Consumer* former = find(reload.former, consumer.name);
  const auto queue = engine_->declare(queue_spec(consumer));
  if (!queue.ok()) return queue.error().with(fmt::format("consumer '{}'", consumer.name));
  subscription.queue = *queue;
  const auto running = consumers_.find(consumer.name);
  // Another queue: the former one is gone, though its removal was answered with an error.
  const bool begins = !running || running->queue() != *queue || former == nullptr;
  reload.declared.push_back({consumer.name, begins ? std::nullopt : std::optional(queue_spec(*former))});
  if (begins) {
    TRUNKLINE_TRY_VOID(forget(consumer.name));
    TRUNKLINE_TRY(reload.paused[consumer.name], stored_pause(consumer));
  }
  const auto changed = reload.changed.find(consumer.name);
  bool fresh = begins || (changed != reload.changed.end() && changed->second.sink);
  // A live one keeps its board and its subscribers; its own options need a restart.
  if (!begins && live_options(*former) && live_options(consumer)) fresh = false;
  if (!fresh) return {};
  TRUNKLINE_TRY(reload.sinks[consumer.name], sink_on_loop(consumer, *queue));
  return {};
}

void Hub::undo_reload(Reload& reload) {
  if (reload.names_taken) names_.swap(*reload.names);
  for (auto& [name, made] : reload.sinks) {
    if (!made.sink) continue;
    const auto made_for = std::ranges::find(reload.subscriptions, name, &source::Subscription::consumer);
    engine_->loop_of(made_for->queue).post([made = std::move(made)]() mutable { made = {}; });
  }
  // Its key sources have clients on that loop, with requests under way.
  if (reload.ingest) loops_[0]->post([ingest = std::move(reload.ingest)]() mutable { ingest.reset(); });
  for (const Reload::Declared& declared : reload.declared) {
    if (declared.former) {
      if (const auto again = engine_->declare(*declared.former); !again.ok())
        reload.report.problems.push_back(again.error().detail);
      continue;
    }
    const auto made = std::ranges::find(reload.subscriptions, declared.name, &source::Subscription::consumer);
    if (const auto removed = engine_->remove(made->queue); !removed.ok())
      reload.report.problems.push_back(removed.error().detail);
  }
}

void Hub::apply_reload(Reload& reload, const api::ReloadRequest& request) {
  for (const source::Subscription& subscription : reload.subscriptions) apply_consumer(reload, subscription);
  const auto router = std::make_shared<source::Router>(reload.version, std::move(reload.subscriptions));
  set_router(router);
  if (reload.ingest) {
    reload.ingest->set_router(router);
    // Its first request must meet the router on every loop.
    for (const auto& loop : loops_) base::run_and_wait(*loop, kLoopWithin, [](base::Task done) { done(); });
    // What was fetched is decoded by the sources it was fetched for.
    sqs_sources_->stop(options_.stop_within);
    take_requests_by(std::move(reload.ingest));
    if (const auto started = sqs_sources_->start(reload.next); !started.ok())
      reload.report.notes.push_back(started.error().detail);
  }
  api_->set_credentials(api_credentials(reload.next));
  take_privacy(reload.next);
  set_log_level(reload.next.log.level);
  if (reload.limits && embedded_ != nullptr) {
    embedded_->set_limits(reload.next.store.retain, reload.next.store.disk_budget, reload.next.store.quarantine_budget);
    disk_budget_.store(reload.next.store.disk_budget);
  }
  apply_removals(reload, request);
  codes_read_ = std::move(reload.codes);
  if (reload.names) {
    for (const auto& consumer : consumers_.all()) {
      if (const auto feed = consumer->feed()) feed->take_names(names_);
    }
  }
  std::vector<std::string> order;
  for (const config::Consumer& consumer : reload.next.consumers) order.push_back(consumer.name);
  consumers_.sort(order);
  config_ = std::move(reload.next);
  change_alarms(config_);
  name_taps();
  reload.report.applied = true;
}

void Hub::apply_consumer(Reload& reload, const source::Subscription& subscription) {
  const config::Consumer& consumer = *find(reload.next, subscription.consumer);
  const auto running = consumers_.find(consumer.name);
  if (const auto noted = note_mapping(consumer); !noted.ok())
    reload.report.notes.push_back(fmt::format("consumer '{}': which mapping it has is not written down: {}",
                                              consumer.name, noted.error().detail));
  if (const auto paused = reload.paused.find(consumer.name); paused != reload.paused.end()) {
    if (running) destroy_consumer(running);
    return start_consumer(consumer, subscription.queue, std::move(reload.sinks[consumer.name]), paused->second);
  }
  running->set_routed(true);
  const auto found = reload.changed.find(consumer.name);
  if (found == reload.changed.end()) return;
  if (found->second.delivery) {
    running->change(consumer, std::move(reload.sinks[consumer.name]));
  } else {
    running->describe(consumer);
  }
  if (!found->second.paused) return;
  if (const auto put = put_pause(consumer.name, watch::encode(configured_pause(consumer))); !put.ok())
    reload.report.notes.push_back(fmt::format("consumer '{}': {}", consumer.name, put.error().detail));
  running->set_pause(configured_pause(consumer), clock_.wall());
}

void Hub::apply_removals(Reload& reload, const api::ReloadRequest& request) {
  std::vector<Leaving> leaving;
  // Not tried now, since events wait for it.
  for (Leaving& each : leaving_) {
    const std::string& name = each.consumer.name;
    const bool tried = std::ranges::find(reload.removed, name) != reload.removed.end();
    if (!tried && find(reload.next, name) == nullptr) leaving.push_back(each);
  }
  for (const std::string& name : reload.removed) {
    const bool drop = std::ranges::find(request.drop, name) != request.drop.end();
    const auto removed = remove_consumer(name, drop);
    if (removed.ok()) continue;
    reload.report.notes.push_back(fmt::format("consumer '{}' is still there: {}", name, removed.error().detail));
    const auto before = std::ranges::find(leaving_, name, [](const Leaving& each) { return each.consumer.name; });
    if (before != leaving_.end()) {
      leaving.push_back(std::move(*before));
      continue;
    }
    Leaving& added = leaving.emplace_back(Leaving{*find(config_, name), {}});
    for (const config::Setting& setting : config_.settings) {
      if (setting.path.starts_with("consumers." + name + ".")) added.settings.push_back(setting);
    }
  }
  leaving_ = std::move(leaving);
}

}  // namespace trunkline::app
