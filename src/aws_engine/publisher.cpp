#include "aws_engine/publisher.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "aws_engine/records.hpp"
#include "base/crypto.hpp"
#include "base/log.hpp"

namespace trunkline::aws_engine {
namespace {

using base::Errc;
using base::Error;
using base::Result;
using engine::PublishResult;
using engine::PublishVerdict;

constexpr std::uint32_t kTriesMax = 12;  // each sees what somebody else has written in between
constexpr std::uint64_t kSecond = 1'000;

std::uint64_t random_number() {
  const std::string bytes = base::random_bytes(8);
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<std::uint8_t>(byte);
  return value;
}

PublishResult failed(Error error) {
  return {PublishVerdict::failed, 0, std::move(error)};
}

std::size_t size_of(const engine::PublishItem& item) {
  if (const auto* entry = std::get_if<engine::PublishEntry>(&item)) return entry->event.raw.size();
  return std::get<engine::Quarantined>(item).bytes.size();
}

}  // namespace

// One call of publish().
struct Publisher::Call {
  Call(base::Loop& loop, engine::PublishCallback callback) : reply_on(loop), done(std::move(callback)) {}
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  // The engine stops: whoever waits is told. What was under way may be there.
  ~Call() {
    if (done) answer();
  }
  void answer() {
    reply_on.post(
        [callback = std::exchange(done, {}), all = std::move(results)]() mutable { callback(std::move(all)); });
  }

  base::Loop& reply_on;
  engine::PublishCallback done;
  std::vector<engine::PublishItem> items;
  std::vector<base::WallTime> accepted_at;  // empty, or one each
  std::vector<PublishResult> results;
  std::vector<std::vector<std::size_t>> next;  // that wait for this one
  std::vector<std::size_t> waits_for;          // how many
  std::size_t open = 0;
  std::size_t bytes = 0;
};

// One event through its tries.
struct Publisher::Task {
  CallPtr call;
  std::size_t index = 0;
  std::shared_ptr<engine::Record> record;
  std::string nonce = base::hex_encode(base::random_bytes(16));
  std::vector<Outbox::Target> targets;
  struct Identity {
    base::Hash128 hash{};
    std::uint64_t version = 0;  // 0: not there
    std::vector<Twin> twins;
  };
  std::vector<Identity> identities;  // at most two, different
  std::vector<Item> entries{};       // of the outbox
  std::uint32_t tries = 0;
  std::vector<base::Sequence> tried{};
};

Publisher::Publisher(Cloud& cloud, Outbox& outbox, Quarantine& quarantine, PublisherOptions options,
                     TargetsOf targets_of)
    : cloud_(cloud),
      outbox_(outbox),
      quarantine_(quarantine),
      options_(options),
      targets_of_(std::move(targets_of)),
      sequences_(random_number()) {}

void Publisher::publish(std::vector<engine::PublishItem> items, base::Loop& reply_on, engine::PublishCallback done,
                        std::vector<base::WallTime> accepted_at) {
  auto call = std::make_shared<Call>(reply_on, std::move(done));
  call->results.assign(items.size(), failed({Errc::cancelled, "the engine has stopped"}));
  if (items.empty()) return call->answer();
  std::size_t bytes = 0;
  for (const auto& item : items) bytes += size_of(item);
  if (items_ + items.size() > options_.items_max || bytes_ + bytes > options_.bytes_max || outbox_.full()) {
    call->results.assign(items.size(), failed({Errc::overloaded, "too many events are being stored"}));
    return call->answer();
  }
  items_ += items.size();
  bytes_ += bytes;
  call->bytes = bytes;
  call->items = std::move(items);
  call->accepted_at = std::move(accepted_at);
  call->open = call->items.size();
  call->next.resize(call->items.size());
  call->waits_for.assign(call->items.size(), 0);
  // What shares an identity or a lane with an earlier item waits for the last such.
  std::map<std::string, std::size_t, std::less<>> last;
  for (std::size_t i = 0; i < call->items.size(); ++i) {
    const auto* entry = std::get_if<engine::PublishEntry>(&call->items[i]);
    if (entry == nullptr) continue;
    std::set<std::size_t> before;
    const auto shares = [&](std::string key) {
      const auto [found, fresh] = last.try_emplace(std::move(key), i);
      if (!fresh) before.insert(std::exchange(found->second, i));
    };
    for (const auto* identity : {&entry->event.envelope_identity, &entry->event.content_identity}) {
      if (*identity) shares("i" + std::string(base::view(**identity)));
    }
    for (const Outbox::Target& target : targets_of_(entry->routes))
      shares("g" + event::group_text(entry->event, target.topic));
    before.erase(i);
    for (const std::size_t earlier : before) call->next[earlier].push_back(i);
    call->waits_for[i] = before.size();
  }
  for (std::size_t i = 0; i < call->items.size(); ++i) {
    if (call->waits_for[i] == 0) start(call, i);
  }
}

void Publisher::start(const CallPtr& call, std::size_t index) {
  if (const auto* input = std::get_if<engine::Quarantined>(&call->items[index])) {
    return quarantine_.add(*input, sequences_.next(cloud_.loop().clock().wall()).value,
                           [this, call, index](const Result<std::uint64_t>& id) {
                             if (id.ok()) return finish(call, index, {PublishVerdict::quarantined, *id, std::nullopt});
                             sequences_.redraw(random_number());  // somebody else may have taken the number
                             finish(call, index, failed(id.error()));
                           });
  }
  auto& entry = std::get<engine::PublishEntry>(call->items[index]);
  if (entry.event.raw.size() > kBodyMax)
    return finish(call, index, failed({Errc::too_large, "the event is larger than a transaction of DynamoDB"}));
  auto task = std::make_shared<Task>();
  task->call = call;
  task->index = index;
  task->record = std::make_shared<engine::Record>();
  task->record->accepted_at = call->accepted_at.empty() ? cloud_.loop().clock().wall() : call->accepted_at[index];
  task->record->source_name = std::move(entry.source_name);
  task->record->policy_version = entry.policy_version;
  task->record->routes = std::move(entry.routes);
  task->record->event = std::move(entry.event);
  task->targets = targets_of_(task->record->routes);
  for (const auto* identity : {&task->record->event.envelope_identity, &task->record->event.content_identity}) {
    if (!*identity) continue;
    if (!task->identities.empty() && task->identities[0].hash == **identity) continue;
    task->identities.push_back({**identity, 0, {}});
  }
  attempt(task);
}

void Publisher::finish(const CallPtr& call, std::size_t index, PublishResult result) {
  call->results[index] = std::move(result);
  --items_;
  for (const std::size_t next : call->next[index]) {
    if (--call->waits_for[next] == 0) start(call, next);
  }
  if (--call->open != 0) return;
  bytes_ -= call->bytes;
  call->answer();
}

std::vector<Write> Publisher::writes_of(Task& task) {
  engine::Record& record = *task.record;
  record.sequence = sequences_.next(cloud_.loop().clock().wall());
  task.tried.push_back(record.sequence);
  const std::uint64_t now = millis(cloud_.loop().clock().wall());
  const std::uint64_t ends = (now + static_cast<std::uint64_t>(options_.retain.count())) / kSecond;
  std::vector<Write> writes = event_writes(record, task.nonce, ends);
  for (const Task::Identity& identity : task.identities) {
    std::vector<Twin> twins = identity.twins;
    twins.push_back({record.sequence, record.event.body_hash, millis(record.accepted_at)});
    if (twins.size() > kTwinsMax) twins.erase(twins.begin());
    Write write{WriteKind::put, identity_key(identity.hash), {}, "attribute_not_exists(pk)", {}};
    write.item.bytes("e_twins", encode_twins(twins)).number("e_version", identity.version + 1);
    write.item.number("e_ends", (now + static_cast<std::uint64_t>(options_.identity_window.count())) / kSecond);
    if (identity.version != 0) {
      write.condition = "e_version = :version";
      write.values.number(":version", identity.version);
    }
    writes.push_back(std::move(write));
  }
  task.entries.clear();
  for (const Outbox::Target& target : task.targets) {
    task.entries.push_back(Outbox::event_entry(record, target, ends));
    writes.push_back({WriteKind::put, task.entries.back(), {}, {}, {}});
  }
  return writes;
}

void Publisher::attempt(const TaskPtr& task) {
  if (++task->tries > kTriesMax) {
    return finish(task->call, task->index, failed({Errc::overloaded, "the event's identities change all the time"}));
  }
  cloud_.transact(writes_of(*task), [this, task](const Result<void>& answer) {
    if (!answer.ok()) return refused(task, answer.error());
    stored(task);
  });
}

void Publisher::stored(const TaskPtr& task) {
  for (Item& entry : task->entries) outbox_.take(std::move(entry), task->record);
  finish(task->call, task->index,
         {task->record->conflict ? PublishVerdict::conflict : PublishVerdict::accepted, task->record->sequence.value,
          std::nullopt});
}

// A condition did not hold: a twin is there, a number was taken, or this very write was made and its answer lost.
void Publisher::refused(const TaskPtr& task, const Error& error) {
  if (error.code != Errc::conflict) return finish(task->call, task->index, failed(error));
  std::vector<Item> keys = {event_key(task->tried.back())};
  for (const Task::Identity& identity : task->identities) keys.push_back(identity_key(identity.hash));
  cloud_.get(std::move(keys), [this, task](const Result<std::vector<Item>>& found) {
    if (!found.ok()) return finish(task->call, task->index, failed(found.error()));
    inspect(task, *found);
  });
}

// Published anew it has an envelope id of its own, by which it is asked for. Nobody waits for that.
void Publisher::note_repeat(const Task& task, const Twin& twin) {
  const auto& envelope = task.record->event.envelope_identity;
  if (!envelope) return;
  const bool unknown = std::ranges::any_of(task.identities, [&](const Task::Identity& identity) {
    return identity.hash == *envelope && identity.version == 0;
  });
  if (!unknown) return;
  const std::uint64_t now = millis(cloud_.loop().clock().wall());
  Write write{WriteKind::put, identity_key(*envelope), {}, "attribute_not_exists(pk)", {}};
  write.item.bytes("e_twins", encode_twins({twin})).number("e_version", 1);
  write.item.number("e_ends", (now + static_cast<std::uint64_t>(options_.identity_window.count())) / kSecond);
  cloud_.write(write, [](const Result<Item>&) {});
}

void Publisher::inspect(const TaskPtr& task, const std::vector<Item>& found) {
  engine::Record& record = *task->record;
  const std::string event_pk = event_key(record.sequence).text("pk");
  const auto window = static_cast<std::uint64_t>(options_.identity_window.count());
  const std::uint64_t now = millis(cloud_.loop().clock().wall());
  const std::uint64_t oldest = now - std::min(now, window);
  std::optional<Twin> twin;
  bool known = false;
  bool differs = false;
  for (Task::Identity& identity : task->identities) identity = {identity.hash, 0, {}};
  for (const Item& item : found) {
    if (item.text("pk") == event_pk) {
      if (item.text("e_nonce") == task->nonce) {
        return stored(task);
      }
      sequences_.redraw(random_number());
      continue;
    }
    auto twins = decode_twins(item.bytes("e_twins"));
    if (!twins.ok()) return finish(task->call, task->index, failed(twins.error()));
    std::erase_if(*twins, [&](const Twin& each) { return each.accepted_ms < oldest; });
    for (const Twin& each : *twins) {
      known = true;
      if (each.body_hash != record.event.body_hash) continue;
      differs = differs || (twin && twin->sequence != each.sequence);
      twin = each;
    }
    for (Task::Identity& identity : task->identities) {
      if (identity_key(identity.hash).text("pk") != item.text("pk")) continue;
      identity.version = item.number("e_version");
      identity.twins = std::move(*twins);
      break;
    }
  }
  if (twin && !differs) {
    note_repeat(*task, *twin);
    return finish(task->call, task->index, {PublishVerdict::duplicate, twin->sequence.value, std::nullopt});
  }
  record.conflict = known;
  if (known) {
    base::log::warn("an identity is known with another body, or points at two events: stored and marked", "topic",
                    record.event.topic_name, "envelope_id", record.event.envelope_id);
  }
  // Another transaction may have been in the way, too: not all at once again.
  cloud_.loop().after(base::Millis(random_number() % 30), [this, task] { attempt(task); });
}

}  // namespace trunkline::aws_engine
