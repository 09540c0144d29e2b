#include "simulation/senders.hpp"

#include "base/check.hpp"

namespace trunkline::simulation {

void Senders::hub_is(HubProcess* hub) {
  hub_ = hub;
  if (hub != nullptr) return;
  for (auto& [id, call] : std::exchange(open_, {})) send_later(std::move(call.items));
}

void Senders::send_later(std::vector<Item> items) {
  ++waiting_;
  machine_.world.after(base::Millis(random_.between(500, 20'000)), [this, items = std::move(items)]() mutable {
    --waiting_;
    send(std::move(items));
  });
}

engine::PublishItem Senders::prepare(const Item& item, std::uint64_t& floor) {
  if (item.garbage) {
    engine::Quarantined garbage;
    garbage.received_at = machine_.timeline.clock().wall();
    garbage.source_name = "simulation";
    garbage.reason = "not_json";
    garbage.bytes = "{";
    return garbage;
  }
  auto event = hub_->decode(traffic_.bytes(item.key, item.copy));
  TRUNKLINE_CHECK(event.has_value(), "an event of the simulation does not decode");
  engine::PublishEntry entry;
  entry.routes = hub_->route(*event);
  entry.event = std::move(*event);
  entry.source_name = "simulation";
  entry.policy_version = {hub_->policy_version()};
  floor = oracle_.sending(item.key, item.copy);
  return entry;
}

void Senders::send(std::vector<Item> items) {
  if (hub_ == nullptr) return send_later(std::move(items));
  const std::uint64_t id = next_call_++;
  Call& call = open_[id];
  std::vector<engine::PublishItem> prepared;
  for (const Item& item : items) prepared.push_back(prepare(item, call.floors.emplace_back(0)));
  call.items = std::move(items);
  SimulatedLoop& loop = *machine_.loops[id % machine_.loops.size()];
  hub_->engine().publish(std::move(prepared), loop,
                         [this, id](std::vector<engine::PublishResult> results) { answered(id, std::move(results)); });
}

void Senders::answered(std::uint64_t id, std::vector<engine::PublishResult> results) {
  auto node = open_.extract(id);
  if (node.empty()) return;
  const Call& call = node.mapped();
  std::vector<Item> again;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const Item& item = call.items[i];
    if (item.garbage) {
      oracle_.garbage_answered(results[i]);
    } else {
      oracle_.answered(item.key, results[i], call.floors[i]);
    }
    if (results[i].verdict == engine::PublishVerdict::failed) again.push_back(item);
  }
  if (!again.empty()) send_later(std::move(again));
}

}  // namespace trunkline::simulation
