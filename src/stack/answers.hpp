#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

// Answers of CloudFormation, SQS and DynamoDB, read. Errc::invalid: the text is none. What comes in pages is appended, and
// the token of the next page is answered; empty: there is none.
namespace trunkline::stack {

struct StackState {
  std::string id;
  std::string status;  // "UPDATE_COMPLETE"
  std::string reason;
  std::map<std::string, std::string> parameters;
  std::map<std::string, std::string> outputs;
};
// Of DescribeStacks with a name. Nothing: it is deleted, or not there.
base::Result<std::optional<StackState>> read_stack(const std::string& body);

struct StackResource {
  std::string id;
  std::string type;
  std::string physical;  // of a queue its URL, of topics and subscriptions their ARN
  std::string status;
};
base::Result<std::string> read_resources(const std::string& body, std::vector<StackResource>& to);

struct Event {
  std::string id;
  std::string resource;  // its logical id
  std::string type;
  std::string status;  // "CREATE_COMPLETE"
  std::string reason;
};
base::Result<std::string> read_events(const std::string& body, std::vector<Event>& to);

struct Change {
  std::string action;  // "Add", "Modify", "Remove"
  std::string id;
  std::string type;
  std::string replacement;  // "True": what it holds is lost
};
base::Result<std::string> read_changes(const std::string& body, std::vector<Change>& to);

// Of GetQueueAttributes: messages that wait, are in flight or delayed.
base::Result<std::int64_t> read_messages(const std::string& body);

// Of a topic's subscriptions: by what they deliver to, their ARN.
base::Result<std::string> read_subscriptions(const std::string& body, std::map<std::string, std::string>& to);

// Entries of the engine's registry by the queue's name; the token is JSON.
struct RegistryEntry {
  std::uint32_t number = 0;
  std::string subscription;  // empty: it is not complete
};
base::Result<std::string> read_entries(std::string_view body, std::map<std::string, RegistryEntry>& to);
base::Result<std::uint32_t> read_counter(std::string_view body);
base::Result<bool> read_expires(std::string_view body);  // of DescribeTimeToLive

}  // namespace trunkline::stack
