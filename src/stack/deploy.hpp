#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "account/api.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "stack/answers.hpp"
#include "stack/spec.hpp"

// A stack of CloudFormation, made, changed and deleted. Everything waits: not for a loop's thread.
namespace trunkline::stack {

using Told = std::function<void(const Event&)>;  // in the order in which they happened

// Asked again every `poll` until `limit` is over; CloudFormation goes on by itself then.
struct Waiting {
  std::function<void(base::Millis)> sleep;
  base::Millis poll = std::chrono::seconds(2);
  base::Millis limit = std::chrono::minutes(60);
};

struct Wanted {
  std::string name;
  std::string json;  // the template
  std::map<std::string, std::string> parameters;
  std::string url{};  // where the template is in S3, for one that is too large for a call; empty: it goes with the call
};
enum class Outcome : std::uint8_t { created, updated, unchanged };

class Deployer {
 public:
  Deployer(account::Api& api, Waiting waiting, Told told)
      : api_(api), waiting_(std::move(waiting)), told_(std::move(told)) {}

  // Nothing: there is no such stack.
  base::Result<std::optional<StackState>> find(const std::string& name);
  base::Result<std::vector<StackResource>> resources(const std::string& name);
  // The numbers that queues have; of a stack that is not there, none.
  base::Result<Numbers> numbers(const std::string& name, const std::string& prefix);
  // What of the template's parameters to set: a table or bus that is there is not made again. A stack that is there keeps
  // what it was made with.
  base::Result<std::map<std::string, std::string>> parameters(const Spec& spec, const std::optional<StackState>& stack);

  // Makes the stack or changes it, waits for the end and tells each event. One that could not be made before is deleted
  // first. The error names each resource that failed with its reason; CloudFormation has rolled back then.
  base::Result<Outcome> apply(const Wanted& wanted);
  // What apply would do, by a change set that is deleted again.
  base::Result<std::vector<Change>> preview(const Wanted& wanted);
  // No such stack is no error.
  base::Result<void> remove(const std::string& name);

  // Queues of the stack that hold messages, with how many; approximate, as SQS counts.
  base::Result<std::vector<std::pair<std::string, std::int64_t>>> waiting_messages(const std::string& name);
  // Deletes it and waits until it is gone. No such table is no error.
  base::Result<void> remove_table(const std::string& table);

 private:
  base::Result<std::optional<StackState>> settled(const std::string& name);
  base::Result<StackState> wait_for(const std::string& name, const std::string& last_event);
  base::Result<std::vector<Event>> events_after(const std::string& name, const std::string& last);
  base::Result<std::string> last_event(const std::string& name);
  base::Result<bool> change_set_made(const std::string& name, const std::string& change_set);  // false: no changes
  base::Result<std::vector<Change>> changes(const std::string& name, const std::string& change_set);
  base::Result<bool> exists(std::string_view service, std::string_view operation, std::string_view member,
                            const std::string& name);

  account::Api& api_;
  const Waiting waiting_;
  const Told told_;
};

}  // namespace trunkline::stack
