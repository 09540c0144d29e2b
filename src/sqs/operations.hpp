#pragma once

#include "sqs/call.hpp"

namespace trunkline::sqs {

// One function for each operation that is there. queue_operations.cpp
void list_queues(CallPtr call);
void get_queue_url(CallPtr call);
void get_queue_attributes(CallPtr call);
void get_caller_identity(CallPtr call);
// receive.cpp
void receive_message(CallPtr call);
// settle.cpp
void delete_message(CallPtr call);
void delete_message_batch(CallPtr call);
void change_message_visibility(CallPtr call);
void change_message_visibility_batch(CallPtr call);

}  // namespace trunkline::sqs
