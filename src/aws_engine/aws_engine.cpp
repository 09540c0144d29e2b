#include "aws_engine/aws_engine.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <utility>

#include "aws_engine/administration.hpp"
#include "aws_engine/dead_letters.hpp"
#include "aws_engine/queue_statistics.hpp"
#include "aws_engine/records.hpp"
#include "aws_engine/registry.hpp"
#include "aws_engine/state_store.hpp"
#include "base/log.hpp"
#include "base/run_and_wait.hpp"
#include "engine/fence.hpp"
#include "net/io_loop.hpp"

namespace trunkline::aws_engine {

using base::Errc;
using base::Error;
using base::QueueId;
using base::Result;

namespace {

constexpr base::Millis kTick = std::chrono::seconds(1);
constexpr base::Millis kStopMax = std::chrono::seconds(2);
constexpr base::Millis kDrainLook = std::chrono::milliseconds(20);
// Whether DynamoDB answers is looked at so often, in ticks; so is what others have put into the quarantine.
constexpr std::uint64_t kLookEvery = 5;
constexpr std::uint64_t kCountEvery = 60;
const std::string kOrganisations = "organisations";
constexpr std::size_t kOrganisationsMax = 1'000;  // more are not written down

// What came of publishes.
struct Tally {
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> duplicates{0};
  std::atomic<std::uint64_t> conflicts{0};

  void count(const std::vector<engine::PublishResult>& results) {
    using engine::PublishVerdict;
    for (const engine::PublishResult& each : results) {
      if (each.verdict == PublishVerdict::accepted || each.verdict == PublishVerdict::conflict) ++accepted;
      if (each.verdict == PublishVerdict::duplicate) ++duplicates;
      if (each.verdict == PublishVerdict::conflict) ++conflicts;
    }
  }
};

Error no_queue() {
  return {Errc::not_found, "there is no such queue here"};
}

}  // namespace

struct AwsEngine::Impl {
  Impl(AwsOptions given, std::vector<base::Loop*> its_loops, const aws::Environment& environment)
      : options(std::move(given)),
        loops(std::move(its_loops)),
        loop("aws"),
        services(make_services(loop, options.services, environment)),
        cloud(*services, loop, options.table),
        registry(cloud, options.prefix),
        outbox(cloud, options.outbox, [this](event::Order order) { return topics[order]; }),
        quarantine(cloud, options.quarantine),
        publisher(cloud, outbox, quarantine, options.publisher,
                  [this](const auto& routes) { return targets_of(routes); }),
        state(cloud),
        statistics(cloud),
        administration(options.administration_max) {}

  std::vector<Outbox::Target> targets_of(const std::vector<QueueId>& routes);
  void tick();
  void look();
  // `done` when nothing is being settled.
  void drain(base::Task done);
  void note_organisations(const std::vector<engine::PublishItem>& items);
  std::optional<QueueInfo> info(QueueId queue);
  // On the loop: the queue's worker, or null.
  QueueWorker* worker(QueueId queue);
  template <class T, class Callback>
  void with_worker(QueueId queue, base::Loop& reply_on, Callback done,
                   base::UniqueFunction<void(QueueWorker&, Reply<T>)> call);

  const AwsOptions options;
  const std::vector<base::Loop*> loops;
  net::IoLoop loop;
  std::unique_ptr<Services> services;
  Cloud cloud;
  Registry registry;
  std::map<event::Order, std::string> topics;               // ARNs; loop only
  std::map<QueueId, std::unique_ptr<QueueWorker>> workers;  // loop only
  // A queue that events are routed to.
  struct Routed {
    event::Order order = event::Order::none;
    std::string url;
    base::WallTime young_until;
  };
  std::map<QueueId, Routed> routed;     // loop only
  std::set<std::string> organisations;  // loop only: those that were written down
  std::uint64_t ticks = 0;              // loop only
  bool looking = false;                 // loop only
  std::atomic<bool> unreachable{false};
  const std::shared_ptr<Tally> tally = std::make_shared<Tally>();  // shared with answers that come late
  Outbox outbox;
  Quarantine quarantine;
  Publisher publisher;
  StateStore state;
  StatisticsCache statistics;
  std::mutex mutex;  // of queues only
  std::map<QueueId, QueueInfo> queues;
  Administration administration;  // last: its thread uses the others
  bool stopped = false;
};

std::vector<Outbox::Target> AwsEngine::Impl::targets_of(const std::vector<QueueId>& routes) {
  std::vector<Outbox::Target> found;
  const base::WallTime now = loop.clock().wall();
  for (const QueueId queue : routes) {
    const auto known = routed.find(queue);
    if (known == routed.end()) continue;  // removed while the event was on its way
    const event::Order topic = Registry::topic_order(known->second.order);
    auto target = std::ranges::find(found, topic, &Outbox::Target::topic);
    if (target == found.end()) target = found.insert(found.end(), Outbox::Target{topic});
    if (now < known->second.young_until) {
      target->young.push_back({queue, known->second.order, known->second.url});
    } else {
      target->publish = true;
    }
  }
  return found;
}

void AwsEngine::Impl::tick() {
  for (auto& [id, each] : workers) {
    each->tick();
    statistics.refresh(id, each->counts());
  }
  if (ticks % kLookEvery == 0) look();
  if (ticks++ % kCountEvery == 0) quarantine.refresh();
  loop.after(kTick, [this] { tick(); });
}

// After its tries a call of DynamoDB has been given up: so would those of publishes be.
void AwsEngine::Impl::look() {
  if (std::exchange(looking, true)) return;
  cloud.get({Item("reg", "counter")}, [this](const Result<std::vector<Item>>& found) {
    looking = false;
    if (unreachable.exchange(!found.ok()) == !found.ok()) return;
    if (found.ok()) {
      base::log::info("DynamoDB answers again");
    } else {
      base::log::error("DynamoDB does not answer as it should", "error", found.error().detail);
    }
  });
}

void AwsEngine::Impl::drain(base::Task done) {
  const bool open = std::ranges::any_of(workers, [](const auto& each) { return each.second->settling(); });
  if (!open) return done();
  loop.after(kDrainLook, [this, done = std::move(done)]() mutable { drain(std::move(done)); });
}

void AwsEngine::Impl::note_organisations(const std::vector<engine::PublishItem>& items) {
  for (const engine::PublishItem& item : items) {
    const auto* entry = std::get_if<engine::PublishEntry>(&item);
    if (entry == nullptr || entry->event.org_id.empty() || organisations.size() >= kOrganisationsMax) continue;
    const std::string& id = entry->event.org_id;
    if (!organisations.insert(id).second) continue;
    // Where that fails, the next one of its events tries again.
    state.update(kOrganisations, {{id, std::string("1")}}, Reply<void>(loop, [this, id](const Result<void>& noted) {
                   if (!noted.ok()) organisations.erase(id);
                 }));
  }
}

std::optional<QueueInfo> AwsEngine::Impl::info(QueueId queue) {
  const std::scoped_lock lock(mutex);
  const auto found = queues.find(queue);
  if (found == queues.end()) return std::nullopt;
  return found->second;
}

QueueWorker* AwsEngine::Impl::worker(QueueId queue) {
  const auto found = workers.find(queue);
  return found == workers.end() ? nullptr : found->second.get();
}

template <class T, class Callback>
void AwsEngine::Impl::with_worker(QueueId queue, base::Loop& reply_on, Callback done,
                                  base::UniqueFunction<void(QueueWorker&, Reply<T>)> call) {
  typename Reply<T>::Callback answer = [](Result<T>) {};
  if (done) answer = std::move(done);
  loop.post([this, queue, reply = Reply<T>(reply_on, std::move(answer)), call = std::move(call)]() mutable {
    if (QueueWorker* found = worker(queue)) return call(*found, std::move(reply));
    reply(no_queue());
  });
}

AwsEngine::AwsEngine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AwsEngine::~AwsEngine() {
  stop();
}

Result<std::unique_ptr<AwsEngine>> AwsEngine::open(AwsOptions options, std::vector<base::Loop*> loops,
                                                   const aws::Environment& environment) {
  auto impl = std::make_unique<Impl>(std::move(options), std::move(loops), environment);
  std::unique_ptr<AwsEngine> engine(new AwsEngine(std::move(impl)));
  Impl& made = *engine->impl_;
  made.loop.start();
  if (made.options.create_table) TRUNKLINE_TRY_VOID(made.registry.create_table());
  // Whether the table is there and may be read is known before anybody publishes.
  if (const auto probe = made.cloud.get_wait(Item("reg", "counter")); !probe.ok())
    return probe.error().with("the table " + made.options.table);
  if (!made.options.fenced_too) TRUNKLINE_TRY_VOID(engine::refuse_fenced(*engine));
  made.loop.post([&made] {
    made.outbox.start();
    made.tick();
  });
  return engine;
}

Result<void> AwsEngine::probe(const AwsOptions& options, const aws::Environment& environment) {
  Impl impl(options, {}, environment);
  impl.loop.start();
  const auto found = impl.cloud.get_wait(Item("reg", "counter"));
  impl.cloud.stop();
  impl.administration.stop();
  impl.loop.stop();
  impl.loop.join();
  if (!found.ok()) return found.error().with("the table " + options.table);
  return {};
}

void AwsEngine::stop() {
  if (std::exchange(impl_->stopped, true)) return;
  base::run_and_wait(impl_->loop, kStopMax, [impl = impl_.get()](base::Task done) {
    auto open = std::make_shared<std::size_t>(impl->workers.size() + 1);  // the queues and the outbox
    auto finish = std::make_shared<base::Task>(std::move(done));
    const auto one = [open, finish] {
      if (--*open == 0) (*finish)();
    };
    for (auto& [id, each] : impl->workers) {
      each->cancel_receive();
      each->release_all(one);
    }
    impl->outbox.drain(one);
  });
  impl_->cloud.stop();
  impl_->administration.stop();
  impl_->loop.stop();
  impl_->loop.join();
}

bool AwsEngine::flush(base::Millis within) {
  return base::run_and_wait(impl_->loop, within,
                            [impl = impl_.get()](base::Task done) { impl->outbox.drain(std::move(done)); });
}

bool AwsEngine::sweep(base::Millis within) {
  return base::run_and_wait(impl_->loop, within, [impl = impl_.get()](base::Task done) {
    impl->outbox.sweep_all([impl, done = std::move(done)]() mutable { impl->outbox.drain(std::move(done)); });
  });
}

void AwsEngine::hand(QueueId queue, std::vector<HandedMessage> messages, std::shared_ptr<HandedFates> fates,
                     base::Task done) {
  auto handover = std::make_shared<Handover>(std::move(fates), loop_of(queue), std::move(done));
  impl_->loop.post([impl = impl_.get(), queue, messages = std::move(messages), handover]() mutable {
    if (QueueWorker* known = impl->worker(queue)) known->hand(std::move(messages), handover);
  });
}

void AwsEngine::receive_one(QueueId queue, std::shared_ptr<HandedFates> fates, base::Task done) {
  auto handover = std::make_shared<Handover>(std::move(fates), loop_of(queue), std::move(done));
  impl_->loop.post([impl = impl_.get(), queue, handover] {
    if (QueueWorker* known = impl->worker(queue)) known->receive_one(handover);
  });
}

void AwsEngine::return_handed(QueueId queue, base::Millis hidden) {
  impl_->loop.post([impl = impl_.get(), queue, hidden] {
    if (QueueWorker* known = impl->worker(queue)) known->return_handed(hidden);
  });
}

void AwsEngine::hide(QueueId queue, std::vector<std::string> handles, base::Millis hidden, base::Task done) {
  const auto info = impl_->info(queue);
  base::Loop& reply_on = loop_of(queue);
  if (!info) return reply_on.post(std::move(done));
  impl_->loop.post([impl = impl_.get(), url = info->url, handles = std::move(handles), hidden, &reply_on,
                    done = std::move(done)]() mutable {
    std::vector<Cloud::Visibility> changes;
    for (std::string& handle : handles) changes.push_back({std::move(handle), whole_seconds(hidden)});
    impl->cloud.prolong(url, std::move(changes),
                        [&reply_on, done = std::move(done)]() mutable { reply_on.post(std::move(done)); });
  });
}

std::string AwsEngine::arn_of(QueueId queue) {
  const auto info = impl_->info(queue);
  return info ? info->arn : std::string();
}

std::vector<engine::Capability> AwsEngine::capabilities() const {
  using engine::Capability;
  return {Capability::lanes_in_engine, Capability::park, Capability::state, Capability::quarantine};
}

Result<QueueId> AwsEngine::declare(const engine::QueueSpec& spec) {
  TRUNKLINE_TRY(const QueueInfo queue, impl_->registry.declare(spec));
  {
    const std::scoped_lock lock(impl_->mutex);
    if (!impl_->queues.contains(queue.id) && impl_->queues.size() >= impl_->options.queues_max)
      return {Errc::overloaded, "there are too many queues"};
    impl_->queues[queue.id] = queue;
  }
  // Who publishes after this call routes to it.
  impl_->loop.post([impl = impl_.get(), queue] {
    impl->routed[queue.id] = {queue.spec.order, queue.url, queue.subscribed + impl->options.young};
    impl->topics[Registry::topic_order(queue.spec.order)] = queue.topic;
    if (QueueWorker* known = impl->worker(queue.id)) return known->set_spec(queue.spec);
    impl->workers.emplace(queue.id, std::make_unique<QueueWorker>(impl->cloud, impl->options.queue, queue));
  });
  return queue.id;
}

Result<void> AwsEngine::remove(QueueId queue) {
  const auto info = impl_->info(queue);
  if (!info) return no_queue();
  TRUNKLINE_TRY_VOID(impl_->registry.remove(*info));
  {
    const std::scoped_lock lock(impl_->mutex);
    impl_->queues.erase(queue);
  }
  impl_->statistics.forget(queue);
  impl_->loop.post([impl = impl_.get(), queue] {
    impl->routed.erase(queue);
    // The worker stays, closed: answers of AWS may be on their way to it. A number is never used again.
    if (QueueWorker* known = impl->worker(queue)) known->close();
  });
  return {};
}

base::Loop& AwsEngine::loop_of(QueueId queue) {
  return *impl_->loops[queue.value % impl_->loops.size()];
}

void AwsEngine::publish(std::vector<engine::PublishItem> items, base::Loop& reply_on, engine::PublishCallback done) {
  impl_->loop.post([impl = impl_.get(), items = std::move(items), &reply_on, done = std::move(done)]() mutable {
    impl->note_organisations(items);
    impl->publisher.publish(
        std::move(items), reply_on,
        [tally = impl->tally, done = std::move(done)](std::vector<engine::PublishResult> results) mutable {
          tally->count(results);
          done(std::move(results));
        });
  });
}

void AwsEngine::receive(QueueId queue, const engine::ReceiveLimits& limits, engine::ReceiveCallback done) {
  impl_->with_worker<std::vector<engine::Lease>>(
      queue, loop_of(queue), std::move(done), [limits](QueueWorker& worker, Reply<std::vector<engine::Lease>> reply) {
        worker.receive(limits, std::move(reply));
      });
}

void AwsEngine::cancel_receive(QueueId queue) {
  impl_->loop.post([impl = impl_.get(), queue] {
    if (QueueWorker* known = impl->worker(queue)) known->cancel_receive();
  });
}

void AwsEngine::settle(QueueId queue, std::uint64_t lease, std::vector<engine::MessageFate> fates,
                       engine::DoneCallback done) {
  impl_->with_worker<void>(queue, loop_of(queue), std::move(done),
                           [lease, fates = std::move(fates)](QueueWorker& worker, Reply<void> reply) mutable {
                             worker.settle(lease, std::move(fates), std::move(reply));
                           });
}

void AwsEngine::extend(QueueId queue, std::uint64_t lease, base::Millis visibility_timeout, engine::DoneCallback done) {
  impl_->with_worker<void>(queue, loop_of(queue), std::move(done),
                           [lease, visibility_timeout](QueueWorker& worker, Reply<void> reply) {
                             worker.extend(lease, visibility_timeout, std::move(reply));
                           });
}

engine::QueueStatistics AwsEngine::statistics(QueueId queue) {
  const auto info = impl_->info(queue);
  return info ? impl_->statistics.get(*info) : engine::QueueStatistics();
}

Result<std::vector<engine::QueueSpec>> AwsEngine::stored_queues() {
  return impl_->registry.list();
}

void AwsEngine::read_record(base::Sequence sequence, base::Loop& reply_on, RecordCallback done) {
  impl_->loop.post(
      [impl = impl_.get(), sequence, reply = Reply<engine::RecordPtr>(reply_on, std::move(done))]() mutable {
        load_record(impl->cloud, sequence,
                    [reply = std::move(reply)](Result<engine::RecordPtr> found) mutable { reply(std::move(found)); });
      });
}

AwsEngine::Counters AwsEngine::counters() const {
  const Tally& tally = *impl_->tally;
  return {tally.accepted.load(), tally.duplicates.load(), tally.conflicts.load(), impl_->quarantine.there()};
}

bool AwsEngine::unreachable() const {
  return impl_->unreachable.load();
}

void AwsEngine::drain(base::Millis within) {
  base::run_and_wait(impl_->loop, within, [impl = impl_.get()](base::Task done) { impl->drain(std::move(done)); });
}

Result<engine::RecordPtr> AwsEngine::read_event(base::Sequence sequence) {
  return load_record_wait(impl_->cloud, sequence);
}

Result<Standing> AwsEngine::standing(QueueId queue, base::Sequence sequence) {
  return standing_wait(impl_->cloud, queue, sequence);
}

Result<std::vector<base::Sequence>> AwsEngine::find_identity(const base::Hash128& identity) {
  std::vector<base::Sequence> found;
  TRUNKLINE_TRY(const auto item, impl_->cloud.get_wait(identity_key(identity)));
  if (!item) return found;
  TRUNKLINE_TRY(const auto twins, decode_twins(item->bytes("e_twins")));
  for (const Twin& each : twins) found.push_back(each.sequence);
  return found;
}

Result<FoundEvents> AwsEngine::find_conversation(const std::string& conversation, std::size_t limit,
                                                 const std::function<bool()>& stopping) {
  std::vector<QueueId> queues;
  {
    const std::scoped_lock lock(impl_->mutex);
    for (const auto& [id, queue] : impl_->queues) queues.push_back(id);
  }
  return aws_engine::find_conversation(impl_->cloud, queues, conversation, limit, stopping);
}

Result<std::vector<engine::Quarantined>> AwsEngine::read_quarantine(engine::Page page) {
  return impl_->quarantine.list(page);
}

Result<std::vector<std::string>> AwsEngine::organisations() {
  TRUNKLINE_TRY(const auto noted, impl_->state.list(kOrganisations));
  std::vector<std::string> ids;
  for (const auto& [id, bytes] : noted) ids.push_back(id);
  return ids;
}

void AwsEngine::dead_letters(QueueId queue, engine::Page page, base::Loop& reply_on,
                             base::UniqueFunction<void(Result<std::vector<engine::DeadLetter>>)> done) {
  impl_->administration.run<std::vector<engine::DeadLetter>>(
      reply_on, std::move(done), [impl = impl_.get(), queue, page]() -> Result<std::vector<engine::DeadLetter>> {
        const auto info = impl->info(queue);
        if (!info) return no_queue();
        return list_dead_letters(impl->cloud, *info, page);
      });
}

void AwsEngine::redrive(QueueId queue, engine::RedriveFilter filter, base::Loop& reply_on,
                        base::UniqueFunction<void(Result<std::uint64_t>)> done) {
  impl_->administration.run<std::uint64_t>(
      reply_on, std::move(done), [impl = impl_.get(), queue, filter = std::move(filter)]() -> Result<std::uint64_t> {
        const auto info = impl->info(queue);
        if (!info) return no_queue();
        return end_dead_letters(impl->cloud, impl->outbox, *info, filter, LetterAction::redrive);
      });
}

void AwsEngine::purge_dead_letters(QueueId queue, engine::RedriveFilter filter, base::Loop& reply_on,
                                   base::UniqueFunction<void(Result<std::uint64_t>)> done) {
  impl_->administration.run<std::uint64_t>(
      reply_on, std::move(done), [impl = impl_.get(), queue, filter = std::move(filter)]() -> Result<std::uint64_t> {
        const auto info = impl->info(queue);
        if (!info) return no_queue();
        return end_dead_letters(impl->cloud, impl->outbox, *info, filter, LetterAction::purge);
      });
}

void AwsEngine::quarantine_list(engine::Page page, base::Loop& reply_on,
                                base::UniqueFunction<void(Result<std::vector<engine::Quarantined>>)> done) {
  impl_->administration.run<std::vector<engine::Quarantined>>(
      reply_on, std::move(done), [impl = impl_.get(), page] { return impl->quarantine.list(page); });
}

void AwsEngine::quarantine_remove(std::vector<std::uint64_t> ids, base::Loop& reply_on, engine::DoneCallback done) {
  impl_->administration.run<void>(reply_on, std::move(done),
                                  [impl = impl_.get(), ids = std::move(ids)] { return impl->quarantine.remove(ids); });
}

Result<std::optional<engine::Engine::StateValue>> AwsEngine::get_state(const std::string& owner,
                                                                       const std::string& key) {
  return impl_->state.get(owner, key);
}

void AwsEngine::put_state(const std::string& owner, const std::string& key, std::uint64_t version, std::string bytes,
                          base::Loop& reply_on, engine::DoneCallback done) {
  impl_->loop.post([impl = impl_.get(), owner, key, version, bytes = std::move(bytes),
                    reply = Reply<void>(reply_on, std::move(done))]() mutable {
    impl->state.put(owner, key, version, std::move(bytes), std::move(reply));
  });
}

void AwsEngine::update_state(const std::string& owner, std::vector<StateWrite> writes, base::Loop& reply_on,
                             engine::DoneCallback done) {
  impl_->loop.post([impl = impl_.get(), owner, writes = std::move(writes),
                    reply = Reply<void>(reply_on, std::move(done))]() mutable {
    impl->state.update(owner, writes, std::move(reply));
  });
}

Result<std::map<std::string, std::string>> AwsEngine::list_state(const std::string& owner) {
  return impl_->state.list(owner);
}

Result<void> AwsEngine::remove_state(const std::string& owner) {
  return impl_->state.remove(owner);
}

void AwsEngine::write_state(QueueId queue, const std::string& owner, std::vector<StateWrite> writes) {
  impl_->loop.post([impl = impl_.get(), queue, owner, writes = std::move(writes)]() mutable {
    if (QueueWorker* known = impl->worker(queue)) known->write_state(owner, std::move(writes));
  });
}

Result<void> AwsEngine::adopt(QueueId queue, const std::vector<engine::Adopted>& events) {
  const auto info = impl_->info(queue);
  if (!info) return no_queue();
  return aws_engine::adopt(impl_->cloud, *info, events);
}

void AwsEngine::publish_accepted(std::vector<engine::PublishItem> items, std::vector<base::WallTime> accepted_at,
                                 base::Loop& reply_on, engine::PublishCallback done) {
  impl_->loop.post([impl = impl_.get(), items = std::move(items), accepted_at = std::move(accepted_at), &reply_on,
                    done = std::move(done)]() mutable {
    impl->publisher.publish(std::move(items), reply_on, std::move(done), std::move(accepted_at));
  });
}

Cloud& AwsEngine::cloud() {
  return impl_->cloud;
}

}  // namespace trunkline::aws_engine
