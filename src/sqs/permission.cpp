#include "sqs/permission.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "json/document.hpp"
#include "json/writer.hpp"

namespace trunkline::sqs {
namespace {

constexpr std::size_t kActionsMax = 7;     // AWS's own
constexpr std::size_t kAccountsMax = 100;  // more than the bytes of a Policy hold
constexpr std::size_t kLabelMax = 80;

// By AWS's documentation of AddPermission. Batches go with their single operation.
constexpr std::array<std::string_view, 9> kActions = {
    "*",           "ChangeMessageVisibility",    "DeleteMessage", "GetQueueAttributes",
    "GetQueueUrl", "ListDeadLetterSourceQueues", "PurgeQueue",    "ReceiveMessage",
    "SendMessage"};
constexpr std::array<std::string_view, 12> kOfOwner = {
    "AddPermission",        "CancelMessageMoveTask", "CreateQueue", "DeleteQueue",
    "ListMessageMoveTasks", "ListQueueTags",         "ListQueues",  "RemovePermission",
    "SetQueueAttributes",   "StartMessageMoveTask",  "TagQueue",    "UntagQueue"};

Fault invalid(std::string_view value, std::string_view parameter, std::string_view reason) {
  return {Code::invalid_value,
          fmt::format("Value {} for parameter {} is invalid. Reason: {}", value, parameter, reason)};
}

bool is_account(std::string_view text) {
  return text.size() == 12 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_label(std::string_view text) {
  return !text.empty() && text.size() <= kLabelMax && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

// One stands by itself, several in a list.
void write_texts(json::Writer& writer, std::string_view name, const std::vector<std::string>& texts) {
  writer.key(name);
  if (texts.size() == 1) {
    writer.string(texts[0]);
    return;
  }
  writer.begin_array();
  for (const std::string& text : texts) writer.string(text);
  writer.end_array();
}

std::string statement_of(const std::string& arn, const Permission& permission) {
  std::vector<std::string> principals;
  for (const std::string& account : permission.accounts)
    principals.push_back(fmt::format("arn:aws:iam::{}:root", account));
  std::vector<std::string> actions;
  for (const std::string& action : permission.actions) actions.push_back("SQS:" + action);
  std::string out;
  json::Writer writer(out);
  writer.begin_object().member("Sid", permission.label).member("Effect", "Allow").key("Principal").begin_object();
  write_texts(writer, "AWS", principals);
  writer.end_object();
  write_texts(writer, "Action", actions);
  writer.member("Resource", arn).end_object();
  return out;
}

struct Statement {
  std::string label;  // empty: it has none
  std::string text;
};
// A Policy as far as it is changed here: the statements, and all other members as they stand.
struct Document {
  std::vector<std::pair<std::string, std::string>> members{};
  std::vector<Statement> statements{};
};

Document read_policy(const Definition& definition, const std::string& arn) {
  Document out;
  json::Document document;
  const std::string text = definition.text("Policy");
  const auto root = document.parse(text, 32);
  if (text.empty() || !root.ok()) {
    out.members = {{"Version", R"("2008-10-17")"}, {"Id", fmt::format("\"{}/SQSDefaultPolicy\"", arn)}};
    return out;
  }
  const auto take = [&](const json::Value& value) {
    out.statements.push_back({std::string(value.string_at("Sid")), std::string(value.raw())});
  };
  for (auto member = root->first(); member; member = member->next()) {
    if (member->name() != "Statement") {
      out.members.emplace_back(std::string(member->name()), std::string(member->raw()));
    } else if (member->is(json::Type::array)) {
      for (auto each = member->first(); each; each = each->next()) take(*each);
    } else {
      take(*member);
    }
  }
  return out;
}

std::string policy_text(const Document& policy) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object();
  for (const auto& [name, value] : policy.members) writer.key(name).raw(value);
  writer.key("Statement").begin_array();
  for (const Statement& statement : policy.statements) writer.raw(statement.text);
  writer.end_array().end_object();
  return out;
}

}  // namespace

std::optional<Fault> check_permission(const Permission& permission) {
  if (permission.label.empty()) return Fault{Code::missing_parameter, "The request must contain the parameter Label."};
  if (!is_label(permission.label))
    return invalid(permission.label, "Label",
                   "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length");
  if (permission.actions.empty())
    return Fault{Code::missing_parameter, "The request must contain the parameter Actions."};
  if (permission.actions.size() > kActionsMax)
    return Fault{Code::over_limit,
                 fmt::format("{} Actions were found, maximum allowed is {}.", permission.actions.size(), kActionsMax)};
  for (const std::string& action : permission.actions) {
    if (std::ranges::find(kOfOwner, action) != kOfOwner.end())
      return invalid("SQS:" + action, "ActionName", "Only the queue owner is allowed to invoke this action.");
    if (std::ranges::find(kActions, action) == kActions.end())
      return invalid("SQS:" + action, "ActionName",
                     "Please refer to the appropriate WSDL for a list of valid actions.");
  }
  const auto& accounts = permission.accounts;
  if (accounts.empty() || accounts.size() > kAccountsMax || !std::ranges::all_of(accounts, is_account))
    return invalid(fmt::format("[{}]", fmt::join(accounts, ", ")), "PrincipalId", "Unable to verify.");
  return std::nullopt;
}

std::optional<Fault> add_permission_to(Definition& definition, const std::string& arn, const Permission& permission) {
  Document policy = read_policy(definition, arn);
  if (std::ranges::find(policy.statements, permission.label, &Statement::label) != policy.statements.end())
    return invalid(permission.label, "Label", "Already exists.");
  policy.statements.push_back({permission.label, statement_of(arn, permission)});
  return set_attributes(definition, {{"Policy", policy_text(policy)}}, false);
}

std::optional<Fault> remove_permission_from(Definition& definition, const std::string& label) {
  Document policy = read_policy(definition, {});
  const std::size_t removed =
      std::erase_if(policy.statements, [&](const Statement& each) { return each.label == label; });
  if (removed == 0) return invalid(label, "Label", "can't find label on existing policy.");
  return set_attributes(definition, {{"Policy", policy.statements.empty() ? std::string() : policy_text(policy)}},
                        false);
}

}  // namespace trunkline::sqs
