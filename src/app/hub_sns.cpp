// Topics that clients make, and what they publish to them.
#include "app/from_config.hpp"
#include "app/hub.hpp"

namespace trunkline::app {

std::unique_ptr<sns::Service> Hub::make_sns(sqs::Work work) {
  const sqs::ServiceOptions like = sqs_options(config_);
  sns::ServiceOptions options;
  options.region = like.region;
  options.account = like.account;
  options.keys = like.keys;
  return std::make_unique<sns::Service>(
      *sns_topics_, *sqs_registry_, *engine_, std::move(work),
      [this](base::Sequence sequence, base::Loop& reply_on,
             base::UniqueFunction<void(base::Result<engine::RecordPtr>)> done) {
        read_record(sequence, reply_on, std::move(done));
      },
      std::move(options), clock_);
}

}  // namespace trunkline::app
