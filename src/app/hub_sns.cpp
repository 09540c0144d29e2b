// Topics that clients make, and what they publish to them.
#include "app/from_config.hpp"
#include "app/hub.hpp"
#include "queue/search.hpp"

namespace trunkline::app {

// Whether anybody listens for topics or not: what waits for an endpoint is delivered.
base::Result<void> Hub::open_sns(const std::vector<engine::QueueSpec>& stored) {
  sns_topics_ = std::make_unique<sns::Registry>(*engine_, *loops_[0], clock_);
  TRUNKLINE_TRY_VOID(sns_topics_->open(stored));
  sns_deliveries_ = std::make_unique<sns::HttpDeliveries>(
      *sns_topics_, *sqs_registry_, *engine_,
      [this](base::QueueId queue) -> net::IoLoop& { return io_loop(engine_->loop_of(queue)); },
      sns_http_options(config_));
  sns_deliveries_->follow();
  return {};
}

std::unique_ptr<sns::Service> Hub::make_sns(sqs::Work work) {
  const sqs::ServiceOptions like = sqs_options(config_);
  sns::ServiceOptions options;
  options.region = like.region;
  options.account = like.account;
  options.keys = like.keys;
  return std::make_unique<sns::Service>(
      *sns_topics_, *sqs_registry_, *engine_, *sns_deliveries_, *loops_[0], std::move(work),
      [this](base::Sequence sequence, base::Loop& reply_on,
             base::UniqueFunction<void(base::Result<engine::RecordPtr>)> done) {
        read_record(sequence, reply_on, std::move(done));
      },
      [this](const base::Hash128& identity) { return queue::find_identity(embedded_->store(), identity); },
      std::move(options), clock_);
}

}  // namespace trunkline::app
