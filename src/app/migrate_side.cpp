#include "app/migrate_side.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "app/aws_engine_options.hpp"
#include "app/from_config.hpp"
#include "migrate/aws.hpp"
#include "migrate/embedded.hpp"
#include "net/io_loop.hpp"

namespace trunkline::app {
namespace {

using base::Errc;
using base::Result;

constexpr base::Millis kNever = std::chrono::hours(24 * 365);

// A loop that the engine of a side lives on.
class SideLoop {
 public:
  SideLoop() : loop_("migrate") { loop_.start(); }
  ~SideLoop() { stop(); }
  SideLoop(const SideLoop&) = delete;
  SideLoop& operator=(const SideLoop&) = delete;
  void stop() {
    loop_.stop();
    loop_.join();
  }
  base::Loop& get() { return loop_; }

 private:
  net::IoLoop loop_;
};

class EmbeddedSide final : public MigrationSide {
 public:
  static Result<std::unique_ptr<EmbeddedSide>> open(const config::Config& config) {
    auto side = std::make_unique<EmbeddedSide>();
    queue::EmbeddedOptions options = engine_options(config);
    options.sweep_interval = kNever;  // what is settled and old must be there until it has been looked at
    TRUNKLINE_TRY(side->engine_, queue::EmbeddedEngine::open(std::move(options), {&side->loop_.get()}, side->clock_));
    side->origin_ = std::make_unique<migrate::EmbeddedOrigin>(*side->engine_, side->loop_.get());
    side->destination_ =
        std::make_unique<migrate::EmbeddedDestination>(*side->engine_, side->loop_.get(), side->clock_);
    return side;
  }
  EmbeddedSide() = default;
  ~EmbeddedSide() override {
    if (engine_) engine_->stop();
    loop_.stop();
  }
  EmbeddedSide(const EmbeddedSide&) = delete;
  EmbeddedSide& operator=(const EmbeddedSide&) = delete;

  migrate::Origin& origin() override { return *origin_; }
  migrate::Destination& destination() override { return *destination_; }
  queue::EmbeddedEngine& engine() { return *engine_; }

 private:
  migrate::AcceptanceClock clock_;
  std::unique_ptr<queue::EmbeddedEngine> engine_;
  SideLoop loop_;
  std::unique_ptr<migrate::EmbeddedOrigin> origin_;
  std::unique_ptr<migrate::EmbeddedDestination> destination_;
};

class AwsSide final : public MigrationSide {
 public:
  // `publishes`: what is in its outbox, of a run that was cut off, too.
  static Result<std::unique_ptr<AwsSide>> open(const config::Config& config, bool publishes) {
    auto side = std::make_unique<AwsSide>();
    const aws::Environment environment = aws::process_environment();
    TRUNKLINE_TRY(aws_engine::AwsOptions options, aws_engine_options(config, environment));
    options.fenced_too = true;
    if (!publishes) options.outbox.sweep_interval = kNever;
    auto opened = aws_engine::AwsEngine::open(options, {&side->loop_.get()}, environment);
    if (!opened.ok()) return explain_aws(opened.error(), options);
    side->engine_ = std::move(*opened);
    side->origin_ = std::make_unique<migrate::AwsOrigin>(*side->engine_);
    side->destination_ = std::make_unique<migrate::AwsDestination>(*side->engine_, side->loop_.get());
    return side;
  }
  AwsSide() = default;
  ~AwsSide() override {
    if (engine_) engine_->stop();
    loop_.stop();
  }
  AwsSide(const AwsSide&) = delete;
  AwsSide& operator=(const AwsSide&) = delete;

  migrate::Origin& origin() override { return *origin_; }
  migrate::Destination& destination() override { return *destination_; }

 private:
  std::unique_ptr<aws_engine::AwsEngine> engine_;
  SideLoop loop_;
  std::unique_ptr<migrate::AwsOrigin> origin_;
  std::unique_ptr<migrate::AwsDestination> destination_;
};

}  // namespace

bool is_on_aws(const config::Config& config) {
  return config.engine == config::EngineKind::aws;
}

std::string migration_name(const config::Config& config) {
  if (!is_on_aws(config)) return "the data directory " + config.data_dir;
  const auto options = aws_engine_options(config, aws::process_environment());
  return fmt::format("the table {} in {}", config.aws.table, options.ok() ? options->services.region : "AWS");
}

migrate::Limits migration_limits(const config::Config& config) {
  if (is_on_aws(config)) return migrate::AwsDestination::limits_there();
  return {};
}

Result<std::unique_ptr<MigrationSide>> open_origin(const config::Config& config) {
  if (is_on_aws(config)) {
    TRUNKLINE_TRY(auto side, AwsSide::open(config, false));
    return std::unique_ptr<MigrationSide>(std::move(side));
  }
  if (!std::filesystem::exists(std::filesystem::path(config.data_dir) / "FORMAT"))
    return {Errc::not_found, fmt::format("{} is no data directory of Trunkline", config.data_dir)};
  TRUNKLINE_TRY(auto side, EmbeddedSide::open(config));
  return std::unique_ptr<MigrationSide>(std::move(side));
}

Result<std::unique_ptr<MigrationSide>> open_destination(const config::Config& config,
                                                        const std::vector<engine::QueueSpec>& queues,
                                                        base::Sequence above) {
  if (is_on_aws(config)) {
    TRUNKLINE_TRY(auto side, AwsSide::open(config, true));
    return std::unique_ptr<MigrationSide>(std::move(side));
  }
  {
    TRUNKLINE_TRY(const auto side, EmbeddedSide::open(config));
    const auto begun = migrate::EmbeddedDestination::begin_above(side->engine(), above);
    if (!begun.ok()) return begun.error().with(migration_name(config));
  }
  {
    TRUNKLINE_TRY(const auto side, EmbeddedSide::open(config));
    TRUNKLINE_TRY_VOID(migrate::EmbeddedDestination::make_queues(side->engine(), queues));
  }
  TRUNKLINE_TRY(auto side, EmbeddedSide::open(config));
  return std::unique_ptr<MigrationSide>(std::move(side));
}

}  // namespace trunkline::app
