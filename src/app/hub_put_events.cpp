// Events that come by EventBridge's PutEvents.
#include "app/from_config.hpp"
#include "app/hub.hpp"

namespace trunkline::app {

std::unique_ptr<put_events::Service> Hub::make_put_events() {
  const sqs::ServiceOptions like = sqs_options(config_);
  put_events::ServiceOptions options;
  options.where = {like.account, like.region};
  options.keys = like.keys;
  return std::make_unique<put_events::Service>(
      std::move(options),
      [this](std::string_view bus) { return ingest_.load(std::memory_order_acquire)->source_of_bus(bus); },
      [this](net::IoLoop& loop, std::vector<put_events::Service::Event> events,
             base::UniqueFunction<void(std::vector<std::string>)> done) {
        store_put_events(loop, std::move(events), std::move(done));
      },
      clock_);
}

// All events of one call are one atomic write, as those of a request to a source.
void Hub::store_put_events(net::IoLoop& loop, std::vector<put_events::Service::Event> events,
                           base::UniqueFunction<void(std::vector<std::string>)> done) {
  std::vector<std::string> errors(events.size());
  if (stopping_.load()) {
    errors.assign(events.size(), "the hub is stopping; send again");
    return loop.post([errors = std::move(errors), done = std::move(done)]() mutable { done(std::move(errors)); });
  }
  source::Ingest* ingest = ingest_.load(std::memory_order_acquire);
  std::vector<engine::PublishItem> items;
  std::vector<std::size_t> event_of;  // by item
  std::vector<std::string> sources;   // by event
  for (std::size_t i = 0; i < events.size(); ++i) {
    auto decoded = ingest->decode(loop, events[i].envelope, events[i].source, "application/json");
    for (engine::PublishItem& item : decoded.items) {
      items.push_back(std::move(item));
      event_of.push_back(i);
    }
    sources.push_back(std::move(events[i].source));
  }
  // Heartbeats of Genesys alone: understood, nothing to store.
  if (items.empty())
    return loop.post([errors = std::move(errors), done = std::move(done)]() mutable { done(std::move(errors)); });
  engine_->publish(std::move(items), loop,
                   [ingest, errors = std::move(errors), event_of = std::move(event_of), sources = std::move(sources),
                    done = std::move(done)](const std::vector<engine::PublishResult>& results) mutable {
                     for (std::size_t i = 0; i < event_of.size(); ++i) {
                       const bool failed = i >= results.size() || results[i].verdict == engine::PublishVerdict::failed;
                       ingest->count_fetched(sources[event_of[i]], failed ? 0 : 1, failed ? 1 : 0);
                       if (failed)
                         errors[event_of[i]] = i < results.size() && results[i].error ? results[i].error->detail
                                                                                      : "not stored; send again";
                     }
                     done(std::move(errors));
                   });
}

}  // namespace trunkline::app
