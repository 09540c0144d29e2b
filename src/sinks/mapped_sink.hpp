#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/loop.hpp"
#include "delivery/sink.hpp"
#include "event/enrich.hpp"
#include "mapping/mapping.hpp"

namespace trunkline::sinks {

struct MappedSinkOptions {
  using MappingPtr = std::shared_ptr<const mapping::Mapping>;
  MappingPtr mapping{};  // null: events leave as they are
  // On the loop, while it runs: what operators may not see in what the downstream says; null, or a null answer: nothing
  // but what `mapping` conceals.
  std::function<MappingPtr()> views{};
  std::shared_ptr<const event::NameTable> names{};  // what the sink may have added to an event; null: none
};

// Stands before a sink of any kind, so that what the mapping conceals never reaches it: the batch that the inner sink is
// given has mapped records, ids included. An event that cannot be mapped is not sent: alone it is rejected with the class
// "mapping", in a batch it is named as the suspect and nothing of the batch is sent. What the downstream says of an event
// (servers like to repeat what they refuse) is scrubbed of concealed values before anybody keeps or logs it.
class MappedSink final : public delivery::Sink {
 public:
  // On the loop, which outlives it.
  MappedSink(std::unique_ptr<delivery::Sink> inner, MappedSinkOptions options, base::Loop& loop);

  delivery::SinkLimits limits() const override { return inner_->limits(); }
  void send(delivery::Batch batch, base::UniqueFunction<void(delivery::BatchVerdict)> done) override;
  void rest(bool resting) override { inner_->rest(resting); }
  void probe(base::UniqueFunction<void(base::Result<std::string>)> done) override { inner_->probe(std::move(done)); }

 private:
  const std::unique_ptr<delivery::Sink> inner_;
  const MappedSinkOptions options_;
  base::Loop& loop_;
  mapping::Scratch scratch_;
};

}  // namespace trunkline::sinks
