#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/strong.hpp"
#include "event/event.hpp"
#include "filter/policy.hpp"
#include "filter/policy_index.hpp"

namespace trunkline::source {

struct Subscription {
  std::string consumer;
  base::QueueId queue;
  filter::Policy policy;
};

// Buffers of one loop.
struct RouterScratch {
  filter::PolicyIndex::Scratch index;
};

// Which queues get an event: all subscriptions' policies in one index. Immutable; a changed policy is a new router with
// a new version. The policies see the event's attributes (event/attributes.hpp) or, in body scope, its own bytes.
class Router {
 public:
  Router(base::PolicyVersion version, std::vector<Subscription> subscriptions);

  base::PolicyVersion version() const { return version_; }
  const std::vector<Subscription>& subscriptions() const { return subscriptions_; }
  // Appends the queues, ascending.
  void route(const event::Event& event, RouterScratch& scratch, std::vector<base::QueueId>& queues) const;

 private:
  const base::PolicyVersion version_;
  const std::vector<Subscription> subscriptions_;
  filter::PolicyIndex index_;
};

// What the filter policies see of an event; views into it.
class EventMessage {
 public:
  explicit EventMessage(const event::Event& event);
  filter::Message message() const;

 private:
  const event::Event& event_;
  std::array<filter::Attribute, 8> attributes_;  // as many as there are
  std::size_t size_ = 0;
};

}  // namespace trunkline::source
