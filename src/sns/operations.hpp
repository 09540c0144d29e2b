#pragma once

#include "sns/call.hpp"

namespace trunkline::sns {

// One function for each operation that is there. topic_operations.cpp
void create_topic(CallPtr call);
void delete_topic(CallPtr call);
void list_topics(CallPtr call);
void get_topic_attributes(CallPtr call);
void set_topic_attributes(CallPtr call);
void add_permission(CallPtr call);
void remove_permission(CallPtr call);
void tag_resource(CallPtr call);
void untag_resource(CallPtr call);
void list_tags_for_resource(CallPtr call);
// subscription_operations.cpp
void subscribe(CallPtr call);
void unsubscribe(CallPtr call);
void confirm_subscription(CallPtr call);
void list_subscriptions(CallPtr call);
void list_subscriptions_by_topic(CallPtr call);
void get_subscription_attributes(CallPtr call);
void set_subscription_attributes(CallPtr call);
// publish.cpp
void publish(CallPtr call);
void publish_batch(CallPtr call);

}  // namespace trunkline::sns
