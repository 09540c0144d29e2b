#include "sinks/live_feed.hpp"

#include <map>
#include <utility>

#include "base/check.hpp"
#include "sinks/live_watchers.hpp"

namespace trunkline::sinks {
namespace {

// How often a reader that has not taken all is looked at again.
constexpr base::Millis kPumpEvery{50};
constexpr base::Millis kSweepEvery = std::chrono::seconds(10);
constexpr std::string_view kGreeting = "retry: 2000\n\n";
constexpr std::string_view kHeartbeat = ":\n\n";

}  // namespace

// The subscribers of one loop. Lives and dies there.
class LiveFeed::Watchers : public std::enable_shared_from_this<Watchers> {
 public:
  Watchers(base::Loop& loop, std::weak_ptr<LiveFeed> feed, const LiveOptions& options)
      : loop_(loop), feed_(std::move(feed)), options_(options) {}

  void add(std::uint64_t id, std::shared_ptr<net::HttpStream> stream, std::uint8_t parts, std::string last_event_id,
           std::shared_ptr<void> seat, const Texts& texts) {
    stream->on_closed([weak = weak_from_this(), id] {
      if (const auto self = weak.lock()) self->closed(id);
    });
    Entry& entry =
        watchers_.try_emplace(id, Watcher(std::move(stream), parts, std::move(last_event_id)), seat).first->second;
    entry.watcher.comment(kGreeting);
    entry.watcher.resume(texts);
    pump(id);
    arm();
  }
  void resume(std::uint64_t id, const Texts& texts) {
    const auto found = watchers_.find(id);
    if (found == watchers_.end()) return;
    found->second.watcher.resume(texts);
    pump(id);
    arm();
  }
  void offer(const std::array<board::SseText, board::kEverything + 1>& texts) {
    std::vector<std::uint64_t> ids;
    for (auto& [id, entry] : watchers_) {
      if (const board::SseText& text = texts[entry.watcher.parts()]) {
        entry.watcher.offer(text);
        ids.push_back(id);
      }
    }
    for (const std::uint64_t id : ids) pump(id);
    arm();
  }
  void close_all() {
    for (auto& [id, entry] : watchers_) entry.watcher.close();
    watchers_.clear();
  }

 private:
  struct Entry {
    Entry(Watcher made, std::shared_ptr<void> taken) : watcher(std::move(made)), seat(std::move(taken)) {}
    Watcher watcher;
    std::shared_ptr<void> seat;
  };

  void pump(std::uint64_t id) {
    const auto found = watchers_.find(id);
    if (found == watchers_.end()) return;
    Watcher& watcher = found->second.watcher;
    const base::MonoTime now = loop_.clock().mono();
    if (!watcher.pump(now)) return remove(id);
    if (watcher.stalled(now, options_.stalled_max)) {
      if (const auto feed = feed_.lock()) feed->cut_.fetch_add(1, std::memory_order_relaxed);
      return remove(id);
    }
    if (!watcher.wants_resume()) return;
    if (const auto feed = feed_.lock()) {
      feed->owner_.post([feed, &loop = loop_, id, parts = watcher.parts(), last = watcher.last_id()] {
        feed->resume(loop, id, parts, last);
      });
    }
  }
  // Also when the server stops: then the peer is to see a body that was finished.
  void closed(std::uint64_t id) {
    const auto found = watchers_.find(id);
    if (found != watchers_.end()) found->second.watcher.close();
    remove(id);
  }
  void remove(std::uint64_t id) {
    const auto found = watchers_.find(id);
    if (found == watchers_.end()) return;
    const std::uint8_t parts = found->second.watcher.parts();
    watchers_.erase(found);
    if (const auto feed = feed_.lock()) feed->owner_.post([feed, &loop = loop_, parts] { feed->left(loop, parts); });
  }
  void arm() {
    bool busy = false;
    for (const auto& [id, entry] : watchers_) busy = busy || entry.watcher.busy();
    if (watchers_.empty() || (timer_ != 0 && (!busy || soon_))) return;
    if (timer_ != 0) loop_.cancel(timer_);
    soon_ = busy;
    timer_ = loop_.after(busy ? kPumpEvery : options_.heartbeat, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->tick();
    });
  }
  void tick() {
    timer_ = 0;
    const base::MonoTime now = loop_.clock().mono();
    const bool beat = now - beaten_ >= options_.heartbeat;
    if (beat) beaten_ = now;
    std::vector<std::uint64_t> ids;
    for (const auto& [id, entry] : watchers_) ids.push_back(id);
    for (const std::uint64_t id : ids) {
      const auto found = watchers_.find(id);
      if (found == watchers_.end()) continue;
      if (beat && !found->second.watcher.comment(kHeartbeat)) {
        remove(id);
      } else {
        pump(id);
      }
    }
    arm();
  }

  base::Loop& loop_;
  const std::weak_ptr<LiveFeed> feed_;
  const LiveOptions options_;
  std::map<std::uint64_t, Entry> watchers_;
  base::Loop::TimerId timer_ = 0;
  bool soon_ = false;  // the timer is for a reader who has not taken all
  base::MonoTime beaten_{};
};

std::shared_ptr<LiveFeed> LiveFeed::make(LiveOptions options, base::Loop& owner,
                                         std::shared_ptr<const event::NameTable> names, std::string epoch) {
  return std::shared_ptr<LiveFeed>(new LiveFeed(options, owner, std::move(names), std::move(epoch)));
}

LiveFeed::LiveFeed(LiveOptions options, base::Loop& owner, std::shared_ptr<const event::NameTable> names,
                   std::string epoch)
    : options_(options),
      owner_(owner),
      board_(options.board, std::move(names)),
      feed_(board_, std::move(epoch)),
      seats_(std::make_shared<std::atomic<std::size_t>>(0)) {}

LiveFeed::~LiveFeed() = default;

void LiveFeed::begin() {
  board_.sweep(owner_.clock().wall());
  board_.take_changes();
  publish_sizes();
  arm_sweep();
}

void LiveFeed::changed() {
  arm_delta();
}

void LiveFeed::take_names(std::shared_ptr<const event::NameTable> names) {
  owner_.post([self = shared_from_this(), names = std::move(names)]() mutable {
    self->board_.take_names(std::move(names));
    self->changed();
  });
}

void LiveFeed::stop() {
  stopped_ = true;
  if (delta_timer_ != 0) owner_.cancel(delta_timer_);
  if (sweep_timer_ != 0) owner_.cancel(sweep_timer_);
  delta_timer_ = sweep_timer_ = 0;
  for (auto& [loop, group] : groups_) loop->post([watchers = std::move(group.watchers)] { watchers->close_all(); });
  groups_.clear();
}

void LiveFeed::arm_delta() {
  if (delta_timer_ != 0 || stopped_) return;
  delta_timer_ = owner_.after(options_.delta_every, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->delta_timer_ = 0;
    self->advance();
  });
}

void LiveFeed::arm_sweep() {
  if (stopped_) return;
  sweep_timer_ = owner_.after(kSweepEvery, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->board_.sweep(self->owner_.clock().wall());
    self->advance();
    self->arm_sweep();
  });
}

void LiveFeed::publish_sizes() {
  const board::Board::Sizes sizes = board_.sizes();
  sizes_.agents.store(sizes.agents, std::memory_order_relaxed);
  sizes_.queues.store(sizes.queues, std::memory_order_relaxed);
  sizes_.conversations.store(sizes.conversations, std::memory_order_relaxed);
  sizes_.evicted.store(sizes.evicted, std::memory_order_relaxed);
}

board::Board::Sizes LiveFeed::sizes() const {
  return {sizes_.agents.load(std::memory_order_relaxed), sizes_.queues.load(std::memory_order_relaxed),
          sizes_.conversations.load(std::memory_order_relaxed), sizes_.evicted.load(std::memory_order_relaxed)};
}

void LiveFeed::advance() {
  publish_sizes();
  if (!feed_.advance(owner_.clock().wall())) return;
  for (auto& [loop, group] : groups_) {
    std::array<board::SseText, board::kEverything + 1> texts;
    bool any = false;
    for (std::uint8_t parts = 1; parts <= board::kEverything; ++parts) {
      if (group.by_parts[parts] == 0) continue;
      texts[parts] = feed_.delta(parts);
      any = any || texts[parts];
    }
    if (any) loop->post([watchers = group.watchers, texts = std::move(texts)] { watchers->offer(texts); });
  }
}

base::Result<LiveFeed::Begin> LiveFeed::subscribe(base::Loop& loop, std::uint8_t parts, std::string last_event_id) {
  if (seats_->fetch_add(1) >= options_.subscribers_max) {
    seats_->fetch_sub(1);
    return {base::Errc::overloaded, "all places of this feed are taken"};
  }
  // Given back by whoever holds it last: the subscriber, or a response that never began.
  std::shared_ptr<void> seat(seats_.get(), [seats = seats_](void*) { seats->fetch_sub(1); });
  return Begin([self = shared_from_this(), &loop, parts, last = std::move(last_event_id),
                seat = std::move(seat)](std::shared_ptr<net::HttpStream> stream) {
    self->owner_.post([self, &loop, stream = std::move(stream), parts, last, seat]() mutable {
      self->join(loop, std::move(stream), parts, std::move(last), std::move(seat));
    });
  });
}

void LiveFeed::join(base::Loop& loop, std::shared_ptr<net::HttpStream> stream, std::uint8_t parts,
                    std::string last_event_id, std::shared_ptr<void> seat) {
  if (stopped_) {
    loop.post([stream = std::move(stream), seat = std::move(seat)] { stream->close(); });
    return;
  }
  Group& group = groups_[&loop];
  if (!group.watchers) group.watchers = std::make_shared<Watchers>(loop, weak_from_this(), options_);
  ++group.by_parts[parts];
  auto missed = feed_.since(last_event_id, parts);
  Texts texts = missed ? std::move(*missed) : Texts{feed_.snapshot(parts, owner_.clock().wall())};
  loop.post([watchers = group.watchers, id = next_watcher_.fetch_add(1), stream = std::move(stream), parts,
             last = std::move(last_event_id), seat = std::move(seat), texts = std::move(texts)]() mutable {
    watchers->add(id, std::move(stream), parts, std::move(last), std::move(seat), texts);
  });
}

void LiveFeed::resume(base::Loop& loop, std::uint64_t watcher, std::uint8_t parts, const std::string& last_event_id) {
  const auto group = groups_.find(&loop);
  if (group == groups_.end()) return;
  auto missed = feed_.since(last_event_id, parts);
  Texts texts = missed ? std::move(*missed) : Texts{feed_.snapshot(parts, owner_.clock().wall())};
  loop.post(
      [watchers = group->second.watchers, watcher, texts = std::move(texts)] { watchers->resume(watcher, texts); });
}

void LiveFeed::left(base::Loop& loop, std::uint8_t parts) {
  const auto group = groups_.find(&loop);
  if (group != groups_.end() && group->second.by_parts[parts] > 0) --group->second.by_parts[parts];
}

}  // namespace trunkline::sinks
