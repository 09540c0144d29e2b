#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

// What a deployment on AWS is made of, before any of it is there.
namespace trunkline::stack {

// A queue that a rule of EventBridge fills and the hub fetches from.
struct Ingest {
  std::string source;  // its name in the configuration
  std::string queue;   // "genesys-events"
  std::string bus;     // a partner event source, "aws.partner/…", or an event bus that is there
  std::int64_t visibility_seconds = 60;
  bool function = false;  // a function of Lambda takes its events, instead of a worker or beside one
};

// The function of Lambda that delivers a consumer's queue.
struct Delivery {
  std::int64_t timeout_seconds = 30;
  std::int64_t concurrency = 16;    // most at the same time
  std::int64_t batch = 10;          // most messages of an invocation
  std::int64_t window_seconds = 0;  // how long more of them are waited for; only of a standard queue
};

// A consumer's queue behind a FIFO topic.
struct Consumer {
  std::string name;
  std::string order;         // "conversation", "agent", "queue", "topic"; "none": a standard queue
  std::uint32_t number = 0;  // part of the queue's name and what its filter policy asks for; never used again
  std::int64_t oldest_age_seconds = 900;
  std::optional<Delivery> function{};
};

// What all functions have in common.
struct Functions {
  std::string architecture = "x86_64";  // as Lambda calls it
  std::int64_t memory_mib = 256;
  std::string bucket;                                            // that their zip is in; empty: a parameter says it
  std::vector<std::pair<std::string, std::string>> environment;  // values as CloudFormation resolves them
};

struct Spec {
  std::string prefix = "trunkline";  // of the names of all but the ingest queues, which the configuration names
  std::string table = "trunkline";
  std::vector<Ingest> ingests;
  bool by_http = false;  // workers take events at their own address, so that there need be no ingest
  bool engine = true;    // false: only what feeds a hub with a store of its own; consumers are not looked at
  std::vector<Consumer> consumers;
  std::vector<std::string> alarm_topics;  // ARNs of topics that are there; empty: the stack makes one
  std::string alarm_email;                // that its topic tells; may be empty
  std::uint32_t last_number = 0;          // the highest that was ever given
  Functions functions;
};

// Of an ingest function; events are stored in a fraction of it.
inline constexpr std::int64_t kIngestTimeoutSeconds = 30;

// Everything that AWS or the engine would refuse, each as a sentence with the way out.
std::vector<std::string> problems_of(const Spec& spec);

// The numbers of an earlier deployment, by the logical id of the queue ("QueueCrm").
struct Numbers {
  std::map<std::string, std::uint32_t, std::less<>> of;
  std::uint32_t last = 0;
};
// Known consumers keep theirs, others get the next ones in their order.
void assign_numbers(Spec& spec, const Numbers& known);
// As an earlier template has them. Errc::invalid: the text is no template of this program.
base::Result<Numbers> numbers_of_template(std::string_view text);
// The number in the name of a consumer's queue: "trunkline-3-crm.fifo" is 3; 0: it is none of this prefix.
std::uint32_t number_in(std::string_view queue_name, std::string_view prefix);

// Names in AWS.
std::string queue_name(const Spec& spec, const Consumer& consumer);  // with ".fifo" where it is one
std::string net_name(const Spec& spec, const Consumer& consumer);    // its dead-letter queue, the last net
std::string topic_order(const Consumer& consumer);                   // standard queues are behind "conversation"
std::string topic_name(const Spec& spec, std::string_view order);
std::string undelivered_name(const Spec& spec);   // FIFO: what SNS could not give to a queue
std::string dead_name(const Ingest& ingest);      // what was received too often
std::string unrouted_name(const Ingest& ingest);  // what EventBridge could not give to the ingest queue
std::string rule_name(const Spec& spec, const Ingest& ingest);
// Of a function, its log and its rule of every minute.
std::string function_name(const Spec& spec, const Ingest& ingest);
std::string function_name(const Spec& spec, const Consumer& consumer);
std::vector<std::string> function_names(const Spec& spec);  // of all that there are
std::vector<std::string> orders_in_use(const Spec& spec);   // of topics, in their order of first use
inline bool is_fifo(const Consumer& consumer) {
  return consumer.order != "none";
}
inline bool is_partner(const Ingest& ingest) {
  return ingest.bus.starts_with("aws.partner/");
}
// Seconds for which a received message is not shown again: six times what a function may work on it, and the batching window
// (Lambda developer guide, "Configuring a queue to use with Lambda"). 0: none is set, since a worker says it itself.
std::int64_t visibility_seconds(const Ingest& ingest);
std::int64_t visibility_seconds(const Consumer& consumer);
// "crm-main" is "CrmMain": letters and digits, as logical ids have them.
std::string camel(std::string_view name);
std::string logical_queue(const Consumer& consumer);

}  // namespace trunkline::stack
