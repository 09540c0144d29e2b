#include "net/timer_heap.hpp"

#include <algorithm>
#include <utility>

namespace trunkline::net {
namespace {

constexpr std::size_t kCompactAbove = 64;

std::uint32_t slot_of(TimerHeap::Id id) {
  return static_cast<std::uint32_t>(id);
}
std::uint32_t generation_of(TimerHeap::Id id) {
  return static_cast<std::uint32_t>(id >> 32);
}

}  // namespace

bool TimerHeap::later(const Entry& left, const Entry& right) {
  return left.deadline != right.deadline ? left.deadline > right.deadline : left.order > right.order;
}

bool TimerHeap::is_live(Id id) const {
  const std::uint32_t slot = slot_of(id);
  return slot < slots_.size() && slots_[slot].live && slots_[slot].generation == generation_of(id);
}

TimerHeap::Id TimerHeap::add(base::MonoTime deadline, base::Task task) {
  std::uint32_t slot = 0;
  if (free_slots_.empty()) {
    slot = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  slots_[slot].task = std::move(task);
  slots_[slot].live = true;
  ++live_;
  const Id id = (static_cast<Id>(slots_[slot].generation) << 32) | slot;
  heap_.push_back({deadline, next_order_++, id});
  std::push_heap(heap_.begin(), heap_.end(), later);
  return id;
}

base::Task TimerHeap::release(Id id) {
  Slot& slot = slots_[slot_of(id)];
  base::Task task = std::move(slot.task);
  slot.live = false;
  if (++slot.generation == 0) slot.generation = 1;
  free_slots_.push_back(slot_of(id));
  --live_;
  return task;
}

void TimerHeap::cancel(Id id) {
  if (!is_live(id)) return;
  const base::Task task = release(id);
  compact_when_mostly_dead();
}

void TimerHeap::drop_dead_front() {
  while (!heap_.empty() && !is_live(heap_.front().id)) {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    heap_.pop_back();
  }
}

void TimerHeap::compact_when_mostly_dead() {
  if (heap_.size() < kCompactAbove || heap_.size() < 2 * live_) return;
  std::erase_if(heap_, [this](const Entry& entry) { return !is_live(entry.id); });
  std::make_heap(heap_.begin(), heap_.end(), later);
}

std::optional<base::MonoTime> TimerHeap::next() {
  drop_dead_front();
  if (heap_.empty()) return std::nullopt;
  return heap_.front().deadline;
}

base::Task TimerHeap::pop(base::MonoTime now) {
  drop_dead_front();
  if (heap_.empty() || heap_.front().deadline > now) return {};
  const Id id = heap_.front().id;
  std::pop_heap(heap_.begin(), heap_.end(), later);
  heap_.pop_back();
  return release(id);
}

void TimerHeap::clear() {
  while (live_ > 0) {
    for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
      if (!slots_[slot].live) continue;
      const base::Task task = release((static_cast<Id>(slots_[slot].generation) << 32) | slot);
    }
  }
  heap_.clear();
}

}  // namespace trunkline::net
