#include "aws_engine/settle.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"

namespace trunkline::aws_engine {
namespace {

using base::Errc;
using base::Result;
using engine::Fate;
using engine::MessageFate;

constexpr std::size_t kStateBytesMax = 64 << 10;
constexpr std::size_t kStateWritesMax = 50;  // of 64 KiB each: below the 4 MB of a transaction
constexpr std::size_t kDetailMax = 1'024;
// Somebody else has not decided yet.
constexpr std::string_view kOpen = "attribute_not_exists(e_fate) OR e_fate = :retry OR e_fate = :again";

std::string_view word_of(Fate fate) {
  switch (fate) {
    case Fate::delivered:
      return fate::kDelivered;
    case Fate::drop:
      return fate::kDropped;
    case Fate::skip:
      return fate::kSkipped;
    case Fate::park:
      return fate::kParked;
    case Fate::retry:
    case Fate::release:
      break;
  }
  return fate::kRetry;
}

bool is_deleted(Fate fate) {
  return fate == Fate::delivered || fate == Fate::drop || fate == Fate::skip;
}

Write message_write(base::QueueId queue, const Held& message, std::string_view word, const MessageFate& fate,
                    std::uint64_t now_ms) {
  Write write{WriteKind::update,
              message_key(message.sequence, queue),
              "SET e_fate = :fate, e_ends = :ends, e_attempts = :attempts, e_class = :class",
              std::string(kOpen),
              {}};
  write.values.text(":fate", word).text(":retry", fate::kRetry).text(":again", fate::kRedriven);
  write.values.number(":ends", now_ms / 1'000 + kFateKeepSeconds).number(":attempts", fate.attempts);
  write.values.text(":class", fate.error_class);
  return write;
}

// After parked messages were hidden: a redrive or a purge that came between the table's word and SQS's would be overtaken
// by it, and its message hidden for half a day, so that it is shown once more.
void show_redriven(Cloud& cloud, const QueueInfo& queue, std::vector<Held> parked, Cloud::Done done) {
  if (parked.empty()) return done(Result<void>());
  std::vector<Item> keys;
  for (const Held& each : parked) keys.push_back(dead_letter_key(queue.id, each.sequence));
  cloud.get(std::move(keys), [&cloud, &queue, parked = std::move(parked),
                              done = std::move(done)](const Result<std::vector<Item>>& letters) mutable {
    std::vector<Cloud::Visibility> shown;
    for (const Held& each : parked) {
      const bool there = !letters.ok() || std::ranges::any_of(*letters, [&](const Item& letter) {
        return letter.text("sk") == hex(each.sequence.value);
      });
      if (!there) shown.push_back({each.handle, 0});
    }
    cloud.change_visibility(queue.url, std::move(shown), std::move(done));
  });
}

}  // namespace

std::int64_t whole_seconds(base::Millis time) {
  return std::clamp<std::int64_t>(std::chrono::ceil<std::chrono::seconds>(time).count(), 0, kHiddenMax);
}

// One call of settle().
struct Settler::Job {
  std::vector<Held> messages;
  std::vector<MessageFate> fates;
  std::vector<std::string> behind;
  Cloud::Done done;
  std::size_t open = 0;
  std::vector<bool> ours;  // the table has it as we said
  Result<void> result;
};

void Settler::write_state(const std::string& owner, std::vector<engine::Engine::StateWrite> writes) {
  for (engine::Engine::StateWrite& each : writes) {
    if (each.bytes && each.bytes->size() > kStateBytesMax) continue;
    const Item key = state_key(owner, each.key);
    // What was written before of the same key and is not under way has had its day; a transaction names a key once.
    std::erase_if(state_, [&](const Write& write) {
      return write.item.text("pk") == key.text("pk") && write.item.text("sk") == key.text("sk");
    });
    Write write{each.bytes ? WriteKind::update : WriteKind::remove, key, {}, {}, {}};
    if (each.bytes) {
      write.update = "SET e_bytes = :bytes ADD e_version :one";
      write.values.bytes(":bytes", *each.bytes).number(":one", 1);
    }
    state_.push_back(std::move(write));
  }
}

void Settler::settle(std::vector<Held> messages, std::vector<MessageFate> fates, std::vector<std::string> behind,
                     Cloud::Done done) {
  auto job = std::make_shared<Job>();
  job->messages = std::move(messages);
  job->fates = std::move(fates);
  job->behind = std::move(behind);
  job->done = std::move(done);
  job->ours.assign(job->messages.size(), true);
  if (state_.empty() && !flushing_) return begin(job);
  behind_.push_back(job);
  if (!flushing_) flush_state();
}

// All state that was written until now, some at a time; then what waits for it.
void Settler::flush_state() {
  if (state_.empty()) {
    for (const JobPtr& job : std::exchange(behind_, {})) begin(job);
    return;
  }
  flushing_ = true;
  const std::size_t count = std::min(state_.size(), kStateWritesMax);
  const auto end = state_.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<Write> writes(state_.begin(), end);
  state_.erase(state_.begin(), end);
  cloud_.transact(writes, [this](const Result<void>& stored) {
    flushing_ = false;
    if (stored.ok()) return flush_state();
    // The events come again and their state is written again.
    base::log::warn("state cannot be written; what it follows from is delivered again", "queue", queue_.spec.name,
                    "error", stored.error().detail);
    state_.clear();
    for (const JobPtr& job : std::exchange(behind_, {})) {
      for (MessageFate& fate : job->fates) fate.fate = Fate::release;
      job->result = base::Error{Errc::unavailable, stored.error().detail};
      tell_sqs(job);
    }
  });
}

void Settler::begin(const JobPtr& job) {
  job->open = 1;
  for (std::size_t i = 0; i < job->messages.size(); ++i) write(job, i);
  wrote(job, job->messages.size(), {});
}

void Settler::write(const JobPtr& job, std::size_t index) {
  const Held& message = job->messages[index];
  const MessageFate& fate = job->fates[index];
  const std::uint64_t now = millis(cloud_.loop().clock().wall());
  if (fate.fate == Fate::release && !fate.uncounted) return;
  ++job->open;
  if (fate.fate == Fate::release) {
    Write write{
        WriteKind::update, message_key(message.sequence, queue_.id), "SET e_ends = :ends ADD e_uncounted :one", {}, {}};
    write.values.number(":ends", now / 1'000 + kFateKeepSeconds).number(":one", 1);
    cloud_.write(write, [this, job, index](const Result<Item>& stored) {
      wrote(job, index, stored.ok() ? Result<void>() : Result<void>(stored.error()));
    });
    return;
  }
  Write update = message_write(queue_.id, message, word_of(fate.fate), fate, now);
  if (fate.fate != Fate::park && fate.fate != Fate::skip) {
    cloud_.write(update, [this, job, index](const Result<Item>& stored) {
      wrote(job, index, stored.ok() ? Result<void>() : Result<void>(stored.error()));
    });
    return;
  }
  if (fate.fate == Fate::park) {
    update.update += ", e_message = :message";
    update.values.text(":message", message.id);
  }
  std::vector<Write> writes = {std::move(update)};
  Item letter = dead_letter_key(queue_.id, message.sequence);
  letter.number("e_parked", fate.fate == Fate::park ? 1 : 0).text("e_group", message.group);
  letter.number("e_attempts", fate.attempts).text("e_class", fate.error_class).number("e_since", now);
  letter.text("e_detail", std::string_view(fate.error_detail).substr(0, kDetailMax)).text("e_handle", message.handle);
  writes.push_back({WriteKind::put, std::move(letter), {}, {}, {}});
  if (fate.fate == Fate::skip && !message.group.empty()) {
    Item gap = gap_key(queue_.id, message.group);
    gap.number("e_seq", message.sequence.value).number("e_ends", now / 1'000 + kFateKeepSeconds);
    writes.push_back({WriteKind::put, std::move(gap), {}, {}, {}});
  }
  cloud_.transact(writes, [this, job, index](const Result<void>& stored) { wrote(job, index, stored); });
}

void Settler::wrote(const JobPtr& job, std::size_t index, const Result<void>& result) {
  if (!result.ok()) {
    // Somebody else has decided, or this very write was made and its answer lost: SQS shows the message once more and
    // the table says what it is.
    job->ours[index] = false;
    const bool decided = result.error().code == Errc::conflict;
    if (!decided || job->fates[index].fate == Fate::park || job->fates[index].fate == Fate::skip)
      job->result = result.error();
  }
  if (--job->open == 0) tell_sqs(job);
}

std::int64_t Settler::hidden_left(const Held& message) const {
  const auto since = static_cast<std::int64_t>((millis(cloud_.loop().clock().wall()) - message.received_ms) / 1'000);
  return std::max<std::int64_t>(kHiddenMax - since - 10, 0);
}

void Settler::tell_sqs(const JobPtr& job) {
  std::vector<std::string> gone;
  std::vector<Cloud::Visibility> shown;
  std::vector<Cloud::Visibility> hidden;
  std::vector<Held> parked;
  for (std::size_t i = 0; i < job->messages.size(); ++i) {
    const Held& message = job->messages[i];
    const MessageFate& fate = job->fates[i];
    if (fate.fate == Fate::release) {
      shown.push_back({message.handle, 0});
    } else if (!job->ours[i]) {
      continue;
    } else if (is_deleted(fate.fate)) {
      message.handed.settled();
      if (!message.handed.deletes) gone.push_back(message.handle);
      if (message.gap.value != 0 && fate.fate != Fate::skip) {
        Write forget{WriteKind::remove, gap_key(queue_.id, message.group), {}, "e_seq = :seq", {}};
        forget.values.number(":seq", message.gap.value);
        cloud_.write(forget, [](const Result<Item>&) {});  // else the next one says so, too
      }
    } else {
      const std::int64_t left = hidden_left(message);
      if (fate.fate == Fate::park) parked.push_back(message);
      hidden.push_back({message.handle, fate.fate == Fate::park ? left : std::min(left, whole_seconds(fate.delay))});
    }
  }
  for (const std::string& handle : job->behind) shown.push_back({handle, 0});
  std::ranges::reverse(shown);
  hidden.insert(hidden.end(), shown.begin(), shown.end());
  auto then = [this, job, hidden = std::move(hidden), parked = std::move(parked)](const Result<void>& deleted) mutable {
    if (!deleted.ok()) base::log::warn("settled messages stay in SQS for now", "error", deleted.error().detail);
    cloud_.change_visibility(queue_.url, std::move(hidden),
                             [this, job, parked = std::move(parked)](const Result<void>&) mutable {
                               show_redriven(cloud_, queue_, std::move(parked),
                                             [job](const Result<void>&) { std::exchange(job->done, {})(job->result); });
                             });
  };
  cloud_.remove_messages(queue_.url, std::move(gone), std::move(then));
}

void Settler::expire(const Held& message, Cloud::Done done) {
  const std::uint64_t now = millis(cloud_.loop().clock().wall());
  cloud_.write(message_write(queue_.id, message, fate::kExpired, {}, now),
               [this, message, done = std::move(done)](const Result<Item>& stored) mutable {
                 if (!stored.ok()) return done(stored.error());
                 message.handed.settled();
                 if (message.handed.deletes) return done(Result<void>());
                 cloud_.remove_messages(queue_.url, {message.handle}, std::move(done));
               });
}

void Settler::hide_again(const Held& message, Cloud::Done done) {
  // The handle that a redrive will need; when the dead letter is gone, a redrive or a purge was quicker.
  Write write{
      WriteKind::update, dead_letter_key(queue_.id, message.sequence), "SET e_handle = :handle", "e_parked = :one", {}};
  write.values.text(":handle", message.handle).number(":one", 1);
  cloud_.write(write, [this, message, done = std::move(done)](const Result<Item>& stored) mutable {
    const bool gone = !stored.ok() && stored.error().code == Errc::conflict;
    if (gone) return cloud_.change_visibility(queue_.url, {{message.handle, 0}}, std::move(done));
    cloud_.change_visibility(queue_.url, {{message.handle, hidden_left(message)}},
                             [this, message, done = std::move(done)](const Result<void>&) mutable {
                               show_redriven(cloud_, queue_, {message}, std::move(done));
                             });
  });
}

void Settler::give_back(std::vector<std::string> handles, Cloud::Done done) {
  std::vector<Cloud::Visibility> shown;
  for (std::string& handle : handles) shown.push_back({std::move(handle), 0});
  std::ranges::reverse(shown);
  cloud_.change_visibility(queue_.url, std::move(shown), std::move(done));
}

}  // namespace trunkline::aws_engine
