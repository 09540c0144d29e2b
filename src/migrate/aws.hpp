#pragma once

#include <map>
#include <string>
#include <vector>

#include "aws_engine/aws_engine.hpp"
#include "migrate/destination.hpp"
#include "migrate/origin.hpp"

// A table on AWS on either side, with what stands behind it. No worker runs.
namespace trunkline::migrate {

class AwsOrigin final : public Origin {
 public:
  explicit AwsOrigin(aws_engine::AwsEngine& engine) : engine_(engine) {}

  base::Result<std::vector<OriginQueue>> queues() override;
  // By sequence: milliseconds of the workers' clocks. An event that was skipped and redriven is where it once was.
  base::Result<void> read(const Wanted& wanted, const Take& take) override;
  base::Result<std::vector<engine::Quarantined>> quarantine(engine::Page page) override;
  base::Result<void> states(const TakeState& take) override;
  base::Result<base::Sequence> highest() override;
  engine::Engine& engine() override { return engine_; }

 private:
  aws_engine::AwsEngine& engine_;
};

class AwsDestination final : public Destination {
 public:
  AwsDestination(aws_engine::AwsEngine& engine, base::Loop& loop) : Destination(engine, loop), engine_(engine) {}

  static Limits limits_there();
  Limits limits() const override { return limits_there(); }
  base::Result<void> declare(const std::vector<engine::QueueSpec>& specs) override;
  base::Result<void> finish() override;  // until the outbox is empty, half an hour at most

 protected:
  std::vector<engine::PublishResult> publish_accepted(std::vector<engine::PublishItem> items,
                                                      const std::vector<base::WallTime>& accepted_at) override;
  base::Result<void> adopt(const std::string& queue, const std::vector<engine::Adopted>& events,
                           base::Sequence through) override;
  // Each is a transaction that has ten seconds; a table that is slow, or throttled, still answers so many.
  std::size_t at_once() const override { return 32; }

 private:
  aws_engine::AwsEngine& engine_;
};

}  // namespace trunkline::migrate
