#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

// What stands in one region of an AWS account on the way of events: names and numbers are AWS's own.
namespace trunkline::account {

struct EventSource {  // a partner event source, which Genesys Cloud makes
  std::string name;   // "aws.partner/genesys.com/cloud/ORG-ID/NAME"
  std::string state;  // PENDING until a bus is made for it, ACTIVE, DELETED
};

struct Target {
  std::string id;
  std::string arn;
  std::string role_arn;         // EventBridge takes this role; empty: the target's own policy has to let it in
  std::string dead_letter_arn;  // empty: none
  std::optional<std::int64_t> retries_max;
  std::optional<std::int64_t> age_max_seconds;
  std::string message_group_id;  // of a FIFO queue
};

struct Rule {
  std::string bus;
  std::string name;
  std::string arn;
  bool enabled = true;
  std::vector<Target> targets;
  bool scheduled = false;  // by the clock: no event of anybody's is in it
};

struct Subscription {
  std::string arn;
  std::string protocol;  // "sqs", "lambda", "https"
  std::string endpoint;
  bool confirmed = true;
  std::string dead_letter_arn;

  bool for_people() const { return protocol == "email" || protocol == "email-json" || protocol == "sms"; }
};

struct Topic {
  std::string arn;
  std::string policy;          // JSON; empty: none
  bool logs_failures = false;  // delivery-status logging has a role for failures of SQS
  std::vector<Subscription> subscriptions;
};

struct Queue {
  std::string arn;
  std::string url;
  std::string policy;
  std::string dead_letter_arn;
  std::int64_t receives_max = 0;  // of the redrive policy
  std::int64_t visibility_seconds = 30;
  std::int64_t retention_seconds = 345'600;
};

struct Function {
  std::string arn;  // without version or alias
  std::int64_t timeout_seconds = 3;
  std::optional<std::int64_t> reserved_concurrency;
};

struct SourceMapping {  // a Lambda function reads a queue
  std::string id;
  std::string queue_arn;
  std::string function_arn;  // without version or alias
  std::string state;         // "Enabled", "Disabled" and what lies between
  std::int64_t window_seconds = 0;
  std::optional<std::int64_t> concurrency_max;
  bool reports_item_failures = false;
};

// A function of Lambda that a configuration of Trunkline has.
struct FunctionHere {
  std::string name;
  bool wants_minute = false;  // it is to be invoked by a schedule
  bool there = false;
  bool invoked_every_minute = false;  // an enabled rule with a schedule has it as a target, and may invoke it
};

struct Alarm {  // that has an action and is allowed to take it
  std::string metric_namespace;
  std::string metric;
  std::map<std::string, std::string> dimensions;
};

struct Account {
  std::string id;  // twelve digits
  std::string region;
  std::vector<EventSource> sources;
  std::vector<std::string> buses;  // those of Genesys, and those that were asked for
  std::vector<Rule> rules;         // of these buses
  std::vector<Topic> topics;
  std::vector<Queue> queues;
  std::vector<Function> functions;
  std::vector<SourceMapping> mappings;
  std::vector<Alarm> alarms;
  // What could not be read, in words with the permission that it takes: what it would have shown is not known.
  std::vector<std::string> unread;
  // Known from a configuration, by names: queues of which nobody expects an order, or whose reader makes it; and queues that
  // Trunkline reads.
  std::set<std::string> unordered;
  std::set<std::string> read_here;
  std::vector<FunctionHere> functions_here;

  const Topic* topic(const std::string& arn) const;
  const Queue* queue(const std::string& arn) const;
  const Function* function(const std::string& arn) const;
  bool is_own(const std::string& arn) const;  // of this region and account, so that what it names should be here
};

// The last part of an ARN: "arn:aws:sqs:eu-west-1:123456789012:crm.fifo" is "crm.fifo", a function "function:x" is "x".
std::string name_of(const std::string& arn);
// "sqs" of that.
std::string service_of(const std::string& arn);
bool is_fifo(const std::string& arn);

}  // namespace trunkline::account
