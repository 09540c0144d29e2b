#include "simulation/run.hpp"

#include <fmt/format.h>
#include <stdlib.h>

#include <filesystem>

#include "base/check.hpp"
#include "simulation/senders.hpp"

namespace trunkline::simulation {
namespace {

using base::Millis;
using store::FaultKind;
using store::FaultOp;

constexpr std::size_t kDrainRounds = 180;   // of a minute
constexpr std::size_t kPatientRounds = 30;  // then the operator cancels what gives one event in two seconds for hours

class Run {
 public:
  Run(const Plan& plan, const RunOptions& options)
      : plan_(plan),
        options_(options),
        timeline_(plan.seed, plan.shuffle),
        random_(plan.seed, "run"),
        disk_random_(plan.seed, "disk"),
        traffic_(plan.seed, plan.lanes),
        trace_(timeline_.clock(), plan.consumers.size(), options.print_trace),
        machine_{timeline_,
                 {},
                 {},
                 timeline_.add_loop([this] { return commit_delay(); }, SimulatedLoop::Turn::last),
                 timeline_.add_loop([this] { return read_delay(); }, SimulatedLoop::Turn::overtaking),
                 timeline_.add_loop(),
                 {},
                 {}},
        oracle_(plan, traffic_, timeline_.clock(), trace_, outcome_.report),
        senders_(plan, traffic_, machine_, oracle_) {
    make_directory();
    outcome_.peaks.resize(plan.consumers.size());
    for (std::size_t i = 0; i < plan.loops; ++i) machine_.loops.push_back(&timeline_.add_loop());
    for (std::uint32_t i = 0; i < plan.consumers.size(); ++i) {
      machine_.downstreams.push_back(std::make_unique<Downstream>(i, plan, machine_.world, oracle_));
      machine_.pullers.push_back(std::make_unique<Puller>(i, plan, machine_.world, oracle_));
      settings_.filters.push_back(plan.consumers[i].filter);
      settings_.begun.push_back(plan.consumers[i].begins == Millis(0));
      settings_.paused.push_back(false);
      settings_.removed.push_back(false);
    }
    oracle_.on_audit_wanted([this] { return audit(); });
    timeline_.after_each([this] { after_task(); });
  }
  ~Run() {
    senders_.hub_is(nullptr);
    hub_.reset();
    machine_.world.drop();
    std::error_code ignored;
    std::filesystem::remove_all(machine_.directory, ignored);
  }

  Outcome play();

 private:
  void make_directory();
  Millis commit_delay();
  Millis read_delay();

  // ---- the process
  void boot();
  void kill(Millis down);
  void after_task();
  void restart(Millis down);

  // ---- steps
  void arm_next();
  void carry_out(const Step& step);
  void process_fault(const Step& step);
  void disk_fault(const Step& step);
  void jump(const Step& step);
  void operate(const Step& step);
  void begin_consumer(std::uint32_t consumer);
  void remove_consumer(std::uint32_t consumer);
  void begin_operation(const Step& step);
  void steer(const Step& step);
  // Resumes what is paused or has stopped by itself, and counts what has not ended.
  void hurry_operations(bool patient);
  void redrive(std::uint32_t consumer, bool counts);
  void purge(std::uint32_t consumer, std::uint64_t which);
  void list(std::uint32_t consumer, std::function<void(const std::vector<engine::DeadLetter>&)> then);

  bool audit();
  void watch();  // once a simulated second
  void trouble();
  void watch_disk();

  // ---- the end
  void heal();
  void drain();
  bool drained();
  void check_quarantine();
  bool failed() const { return timeline_.stuck() || (options_.stop_at_first && !oracle_.findings().empty()); }

  struct DiskFault {
    Kind kind;
    FaultOp op;
    std::uint64_t before;  // failed operations of that sort
    bool met = false;
  };

  const Plan& plan_;
  const RunOptions& options_;
  Outcome outcome_;
  Timeline timeline_;
  Random random_;
  Random disk_random_;
  const Traffic traffic_;
  Trace trace_;
  Machine machine_;
  Settings settings_;
  Oracle oracle_;
  Senders senders_;
  std::unique_ptr<HubProcess> hub_;
  std::uint64_t boots_ = 0;
  std::size_t next_step_ = 0;
  bool healing_ = false;
  bool stopping_ = false;
  base::MonoTime slow_until_{};
  // Kills that wait for their moment.
  std::optional<Millis> kill_in_sync_;
  bool cut_ = false;
  std::optional<Millis> kill_after_commit_;
  std::uint64_t commits_ = 0;
  // Faults of the disk
  std::vector<DiskFault> disk_faults_;
  std::size_t disk_full_ = 0;                   // how many are under way
  std::optional<std::size_t> open_operations_;  // at the end; nothing: not known
  int well_ = 0;                                // seconds since the disk has failed
  std::uint64_t reopens_ = 0;
};

void Run::make_directory() {
  std::string base = options_.scratch;
  if (base.empty()) base = std::filesystem::is_directory("/dev/shm") ? "/dev/shm" : "/tmp";
  std::string name = base + "/trunkline-simulation-XXXXXX";
  TRUNKLINE_CHECK(::mkdtemp(name.data()) != nullptr, "no scratch directory can be made");
  machine_.directory = name;
}

// ---- time

Millis Run::commit_delay() {
  const auto now = timeline_.clock().mono();
  if (plan_.disk_tick.count() > 0) {
    const auto since = std::chrono::duration_cast<Millis>(now.time_since_epoch());
    return (plan_.disk_tick - since % plan_.disk_tick) % plan_.disk_tick;
  }
  if (now < slow_until_) return Millis(disk_random_.between(100, 3'000));
  return Millis(disk_random_.between(0, 3));
}

Millis Run::read_delay() {
  return plan_.disk_tick.count() > 0 ? Millis(1) : Millis(disk_random_.between(0, 8));
}

// ---- the process

void Run::boot() {
  store::FaultFsOptions disk;
  disk.seed = plan_.seed * 1'000 + boots_;
  disk.torn_tail = static_cast<store::TornTail>(random_.below(4));
  auto started = HubProcess::start(machine_, plan_, settings_, oracle_, std::move(disk));
  ++boots_;
  trace_.add("boot", Trace::kNobody, boots_);
  if (!started.ok()) return oracle_.blame("I8", "the hub does not start: " + started.error().detail);
  hub_ = std::move(*started);
  hub_->disk().before_sync([this](const std::string& path) {
    if (!kill_in_sync_ || !path.ends_with(".log") || cut_) return;
    cut_ = true;
    hub_->disk().power_cut();
  });
  reopens_ = 0;
  commits_ = 0;
  disk_faults_.clear();
  stopping_ = false;
  senders_.hub_is(hub_.get());
  if (!audit()) oracle_.blame("I1", "the log cannot be read after a start");
  for (std::uint32_t i = 0; i < plan_.consumers.size(); ++i) {
    if (settings_.removed[i]) {
      remove_consumer(i);
    } else if (plan_.consumers[i].begins.count() > 0 && plan_.consumers[i].begins != Millis::max() &&
               !settings_.begun[i] &&
               timeline_.clock().mono().time_since_epoch() - std::chrono::hours(1) >= plan_.consumers[i].begins) {
      begin_consumer(i);
    }
  }
}

void Run::kill(Millis down) {
  if (!hub_) return;
  trace_.add("kill", Trace::kNobody);
  trouble();
  outcome_.report.reopens += hub_->engine().commit_statistics().reopens.load();
  senders_.hub_is(nullptr);
  hub_.reset();
  oracle_.hub_gone();
  kill_in_sync_.reset();
  kill_after_commit_.reset();
  cut_ = false;
  machine_.world.after(down, [this] { boot(); });
}

void Run::restart(Millis down) {
  if (!hub_ || stopping_) return;
  stopping_ = true;
  oracle_.fired(Kind::restart);
  trouble();
  hub_->stop([this, boots = boots_, down] {
    if (boots == boots_ && hub_) kill(down);
  });
}

void Run::after_task() {
  if (cut_) {
    oracle_.fired(Kind::power_cut_in_sync);
    return kill(kill_in_sync_.value_or(Millis(0)));
  }
  if (!kill_after_commit_ || !hub_) return;
  if (hub_->engine().commit_statistics().commits.load() == commits_) return;
  oracle_.fired(Kind::power_cut_after_commit);
  kill(*kill_after_commit_);
}

// ---- steps

void Run::arm_next() {
  if (next_step_ >= plan_.steps.size() || healing_) return;
  const auto now =
      std::chrono::duration_cast<Millis>(timeline_.clock().mono().time_since_epoch()) - std::chrono::hours(1);
  machine_.world.after(plan_.steps[next_step_].at - now, [this] {
    if (healing_) return;
    const Step& step = plan_.steps[next_step_++];
    arm_next();
    carry_out(step);
  });
}

void Run::carry_out(const Step& step) {
  if (step.kind != Kind::publish)
    trace_.add(name(step.kind), step.consumer, step.id, static_cast<std::uint64_t>(step.span.count()));
  if (!step.items.empty()) {
    if (step.kind != Kind::publish) oracle_.fired(step.kind);
    return senders_.send(step.items);
  }
  if (is_downstream(step.kind)) {
    oracle_.fired(step.kind);
    return machine_.downstreams[step.consumer]->begin(step.kind, step.span, step.value);
  }
  if (step.kind <= Kind::restart) return process_fault(step);
  if (step.kind <= Kind::slow_disk) return disk_fault(step);
  if (step.kind <= Kind::clock_back) return jump(step);
  operate(step);
}

void Run::process_fault(const Step& step) {
  if (!hub_) return;
  if (step.kind == Kind::restart) return restart(step.span);
  if (step.kind == Kind::power_cut) {
    oracle_.fired(Kind::power_cut);
    return kill(step.span);
  }
  if (step.kind == Kind::power_cut_in_sync) {
    kill_in_sync_ = step.span;
  } else {
    kill_after_commit_ = step.span;
    commits_ = hub_->engine().commit_statistics().commits.load();
  }
}

void Run::disk_fault(const Step& step) {
  if (step.kind == Kind::slow_disk) {
    oracle_.fired(step.kind);
    slow_until_ = timeline_.clock().mono() + step.span;
    return;
  }
  if (!hub_) return;
  trouble();
  store::FaultRule rule;
  rule.name_part = ".log";
  rule.op = step.kind == Kind::sync_error ? FaultOp::sync : FaultOp::append;
  rule.kind = step.kind == Kind::disk_full ? FaultKind::no_space : FaultKind::io_error;
  if (step.kind != Kind::disk_full) rule.times = 1 + step.value % 3;
  hub_->disk().inject(rule);
  disk_faults_.push_back({step.kind, rule.op, hub_->disk().counts().failed[static_cast<std::size_t>(rule.op)]});
  if (step.kind != Kind::disk_full) return;
  ++disk_full_;
  machine_.world.after(step.span, [this] {
    if (--disk_full_ == 0 && hub_) hub_->disk().clear_faults();
  });
}

void Run::jump(const Step& step) {
  // Before the sweep, for which all of it may be old now. A start has an audit of its own, a store that is being reopened
  // is waited for.
  if (hub_ && !audit()) {
    machine_.world.after(std::chrono::seconds(1), [this, step] { jump(step); });
    return;
  }
  oracle_.fired(step.kind);
  oracle_.clock_jumps([&] { timeline_.clock().jump_wall(step.kind == Kind::clock_forward ? step.span : -step.span); });
}

void Run::operate(const Step& step) {
  switch (step.kind) {
    case Kind::pause:
    case Kind::resume:
      settings_.paused[step.consumer] = step.kind == Kind::pause;
      if (hub_) hub_->set_paused(step.consumer, step.kind == Kind::pause);
      if (!hub_ && step.kind == Kind::resume) oracle_.paused(step.consumer, false);
      return oracle_.fired(step.kind);
    case Kind::redrive:
      return redrive(step.consumer, true);
    case Kind::purge:
      return purge(step.consumer, step.value);
    case Kind::filter_change:
      settings_.filters[step.consumer] = step.value % kFilters;
      ++settings_.policy_version;
      if (hub_) hub_->filters_changed();
      return oracle_.fired(step.kind);
    case Kind::new_consumer:
      return begin_consumer(step.consumer);
    case Kind::remove_consumer:
      return remove_consumer(step.consumer);
    case Kind::redrive_operation:
    case Kind::replay:
      return begin_operation(step);
    case Kind::steer:
      return steer(step);
    default:
      return;
  }
}

void Run::begin_consumer(std::uint32_t consumer) {
  if (!hub_ || settings_.begun[consumer] || settings_.removed[consumer]) return;  // boot() makes up for it
  hub_->begin_consumer(consumer, [this, consumer](bool begun) {
    if (begun) return oracle_.fired(Kind::new_consumer);
    machine_.world.after(std::chrono::seconds(5), [this, consumer] { begin_consumer(consumer); });
  });
}

// The first consumer stays: a hub without any delivers nothing.
void Run::remove_consumer(std::uint32_t consumer) {
  const bool there = settings_.begun[consumer];
  if (!hub_ || stopping_ || consumer == 0 || (!there && !settings_.removed[consumer]))
    return;  // boot() makes up for it
  audit();
  oracle_.removing(consumer);
  hub_->remove_consumer(consumer, [this, consumer, boots = boots_, there](bool gone) {
    if (gone && there) oracle_.fired(Kind::remove_consumer);
    if (gone) return;
    machine_.world.after(std::chrono::seconds(5), [this, consumer, boots] {
      if (boots == boots_) remove_consumer(consumer);
    });
  });
}

void Run::begin_operation(const Step& step) {
  if (!hub_ || !hub_->queue(step.consumer)) return;
  operation::Request request;
  request.kind = step.kind == Kind::replay ? operation::Kind::replay : operation::Kind::redrive;
  request.consumer = plan_.consumers[step.consumer].name;
  request.queue = *hub_->queue(step.consumer);
  request.by = "operator";
  request.rate = step.value % 2 == 0 ? 0.5 : static_cast<double>(1 + step.value % 50);
  request.stop_share = step.value % 3 == 0 ? 1 : 0.2;
  request.range.to = timeline_.clock().wall();
  request.range.from = request.range.to - plan_.replay_max * (1 + step.value / 64 % 30) / 30;
  request.range.all_routed = true;
  hub_->operations().start(request, *machine_.loops[0],
                           [this, kind = step.kind](const base::Result<operation::Operation>& begun) {
                             if (begun.ok()) oracle_.fired(kind);
                           });
}

void Run::steer(const Step& step) {
  if (!hub_) return;
  hub_->operations().list({}, *machine_.loops[0], [this, value = step.value](std::vector<operation::Operation> all) {
    std::erase_if(all, [](const operation::Operation& each) { return operation::ended(each.state); });
    if (all.empty() || !hub_) return;
    hub_->operations().command(all[value % all.size()].id, static_cast<operation::Command>(value / 64 % 3), "operator",
                               *machine_.loops[0], [this](const base::Result<operation::Operation>& done) {
                                 if (done.ok()) oracle_.fired(Kind::steer);
                               });
  });
}

void Run::hurry_operations(bool patient) {
  open_operations_.reset();
  if (!hub_) return;
  hub_->operations().list({}, *machine_.loops[0], [this, patient](const std::vector<operation::Operation>& all) {
    std::size_t open = 0;
    for (const operation::Operation& each : all) {
      if (operation::ended(each.state)) continue;
      ++open;
      if ((patient && each.state == operation::State::running) || !hub_) continue;
      const auto command = patient ? operation::Command::resume : operation::Command::cancel;
      hub_->operations().command(each.id, command, "operator", *machine_.loops[0],
                                 [](const base::Result<operation::Operation>&) {});
    }
    open_operations_ = open;
  });
}

void Run::list(std::uint32_t consumer, std::function<void(const std::vector<engine::DeadLetter>&)> then) {
  if (!hub_ || !hub_->queue(consumer)) return;
  hub_->engine().dead_letters(
      *hub_->queue(consumer), {0, 100}, *machine_.loops[0],
      [this, consumer, then = std::move(then)](base::Result<std::vector<engine::DeadLetter>> letters) {
        if (!letters.ok() || !hub_->queue(consumer)) return;  // it may have been removed meanwhile
        for (const engine::DeadLetter& letter : *letters) oracle_.listed(consumer, letter);
        then(*letters);
      });
}

void Run::redrive(std::uint32_t consumer, bool counts) {
  list(consumer, [this, consumer, counts](const std::vector<engine::DeadLetter>& letters) {
    if (letters.empty()) return;
    hub_->engine().redrive(*hub_->queue(consumer), {}, *machine_.loops[0],
                           [this, consumer, counts](base::Result<std::uint64_t> count) {
                             if (!count.ok() || *count == 0) return;
                             trace_.add("redriven", consumer, *count);
                             if (counts) oracle_.fired(Kind::redrive);
                           });
  });
}

void Run::purge(std::uint32_t consumer, std::uint64_t which) {
  list(consumer, [this, consumer, which](const std::vector<engine::DeadLetter>& letters) {
    if (letters.empty()) return;
    engine::RedriveFilter filter;
    filter.sequence = letters[which % letters.size()].sequence;
    oracle_.purging(consumer, filter.sequence->value);
    hub_->engine().purge_dead_letters(*hub_->queue(consumer), filter, *machine_.loops[0],
                                      [this](base::Result<std::uint64_t> count) {
                                        if (count.ok() && *count == 1) oracle_.fired(Kind::purge);
                                      });
  });
}

// ---- watching

bool Run::audit() {
  // After an error the store may show what is not on disk, until it is reopened.
  if (!hub_ || hub_->engine().refusing()) return false;
  const auto read = hub_->engine().read_log({oracle_.audited_to() + 1}, [this](const engine::Record& record) {
    oracle_.audit(record);
    return true;
  });
  if (!read.ok()) return false;
  oracle_.audit_done();
  return true;
}

void Run::trouble() {
  well_ = 0;
  oracle_.trouble_begins();
}

void Run::watch_disk() {
  if (!hub_) return;
  const auto counts = hub_->disk().counts();
  bool waits = disk_full_ > 0;
  for (DiskFault& fault : disk_faults_) {
    if (fault.met) continue;
    fault.met = counts.failed[static_cast<std::size_t>(fault.op)] > fault.before;
    if (fault.met) oracle_.fired(fault.kind);
    waits = waits || (!fault.met && fault.kind != Kind::disk_full);
  }
  const bool well = !waits && !stopping_ && !hub_->engine().refusing();
  well_ = well ? well_ + 1 : 0;
  if (well_ >= 3 && oracle_.in_trouble()) oracle_.trouble_ends();
}

void Run::watch() {
  watch_disk();
  for (std::uint32_t i = 0; hub_ && i < plan_.consumers.size(); ++i) {
    if (!hub_->queue(i)) continue;
    const engine::QueueStatistics now = hub_->engine().statistics(*hub_->queue(i));
    oracle_.expired(i, now.expired);
    Peaks& peaks = outcome_.peaks[i];
    peaks.waiting = std::max(peaks.waiting, now.waiting);
    peaks.lanes = std::max(peaks.lanes, now.lanes);
  }
  machine_.world.after(std::chrono::seconds(1), [this] { watch(); });
}

// ---- the end

void Run::heal() {
  healing_ = true;
  for (const auto& downstream : machine_.downstreams) downstream->heal();
  for (const auto& puller : machine_.pullers) puller->heal();
  slow_until_ = {};
  kill_in_sync_.reset();
  kill_after_commit_.reset();
  if (hub_) hub_->disk().clear_faults();
  disk_faults_.clear();
  for (std::uint32_t i = 0; i < plan_.consumers.size(); ++i) {
    if (!settings_.paused[i]) continue;
    settings_.paused[i] = false;
    machine_.pullers[i]->pause(false);
    if (hub_) hub_->set_paused(i, false);
    oracle_.paused(i, false);
  }
  trace_.add("heal", Trace::kNobody);
}

bool Run::drained() {
  if (!hub_ || !senders_.idle() || !audit() || oracle_.in_trouble()) return false;
  for (std::uint32_t i = 0; i < plan_.consumers.size(); ++i) {
    if (oracle_.unfinished(i) > 0) return false;
    if (!hub_->queue(i)) continue;
    const engine::QueueStatistics now = hub_->engine().statistics(*hub_->queue(i));
    if (now.held() > 0) return false;
  }
  return open_operations_ == 0u;
}

void Run::drain() {
  heal();
  for (std::size_t round = 0; round < kDrainRounds && !failed(); ++round) {
    timeline_.run_for(std::chrono::minutes(1));
    if (drained()) break;
    for (std::uint32_t i = 0; i < plan_.consumers.size(); ++i) redrive(i, false);
    hurry_operations(round < kPatientRounds);
  }
  if (failed()) return;
  timeline_.run_for(std::chrono::minutes(1));  // the operations of the last round are listed
  if (!drained()) {
    for (std::uint32_t i = 0; hub_ && i < plan_.consumers.size(); ++i) {
      if (!hub_->queue(i)) continue;
      const engine::QueueStatistics now = hub_->engine().statistics(*hub_->queue(i));
      if (now.held() == 0) continue;
      oracle_.blame(
          "I8", fmt::format("{} does not drain: {} waiting, {} in flight, {} backing off, {} parked, {} dead letters; "
                            "{} not ended",
                            plan_.consumers[i].name, now.waiting, now.in_flight, now.backing_off, now.parked,
                            now.dead_letters, oracle_.unfinished(i)));
    }
    if (!hub_ || !senders_.idle()) oracle_.blame("I8", "publishes are still not answered");
    if (open_operations_ != 0u) oracle_.blame("I8", "operations have not ended, though they were cancelled");
  }
  oracle_.finish();
  check_quarantine();
}

void Run::check_quarantine() {
  if (!hub_) return;
  hub_->engine().quarantine_list(
      {0, 1'000}, *machine_.loops[0], [this](base::Result<std::vector<engine::Quarantined>> listed) {
        std::set<std::uint64_t> there;
        for (const engine::Quarantined& each : listed.ok() ? *listed : std::vector<engine::Quarantined>())
          there.insert(each.id);
        for (const std::uint64_t id : oracle_.quarantined()) {
          if (!there.contains(id)) oracle_.blame("I1", fmt::format("quarantined input {} is gone", id));
        }
      });
  timeline_.run_for(std::chrono::seconds(1));
}

Outcome Run::play() {
  const auto begun = timeline_.clock().mono();
  boot();
  watch();
  arm_next();
  const auto end = begun + plan_.length;
  while (timeline_.clock().mono() < end && !failed()) {
    timeline_.run_for(std::min(Millis(60'000), std::chrono::ceil<Millis>(end - timeline_.clock().mono())));
    audit();
  }
  if (!failed()) drain();
  if (timeline_.stuck()) oracle_.blame("I8", "a task posts itself again and again, and time does not pass");
  if (hub_) outcome_.report.reopens += hub_->engine().commit_statistics().reopens.load();
  outcome_.report.runs = 1;
  outcome_.report.hours = std::chrono::duration<double, std::ratio<3600>>(timeline_.clock().mono() - begun).count();
  outcome_.report.tasks = timeline_.tasks();
  outcome_.findings = oracle_.findings();
  outcome_.trace = trace_.hash();
  outcome_.sender_trace = trace_.hash_of_senders();
  for (std::uint32_t i = 0; i < plan_.consumers.size(); ++i) {
    outcome_.consumer_traces.push_back(trace_.hash_of(i));
    outcome_.tallies.push_back(oracle_.tally(i));
    outcome_.peaks[i].open_requests = machine_.downstreams[i]->most_open();
    outcome_.consumers.push_back(hub_ ? hub_->statistics(i) : delivery::Statistics());
  }
  return std::move(outcome_);
}

}  // namespace

Outcome run(const Plan& plan, const RunOptions& options) {
  return Run(plan, options).play();
}

}  // namespace trunkline::simulation
