// What a hub shows of the events as they are accepted.
#include <algorithm>

#include "app/from_config.hpp"
#include "app/hub.hpp"
#include "engine/sent.hpp"

namespace trunkline::app {

using base::Errc;
using base::Error;
using base::Result;

void Hub::make_taps() {
  std::vector<base::Loop*> loops;
  for (const auto& loop : loops_) loops.push_back(loop.get());
  const auto listen = [this](base::Loop& loop, bool wanted) {
    if (embedded_ == nullptr) return;  // nobody is let in
    if (!wanted) return embedded_->observe(loop, {});
    const auto same = [&](const auto& candidate) { return candidate.get() == &loop; };
    const auto at = static_cast<std::size_t>(std::ranges::find_if(loops_, same) - loops_.begin());
    embedded_->observe(loop, [this, at](const queue::TailBatch& batch) {
      for (const queue::TailEntry& entry : batch.entries) {
        // Events, not what clients send one another.
        if (!engine::is_sent(*entry.record)) taps_->offer(at, *entry.record);
      }
      taps_->flush(at);
    });
  };
  taps_ = std::make_unique<tap::Taps>(std::move(loops), listen,
                                      [this] { return embedded_ != nullptr ? embedded_->end() : base::Sequence(); });
}

void Hub::name_taps() {
  tap::ConsumerNames names;
  for (const api::ConsumerInfo& consumer : consumers()) names.push_back({consumer.queue, consumer.name});
  taps_->set_names(std::move(names));
}

Result<api::Hub::StreamStart> Hub::tap(api::TapQuery query, base::Loop& loop) {
  if (embedded_ == nullptr)
    return Error{Errc::unsupported,
                 "a worker on AWS sees a part of the events: `tap` needs a hub with a store of its "
                 "own; let a consumer with a pulled queue take what you want to look at"};
  tap::TapOptions options;
  if (!query.filter.empty()) {
    TRUNKLINE_TRY(options.policy, policy_of(query.filter, query.body_scope));
  }
  options.categories = std::move(query.categories);
  options.consumers = std::move(query.consumers);
  options.rate = query.rate;
  options.with_body = query.with_body;
  options.view = std::move(query.view);
  return taps_->open(std::move(options), loop);
}

}  // namespace trunkline::app
