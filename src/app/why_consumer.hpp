#pragma once

#include "api/hub.hpp"
#include "api/why.hpp"

namespace trunkline::app {

// What holds of the consumer as a whole, whatever became of an event.
inline void take_consumer(api::WhyConsumer& why, const api::ConsumerInfo& consumer) {
  why.name = consumer.name;
  why.pulled = consumer.spec.pulled;
  why.paused = consumer.paused;
  why.shadow = consumer.shadow.has_value();
  if (!consumer.statistics) return;
  why.breaker = consumer.statistics->breaker;
  if (consumer.statistics->budget) why.budget_until = consumer.statistics->budget->used_up_until;
  why.breaker_since = consumer.statistics->breaker_since;
  why.last_error = consumer.statistics->last_error_class;
  if (!consumer.statistics->last_error_detail.empty()) why.last_error += ": " + consumer.statistics->last_error_detail;
}

}  // namespace trunkline::app
