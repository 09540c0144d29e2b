#include "stack/deploy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "account/answer.hpp"
#include "base/crypto.hpp"
#include "base/text.hpp"
#include "json/writer.hpp"
#include "stack/template.hpp"

// Source: CloudFormation API reference, DescribeStacks (statuses), CreateChangeSet, UpdateStack.
namespace trunkline::stack {
namespace {

using account::Parameters;
using base::Errc;
using base::Error;
using base::Result;

constexpr std::string_view kService = "cloudformation";
constexpr std::string_view kNoUpdates = "No updates are to be performed";
// Of events or resources: a stack has 500 resources at most, each with a few events.
constexpr std::size_t kPagesMax = 100;

bool says(const Error& error, std::string_view words) {
  return error.detail.find(words) != std::string::npos;
}

Parameters parameters_of(const Wanted& wanted) {
  Parameters out = {{"StackName", wanted.name}};
  if (wanted.url.empty()) {
    out.emplace_back("TemplateBody", wanted.json);
  } else {
    out.emplace_back("TemplateURL", wanted.url);
  }
  out.emplace_back("Capabilities.member.1", "CAPABILITY_IAM");
  std::size_t n = 0;
  for (const auto& [name, value] : wanted.parameters) {
    const std::string prefix = fmt::format("Parameters.member.{}.", ++n);
    out.emplace_back(prefix + "ParameterKey", name);
    out.emplace_back(prefix + "ParameterValue", value);
  }
  return out;
}

std::string object(std::string_view member, const std::string& value) {
  std::string out;
  json::Writer(out).begin_object().member(member, value).end_object();
  return out;
}

bool in_progress(const StackState& stack) {
  return stack.status.ends_with("_IN_PROGRESS") && stack.status != "REVIEW_IN_PROGRESS";
}
// Made by nobody's success: it can only be deleted. A stack in review is what a change set left.
bool is_stillborn(const StackState& stack) {
  return stack.status == "ROLLBACK_COMPLETE" || stack.status == "ROLLBACK_FAILED" || stack.status == "CREATE_FAILED" ||
         stack.status == "REVIEW_IN_PROGRESS";
}
bool is_good(const StackState& stack) {
  return stack.status == "CREATE_COMPLETE" || stack.status == "UPDATE_COMPLETE" || stack.status == "IMPORT_COMPLETE";
}

// What went wrong first; what was only cancelled since something else failed is left out.
std::string reasons(const std::vector<Event>& events) {
  std::string out;
  std::size_t count = 0;
  for (const Event& each : events) {
    if (!each.status.ends_with("_FAILED") || each.reason.find("cancelled") != std::string::npos) continue;
    if (++count > 10) return out + "\n  and more";
    out += fmt::format("\n  {} ({}): {}", each.resource, each.type, each.reason.empty() ? each.status : each.reason);
  }
  return out;
}

}  // namespace

Result<std::optional<StackState>> Deployer::find(const std::string& name) {
  const auto body = api_.query(kService, "DescribeStacks", {{"StackName", name}});
  if (!body.ok()) {
    if (body.error().code == Errc::not_found || says(body.error(), "does not exist"))
      return std::optional<StackState>();
    return body.error();
  }
  return read_stack(*body);
}

Result<std::vector<StackResource>> Deployer::resources(const std::string& name) {
  std::vector<StackResource> all;
  std::string token;
  for (std::size_t page = 0; page < kPagesMax; ++page) {
    Parameters parameters = {{"StackName", name}};
    if (!token.empty()) parameters.emplace_back("NextToken", token);
    TRUNKLINE_TRY(const std::string body, api_.query(kService, "ListStackResources", parameters));
    TRUNKLINE_TRY(token, read_resources(body, all));
    if (token.empty()) break;
  }
  return all;
}

Result<Numbers> Deployer::numbers(const std::string& name, const std::string& prefix) {
  TRUNKLINE_TRY(const auto stack, find(name));
  Numbers known;
  if (!stack || is_stillborn(*stack)) return known;
  TRUNKLINE_TRY(const auto all, resources(name));
  for (const StackResource& each : all) {
    if (each.type != "AWS::SQS::Queue" || !each.id.starts_with("Queue") || each.status == "DELETE_COMPLETE") continue;
    const std::uint32_t number = number_in(each.physical.substr(each.physical.rfind('/') + 1), prefix);
    if (number != 0) known.of.emplace(each.id, number);
  }
  if (const auto last = stack->outputs.find("LastQueueNumber"); last != stack->outputs.end())
    std::from_chars(last->second.data(), last->second.data() + last->second.size(), known.last);
  return known;
}

Result<bool> Deployer::exists(std::string_view service, std::string_view operation, std::string_view member,
                              const std::string& name) {
  const auto body = api_.json(service, operation, object(member, name));
  if (body.ok()) return true;
  if (body.error().code == Errc::not_found) return false;
  return body.error();
}

Result<std::map<std::string, std::string>> Deployer::parameters(const Spec& spec,
                                                                const std::optional<StackState>& stack) {
  std::map<std::string, std::string> out;
  const auto add = [&](const std::string& name, const auto& look) -> Result<void> {
    if (stack && !is_stillborn(*stack)) {
      if (const auto kept = stack->parameters.find(name); kept != stack->parameters.end()) {
        out.insert(*kept);
        return {};
      }
    }
    TRUNKLINE_TRY(const bool there, look());
    out.emplace(name, there ? "false" : "true");
    return {};
  };
  if (spec.engine) {
    TRUNKLINE_TRY_VOID(
        add(table_parameter(), [&] { return exists("dynamodb", "DescribeTable", "TableName", spec.table); }));
  }
  for (const Ingest& each : spec.ingests) {
    const auto bus = [&] { return exists("events", "DescribeEventBus", "Name", each.bus); };
    if (is_partner(each)) {
      TRUNKLINE_TRY_VOID(add(bus_parameter(each), bus));
      continue;
    }
    TRUNKLINE_TRY(const bool there, bus());
    if (!there)
      return {Errc::invalid,
              fmt::format("sources.{}.sqs.event_bus: there is no event bus {}: make it, or name the partner "
                          "event source of Genesys Cloud (aws.partner/genesys.com/…)",
                          each.source, each.bus)};
  }
  return out;
}

Result<std::vector<Event>> Deployer::events_after(const std::string& name, const std::string& last) {
  std::vector<Event> events;
  std::string token;
  for (std::size_t page = 0; page < kPagesMax; ++page) {
    Parameters parameters = {{"StackName", name}};
    if (!token.empty()) parameters.emplace_back("NextToken", token);
    TRUNKLINE_TRY(const std::string body, api_.query(kService, "DescribeStackEvents", parameters));
    TRUNKLINE_TRY(token, read_events(body, events));
    const auto known = std::ranges::find(events, last, &Event::id);
    if (known != events.end()) {
      events.erase(known, events.end());
      break;
    }
    if (token.empty()) break;
  }
  std::reverse(events.begin(), events.end());  // they come newest first
  return events;
}

Result<std::string> Deployer::last_event(const std::string& name) {
  TRUNKLINE_TRY(const auto events, events_after(name, {}));
  return events.empty() ? std::string() : events.back().id;
}

Result<StackState> Deployer::wait_for(const std::string& name, const std::string& last_event) {
  std::vector<Event> all;
  std::string last = last_event;
  for (base::Millis waited{0};; waited += waiting_.poll) {
    // First the state: what happened before it is among the events then.
    TRUNKLINE_TRY(const auto stack, find(name));
    const auto events = events_after(name, last);
    if (events.ok()) {
      for (const Event& each : *events) {
        told_(each);
        all.push_back(each);
        last = each.id;
      }
    } else if (stack) {
      return events.error();
    }
    if (!stack) return StackState{name, "DELETE_COMPLETE", {}, {}, {}};
    if (!in_progress(*stack)) {
      if (is_good(*stack)) return *stack;
      return {Errc::unavailable, fmt::format("stack {} is {}{}{}", name, stack->status,
                                             stack->reason.empty() ? "" : ": " + stack->reason, reasons(all))};
    }
    if (waited >= waiting_.limit)
      return {Errc::timeout,
              fmt::format("stack {} is {} after {}: CloudFormation goes on; the same command waits for it "
                          "again",
                          name, stack->status, base::format_duration(waiting_.limit))};
    waiting_.sleep(waiting_.poll);
  }
}

// As it is when nothing is under way any more, and without one that can only be deleted.
Result<std::optional<StackState>> Deployer::settled(const std::string& name) {
  TRUNKLINE_TRY(auto stack, find(name));
  for (base::Millis waited{0}; stack && in_progress(*stack); waited += waiting_.poll) {
    if (waited >= waiting_.limit)
      return {Errc::timeout, fmt::format("stack {} is {}, by somebody else", name, stack->status)};
    waiting_.sleep(waiting_.poll);
    TRUNKLINE_TRY(stack, find(name));
  }
  if (!stack || !is_stillborn(*stack)) return stack;
  TRUNKLINE_TRY_VOID(remove(name));
  return std::optional<StackState>();
}

Result<Outcome> Deployer::apply(const Wanted& wanted) {
  TRUNKLINE_TRY(const auto before, settled(wanted.name));
  Parameters parameters = parameters_of(wanted);
  // A call that is repeated since its answer was lost is the same one.
  parameters.emplace_back("ClientRequestToken", base::hex_encode(base::random_bytes(16)));
  std::string last;
  if (before) {
    TRUNKLINE_TRY(last, last_event(wanted.name));
  }
  const auto begun = api_.query(kService, before ? "UpdateStack" : "CreateStack", parameters);
  if (!begun.ok()) {
    if (before && says(begun.error(), kNoUpdates)) return Outcome::unchanged;
    return begun.error();
  }
  const auto after = wait_for(wanted.name, last);
  if (!after.ok()) return after.error();
  return before ? Outcome::updated : Outcome::created;
}

Result<bool> Deployer::change_set_made(const std::string& name, const std::string& change_set) {
  for (base::Millis waited{0}; waited < waiting_.limit; waited += waiting_.poll) {
    TRUNKLINE_TRY(const std::string body,
                  api_.query(kService, "DescribeChangeSet", {{"StackName", name}, {"ChangeSetName", change_set}}));
    TRUNKLINE_TRY(const std::string status, account::text_of(body, "Status"));
    TRUNKLINE_TRY(const std::string reason, account::text_of(body, "StatusReason"));
    if (status == "CREATE_COMPLETE") return true;
    if (status == "FAILED") {
      if (reason.find("didn't contain changes") != std::string::npos || reason.find(kNoUpdates) != std::string::npos)
        return false;
      return {Errc::invalid, fmt::format("the change set failed: {}", reason)};
    }
    waiting_.sleep(waiting_.poll);
  }
  return {Errc::timeout, "the change set is not made"};
}

Result<std::vector<Change>> Deployer::changes(const std::string& name, const std::string& change_set) {
  std::vector<Change> all;
  std::string token;
  for (std::size_t page = 0; page < kPagesMax; ++page) {
    Parameters parameters = {{"StackName", name}, {"ChangeSetName", change_set}};
    if (!token.empty()) parameters.emplace_back("NextToken", token);
    TRUNKLINE_TRY(const std::string body, api_.query(kService, "DescribeChangeSet", parameters));
    TRUNKLINE_TRY(token, read_changes(body, all));
    if (token.empty()) break;
  }
  return all;
}

Result<std::vector<Change>> Deployer::preview(const Wanted& wanted) {
  TRUNKLINE_TRY(const auto before, settled(wanted.name));
  const std::string change_set = "trunkline-" + base::hex_encode(base::random_bytes(8));
  Parameters parameters = parameters_of(wanted);
  parameters.emplace_back("ChangeSetName", change_set);
  parameters.emplace_back("ChangeSetType", before ? "UPDATE" : "CREATE");
  const auto begun = api_.query(kService, "CreateChangeSet", parameters);
  if (!begun.ok()) {
    if (says(begun.error(), kNoUpdates)) return std::vector<Change>();
    return begun.error();
  }
  const auto made = change_set_made(wanted.name, change_set);
  Result<std::vector<Change>> found = std::vector<Change>();
  if (made.ok() && *made) found = changes(wanted.name, change_set);
  // Whatever came of it, nothing is left.
  const auto removed =
      api_.query(kService, "DeleteChangeSet", {{"StackName", wanted.name}, {"ChangeSetName", change_set}});
  if (!before) {
    TRUNKLINE_TRY_VOID(remove(wanted.name));
  }
  if (!made.ok()) return made.error();
  if (!removed.ok()) return removed.error();
  return found;
}

Result<void> Deployer::remove(const std::string& name) {
  TRUNKLINE_TRY(const auto stack, find(name));
  if (!stack) return {};
  TRUNKLINE_TRY(const std::string last, last_event(stack->id));
  TRUNKLINE_TRY(const std::string body, api_.query(kService, "DeleteStack", {{"StackName", name}}));
  // By its id it can be asked for when it is gone.
  const auto after = wait_for(stack->id, last);
  return after.ok() ? Result<void>() : Result<void>(after.error());
}

Result<std::vector<std::pair<std::string, std::int64_t>>> Deployer::waiting_messages(const std::string& name) {
  TRUNKLINE_TRY(const auto all, resources(name));
  std::vector<std::pair<std::string, std::int64_t>> found;
  for (const StackResource& each : all) {
    if (each.type != "AWS::SQS::Queue" || each.status == "DELETE_COMPLETE" || each.physical.empty()) continue;
    std::string asked;
    json::Writer out(asked);
    out.begin_object().member("QueueUrl", each.physical).key("AttributeNames").begin_array().string("All");
    out.end_array().end_object();
    const auto body = api_.json("sqs", "GetQueueAttributes", asked);
    if (!body.ok() && body.error().code == Errc::not_found) continue;
    if (!body.ok()) return body.error();
    TRUNKLINE_TRY(const std::int64_t messages, read_messages(*body));
    if (messages > 0) found.emplace_back(each.physical.substr(each.physical.rfind('/') + 1), messages);
  }
  return found;
}

Result<void> Deployer::remove_table(const std::string& table) {
  const auto body = api_.json("dynamodb", "DeleteTable", object("TableName", table));
  if (!body.ok()) {
    if (body.error().code == Errc::not_found) return {};
    return body.error();
  }
  for (base::Millis waited{0}; waited < waiting_.limit; waited += waiting_.poll) {
    TRUNKLINE_TRY(const bool there, exists("dynamodb", "DescribeTable", "TableName", table));
    if (!there) return {};
    waiting_.sleep(waiting_.poll);
  }
  return {Errc::timeout, fmt::format("table {} is being deleted still", table)};
}

}  // namespace trunkline::stack
