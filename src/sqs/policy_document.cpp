#include "sqs/policy_document.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "json/document.hpp"
#include "json/writer.hpp"

namespace trunkline::sqs {
namespace {

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

}  // namespace

PolicyDocument::PolicyDocument(const std::string& text, const std::string& id) {
  json::Document document;
  const auto root = document.parse(text, 32);
  if (text.empty() || !root.ok()) {
    members_ = {{"Version", R"("2008-10-17")"}, {"Id", fmt::format("\"{}\"", id)}};
    return;
  }
  const auto take = [&](const json::Value& value) {
    statements_.push_back({std::string(value.string_at("Sid")), std::string(value.raw())});
  };
  for (auto member = root->first(); member; member = member->next()) {
    if (member->name() != "Statement") {
      members_.emplace_back(std::string(member->name()), std::string(member->raw()));
    } else if (member->is(json::Type::array)) {
      for (auto each = member->first(); each; each = each->next()) take(*each);
    } else {
      take(*member);
    }
  }
}

bool PolicyDocument::has(std::string_view label) const {
  return std::ranges::find(statements_, label, &Statement::label) != statements_.end();
}

void PolicyDocument::add(std::string_view service, const std::string& arn, const Permission& permission) {
  std::vector<std::string> principals;
  for (const std::string& account : permission.accounts)
    principals.push_back(fmt::format("arn:aws:iam::{}:root", account));
  std::vector<std::string> actions;
  for (const std::string& action : permission.actions) actions.push_back(fmt::format("{}:{}", service, action));
  Statement& statement = statements_.emplace_back(Statement{permission.label, {}});
  json::Writer writer(statement.text);
  writer.begin_object().member("Sid", permission.label).member("Effect", "Allow").key("Principal").begin_object();
  write_texts(writer, "AWS", principals);
  writer.end_object();
  write_texts(writer, "Action", actions);
  writer.member("Resource", arn).end_object();
}

bool PolicyDocument::remove(std::string_view label) {
  return std::erase_if(statements_, [&](const Statement& each) { return each.label == label; }) > 0;
}

std::string PolicyDocument::text() const {
  std::string out;
  json::Writer writer(out);
  writer.begin_object();
  for (const auto& [name, value] : members_) writer.key(name).raw(value);
  writer.key("Statement").begin_array();
  for (const Statement& statement : statements_) writer.raw(statement.text);
  writer.end_array().end_object();
  return out;
}

}  // namespace trunkline::sqs
