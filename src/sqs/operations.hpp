#pragma once

#include "sqs/call.hpp"

namespace trunkline::sqs {

// All that the queue has. A consumer's: without CreatedTimestamp and LastModifiedTimestamp, which nobody knows; without
// RedrivePolicy, since its dead letters stand in the queue itself.
Output::Pairs attributes_of(const Call& call, const Queue& queue);

// One function for each operation that is there. queue_operations.cpp
void list_queues(CallPtr call);
void list_dead_letter_source_queues(CallPtr call);
void get_queue_url(CallPtr call);
void get_queue_attributes(CallPtr call);
void get_caller_identity(CallPtr call);
// manage.cpp
void create_queue(CallPtr call);
void delete_queue(CallPtr call);
void purge_queue(CallPtr call);
void set_queue_attributes(CallPtr call);
void add_permission(CallPtr call);
void remove_permission(CallPtr call);
void tag_queue(CallPtr call);
void untag_queue(CallPtr call);
void list_queue_tags(CallPtr call);
// move_operations.cpp
void start_message_move_task(CallPtr call);
void cancel_message_move_task(CallPtr call);
void list_message_move_tasks(CallPtr call);
// send.cpp
void send_message(CallPtr call);
void send_message_batch(CallPtr call);
// receive.cpp
void receive_message(CallPtr call);
// settle.cpp
void delete_message(CallPtr call);
void delete_message_batch(CallPtr call);
void change_message_visibility(CallPtr call);
void change_message_visibility_batch(CallPtr call);

}  // namespace trunkline::sqs
