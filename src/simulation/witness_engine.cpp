#include "simulation/witness_engine.hpp"

#include <memory>

namespace trunkline::simulation {

// The callback goes to a consumer, which looks whether it is still there; this object ends with it.
void WitnessEngine::receive(base::QueueId queue, const engine::ReceiveLimits& limits, engine::ReceiveCallback done) {
  engine_.receive(queue, limits,
                  [this, queue, done = std::move(done)](base::Result<std::vector<engine::Lease>> result) mutable {
                    if (result.ok()) {
                      for (const engine::Lease& lease : *result) {
                        Leased& leased = leases_[lease.id];
                        leased = {{}, engine_.loop_of(queue).clock().mono()};
                        for (const engine::LeasedMessage& message : lease.messages) {
                          const std::uint64_t sequence = message.replay ? 0 : message.record->sequence.value;
                          leased.sequences.push_back(sequence);
                          if (sequence != 0) oracle_.leased(consumer_, sequence);
                        }
                      }
                    }
                    done(std::move(result));
                  });
}

void WitnessEngine::settle(base::QueueId queue, std::uint64_t lease, std::vector<engine::MessageFate> fates,
                           engine::DoneCallback done) {
  const auto node = leases_.extract(lease);
  for (std::size_t i = 0; !node.empty() && i < fates.size() && i < node.mapped().sequences.size(); ++i) {
    const std::uint64_t sequence = node.mapped().sequences[i];
    if (sequence != 0) oracle_.settled(consumer_, sequence, fates[i], node.mapped().at);
  }
  engine_.settle(queue, lease, std::move(fates), std::move(done));
}

}  // namespace trunkline::simulation
