#include "source/router.hpp"

#include "event/attributes.hpp"

namespace trunkline::source {
namespace {

filter::PolicyIndex index_of(const std::vector<Subscription>& subscriptions) {
  std::vector<filter::PolicyIndex::Subscription> entries;
  entries.reserve(subscriptions.size());
  for (const Subscription& subscription : subscriptions)
    entries.push_back({subscription.queue.value, subscription.policy});
  return filter::PolicyIndex(std::move(entries));
}

}  // namespace

EventMessage::EventMessage(const event::Event& event) : event_(event) {
  for (const event::Attribute& attribute : event::attributes(event)) {
    attributes_[size_++] = {attribute.name, "String", attribute.value};
  }
}

filter::Message EventMessage::message() const {
  return {{attributes_.data(), size_}, event_.raw};
}

Router::Router(base::PolicyVersion version, std::vector<Subscription> subscriptions)
    : version_(version), subscriptions_(std::move(subscriptions)), index_(index_of(subscriptions_)) {}

void Router::route(const event::Event& event, RouterScratch& scratch, std::vector<base::QueueId>& queues) const {
  const EventMessage seen(event);
  for (const filter::PolicyIndex::Id id : index_.match(seen.message(), scratch.index)) queues.push_back({id});
}

}  // namespace trunkline::source
