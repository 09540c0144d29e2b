#include "tap/taps.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.hpp"

namespace trunkline::tap {
namespace {

// How soon reports and signs of life go out while no event comes.
constexpr base::Millis kTick = std::chrono::seconds(1);

}  // namespace

struct Taps::Part {
  struct Listener {
    std::uint64_t id = 0;
    std::unique_ptr<Tap> tap;
    std::shared_ptr<void> place;  // its place among taps_max; shared so that it can travel in a copyable task
    bool gone = false;
  };
  base::Loop* loop = nullptr;
  std::shared_ptr<const ConsumerNames> names = std::make_shared<ConsumerNames>();
  std::vector<Listener> listeners;
  std::uint64_t next_id = 1;
  base::Loop::TimerId timer = 0;
};

Taps::Taps(std::vector<base::Loop*> loops, Listen listen, End end, TapsOptions options)
    : listen_(std::move(listen)),
      end_(std::move(end)),
      options_(options),
      open_(std::make_shared<std::atomic<std::size_t>>(0)) {
  for (base::Loop* loop : loops) {
    parts_.push_back(std::make_unique<Part>());
    parts_.back()->loop = loop;
  }
}

Taps::~Taps() = default;

void Taps::set_names(ConsumerNames names) {
  std::ranges::sort(names, {}, [](const ConsumerName& name) { return name.queue.value; });
  const auto shared = std::make_shared<const ConsumerNames>(std::move(names));
  for (const auto& part : parts_) {
    part->loop->post([part = part.get(), shared] {
      part->names = shared;
      for (Part::Listener& listener : part->listeners) listener.tap->set_names(*shared);
    });
  }
}

base::Result<Taps::Start> Taps::open(TapOptions options, base::Loop& loop) {
  const auto found = std::ranges::find(parts_, &loop, [](const auto& part) { return part->loop; });
  TRUNKLINE_CHECK(found != parts_.end(), "a tap on a loop that the taps were not given");
  if (open_->fetch_add(1) >= options_.taps_max) {
    open_->fetch_sub(1);
    return {base::Errc::overloaded, fmt::format("{} listeners are the most; end one of them", options_.taps_max)};
  }
  std::shared_ptr<void> place(nullptr, [open = open_](void*) { open->fetch_sub(1); });
  return Start([this, part = found->get(), options = std::move(options),
                place = std::move(place)](std::shared_ptr<net::HttpStream> stream) mutable {
    start(*part, std::move(options), std::move(stream), std::move(place));
  });
}

void Taps::start(Part& part, TapOptions options, std::shared_ptr<net::HttpStream> stream, std::shared_ptr<void> place) {
  const std::uint64_t id = part.next_id++;
  stream->on_closed([this, &part, id] {
    for (Part::Listener& listener : part.listeners) listener.gone = listener.gone || listener.id == id;
    sweep(part);
  });
  if (part.listeners.empty()) listen_(*part.loop, true);
  const base::MonoTime now = part.loop->clock().mono();
  part.listeners.push_back(
      {id, std::make_unique<Tap>(std::move(options), std::move(stream), end_(), *part.names, now), std::move(place)});
  part.listeners.back().gone = !part.listeners.back().tap->flush(now);
  if (part.timer == 0) part.timer = part.loop->after(kTick, [this, &part] { tick(part); });
  sweep(part);
}

void Taps::sweep(Part& part) {
  const auto gone = std::erase_if(part.listeners, [](const Part::Listener& listener) { return listener.gone; });
  if (gone == 0 || !part.listeners.empty()) return;
  listen_(*part.loop, false);
  part.loop->cancel(std::exchange(part.timer, 0));
}

void Taps::tick(Part& part) {
  part.timer = part.loop->after(kTick, [this, &part] { tick(part); });
  const auto at = std::ranges::find(parts_, &part, [](const auto& each) { return each.get(); });
  flush(static_cast<std::size_t>(at - parts_.begin()));
}

void Taps::offer(std::size_t loop, const engine::Record& record) {
  Part& part = *parts_[loop];
  const base::MonoTime now = part.loop->clock().mono();
  for (Part::Listener& listener : part.listeners) listener.tap->offer(record, *part.names, now);
}

void Taps::flush(std::size_t loop) {
  Part& part = *parts_[loop];
  const base::MonoTime now = part.loop->clock().mono();
  for (Part::Listener& listener : part.listeners) listener.gone = !listener.tap->flush(now);
  sweep(part);
}

}  // namespace trunkline::tap
