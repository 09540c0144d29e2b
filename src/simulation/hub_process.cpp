#include "simulation/hub_process.hpp"

#include "base/check.hpp"
#include "filter/policy.hpp"
#include "queue/keys.hpp"
#include "store/format_file.hpp"

namespace trunkline::simulation {
namespace {

using base::Millis;
using base::QueueId;
using base::Result;

const event::TopicTable& topics() {
  static const event::TopicTable table = event::TopicTable::make().value();
  return table;
}

filter::Policy compile(std::size_t index) {
  auto compiled = filter::Policy::compile(filter_case(index).policy, filter::Scope::message_attributes);
  TRUNKLINE_CHECK(std::holds_alternative<filter::Policy>(compiled), "a filter of the simulation does not compile");
  return std::get<filter::Policy>(std::move(compiled));
}

}  // namespace

HubProcess::HubProcess(Machine& machine, const Plan& plan, Settings& settings, Oracle& oracle)
    : machine_(machine),
      plan_(plan),
      settings_(settings),
      oracle_(oracle),
      decoder_(topics()),
      consumers_(plan.consumers.size()) {}

Result<std::unique_ptr<HubProcess>> HubProcess::start(Machine& machine, const Plan& plan, Settings& settings,
                                                      Oracle& oracle, store::FaultFsOptions disk) {
  std::unique_ptr<HubProcess> process(new HubProcess(machine, plan, settings, oracle));
  TRUNKLINE_TRY_VOID(process->open(std::move(disk)));
  return process;
}

HubProcess::~HubProcess() {
  for (const auto& puller : machine_.pullers) puller->engine_is(nullptr, {});
  if (disk_) disk_->power_cut();
  drop_tasks();
  operations_.reset();
  consumers_.clear();
  if (engine_) engine_->abandon();
  engine_.reset();
  drop_tasks();
}

void HubProcess::drop_tasks() {
  for (SimulatedLoop* loop : machine_.loops) loop->drop();
  machine_.disk.drop();
  machine_.reads.drop();
}

Result<void> HubProcess::open(store::FaultFsOptions disk) {
  TRUNKLINE_TRY_VOID(store::check_format_file(machine_.directory, queue::kFormatVersion));
  disk.root = machine_.directory + "/db";
  TRUNKLINE_TRY(disk_, store::FaultFs::open(std::move(disk)));
  queue::EmbeddedOptions options;
  options.directory = machine_.directory;
  options.file_system = disk_->file_system();
  options.memory_budget = plan_.memory_budget;
  options.tail_bytes_max = plan_.tail_bytes_max;
  options.queue.window = plan_.window;
  options.retain = std::chrono::minutes(30);
  options.sweep_interval = std::chrono::minutes(5);
  options.min_free = 0;
  options.steps = {&machine_.disk, &machine_.reads, &machine_.disk};
  TRUNKLINE_TRY(engine_, queue::EmbeddedEngine::open(std::move(options), {machine_.loops.begin(), machine_.loops.end()},
                                                     machine_.timeline.clock()));
  for (std::uint32_t i = 0; i < plan_.consumers.size(); ++i) {
    if (settings_.begun[i]) TRUNKLINE_TRY_VOID(declare(i));
  }
  filters_changed();
  return start_operations();
}

Result<void> HubProcess::start_operations() {
  operation::LogHistory::Log log;
  log.first_accepted = [this](base::WallTime from) { return engine_->first_accepted(from); };
  log.read = [this](base::Sequence first, const operation::LogHistory::Wanted& take) {
    return engine_->read_log(first, take);
  };
  history_ = std::make_unique<operation::LogHistory>(std::move(log), machine_.reads);
  operations_ = std::make_unique<operation::Operations>(*engine_, *history_, *machine_.loops[0]);
  TRUNKLINE_TRY_VOID(operations_->load());
  operations_->run();
  return {};
}

engine::QueueSpec HubProcess::spec_of(std::uint32_t index) const {
  const ConsumerPlan& plan = plan_.consumers[index];
  engine::QueueSpec spec;
  spec.name = plan.name;
  spec.order = plan.order;
  spec.event_time_window = plan.event_time_window;
  spec.pulled = plan.sink == SinkKind::pulled;
  spec.max_receive_count = plan.options.max_attempts;
  spec.park_on_max_receive = plan.options.exhausted() == delivery::OnExhausted::park;
  spec.max_wait = plan.max_wait;
  return spec;
}

Result<void> HubProcess::declare(std::uint32_t index) {
  const ConsumerPlan& plan = plan_.consumers[index];
  const engine::QueueSpec spec = spec_of(index);
  TRUNKLINE_TRY(const QueueId queue, engine_->declare(spec));
  oracle_.queue_is(queue, index);
  Served& served = consumers_[index];
  served.queue = queue;
  if (spec.pulled) {
    machine_.pullers[index]->pause(settings_.paused[index]);
    machine_.pullers[index]->engine_is(engine_.get(), queue);
    return {};
  }
  auto& loop = dynamic_cast<SimulatedLoop&>(engine_->loop_of(queue));
  served.engine = std::make_unique<WitnessEngine>(*engine_, index, oracle_);
  served.consumer = std::make_unique<delivery::Consumer>(
      plan.name, *served.engine, queue, make_sink(plan, index, *machine_.downstreams[index], loop, oracle_),
      plan.options);
  loop.post([this, consumer = served.consumer.get(), index] {
    consumer->start();
    if (settings_.paused[index]) consumer->pause();
  });
  return {};
}

// ---- sources

std::optional<event::Event> HubProcess::decode(const std::string& bytes) {
  std::vector<event::Decoded> decoded;
  decoder_.decode(bytes, {}, decoded);
  if (decoded.size() != 1) return std::nullopt;
  auto* event = std::get_if<event::Event>(&decoded.front());
  if (event == nullptr) return std::nullopt;
  return std::move(*event);
}

std::vector<QueueId> HubProcess::route(const event::Event& event) {
  std::vector<QueueId> queues;
  router_->route(event, scratch_, queues);
  return queues;
}

// ---- operators

void HubProcess::filters_changed() {
  oracle_.filters_are(settings_.filters, settings_.begun);
  std::vector<source::Subscription> subscriptions;
  for (std::uint32_t i = 0; i < consumers_.size(); ++i) {
    if (consumers_[i].queue && settings_.begun[i])
      subscriptions.push_back({plan_.consumers[i].name, *consumers_[i].queue, compile(settings_.filters[i])});
  }
  router_ = std::make_unique<source::Router>(base::PolicyVersion{settings_.policy_version}, std::move(subscriptions));
}

void HubProcess::begin_consumer(std::uint32_t consumer, std::function<void(bool)> done) {
  const bool declared = declare(consumer).ok();
  if (declared) {
    settings_.begun[consumer] = true;
    ++settings_.policy_version;
    filters_changed();
  }
  done(declared);
}

void HubProcess::remove_consumer(std::uint32_t index, std::function<void(bool)> done) {
  constexpr Millis kDeadline(2'000);
  settings_.begun[index] = false;
  settings_.removed[index] = true;
  ++settings_.policy_version;
  filters_changed();
  machine_.pullers[index]->engine_is(nullptr, {});
  delivery::Consumer* consumer = consumers_[index].consumer.get();
  if (consumer == nullptr || !consumers_[index].queue) return remove_queue(index, done);
  engine_->loop_of(*consumers_[index].queue).post([this, consumer, index, done = std::move(done)] {
    consumer->stop(kDeadline, [this, index, done] { remove_queue(index, done); });
  });
}

void HubProcess::remove_queue(std::uint32_t index, const std::function<void(bool)>& done) {
  // What a process before this one was to remove is declared first, which takes it over.
  auto queue = engine_->declare(spec_of(index));
  const auto removed = queue.ok() ? engine_->remove(*queue) : Result<void>(queue.error());
  const bool gone = removed.ok() || removed.error().code == base::Errc::not_found;
  if (gone) consumers_[index].queue.reset();
  done(gone);
}

void HubProcess::set_paused(std::uint32_t index, bool paused) {
  machine_.pullers[index]->pause(paused);
  delivery::Consumer* consumer = consumers_[index].consumer.get();
  if (consumer == nullptr || !consumers_[index].queue) return;
  engine_->loop_of(*consumers_[index].queue).post([this, consumer, index, paused] {
    if (paused) {
      consumer->pause();
    } else {
      oracle_.paused(index, false);
      consumer->resume();
    }
    oracle_.paused(index, paused);
  });
}

void HubProcess::stop(std::function<void()> done) {
  constexpr Millis kDeadline(2'000);
  auto finished = std::make_shared<std::function<void()>>(std::move(done));
  stopping_ = 1;
  machine_.loops[0]->post([this] { operations_->stop(); });
  for (const Served& served : consumers_) {
    if (!served.consumer || !served.queue) continue;
    ++stopping_;
    engine_->loop_of(*served.queue).post([this, consumer = served.consumer.get(), finished] {
      consumer->stop(kDeadline, [this, finished] { stop_engine_later(finished); });
    });
  }
  stop_engine_later(finished);
}

void HubProcess::stop_engine_later(const std::shared_ptr<std::function<void()>>& done) {
  // What was settled last rides in a commit of its own.
  constexpr Millis kFlushed(100);
  if (--stopping_ > 0) return;
  machine_.disk.after(kFlushed, [this, done] {
    engine_->stop();
    machine_.world.post([done] { (*done)(); });
  });
}

}  // namespace trunkline::simulation
