#include "event/member_check.hpp"

#include "base/text.hpp"

namespace trunkline::event {

using json::Type;
using json::Value;

namespace {

std::string_view article_name(Type type) {
  switch (type) {
    case Type::object:
      return "an object";
    case Type::array:
      return "an array";
    default:
      return "a string";
  }
}

void append_listed(std::string& list, std::string_view text) {
  if (!list.empty()) list += ", ";
  list += text;
}

}  // namespace

void MemberCheck::add_wrong(std::string_view label, std::string_view what) {
  append_listed(wrong_, label);
  wrong_ += " is not ";
  wrong_ += what;
}

std::optional<Value> MemberCheck::typed(Value from, std::string_view name, std::string_view label, Type type) {
  const std::optional<Value> member = from.find(name);
  if (!member) {
    append_listed(missing_, label);
    return std::nullopt;
  }
  if (!member->is(type)) {
    add_wrong(label, article_name(type));
    return std::nullopt;
  }
  return member;
}

std::optional<Value> MemberCheck::object(Value from, std::string_view name, std::string_view label) {
  return typed(from, name, label, Type::object);
}

void MemberCheck::array(Value from, std::string_view name, std::string_view label) {
  typed(from, name, label, Type::array);
}

std::string_view MemberCheck::string(Value from, std::string_view name, std::string_view label) {
  const std::optional<Value> member = typed(from, name, label, Type::string);
  return member ? member->string() : std::string_view();
}

std::string_view MemberCheck::text(Value from, std::string_view name, std::string_view label) {
  const std::optional<Value> member = typed(from, name, label, Type::string);
  if (!member) return {};
  if (member->string().empty()) add_wrong(label, "a text, it is empty");
  return member->string();
}

void MemberCheck::digits(Value from, std::string_view name, std::string_view label) {
  const std::optional<Value> member = typed(from, name, label, Type::string);
  if (!member) return;
  const std::string_view text = member->string();
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) add_wrong(label, "digits");
}

void MemberCheck::time(Value from, std::string_view name, std::string_view label) {
  const std::optional<Value> member = typed(from, name, label, Type::string);
  if (member && !base::parse_time(member->string())) add_wrong(label, "an RFC 3339 time");
}

void MemberCheck::optional_object(Value from, std::string_view name, std::string_view label) {
  if (from.find(name)) typed(from, name, label, Type::object);
}

std::string_view MemberCheck::optional_time(Value from, std::string_view name, std::string_view label) {
  const std::optional<Value> member = from.find(name);
  if (!member) return {};
  if (!base::parse_time(member->string())) {
    add_wrong(label, "an RFC 3339 time");
    return {};
  }
  return member->string();
}

std::string MemberCheck::detail() const {
  if (missing_.empty()) return wrong_;
  return wrong_.empty() ? "missing: " + missing_ : "missing: " + missing_ + "; " + wrong_;
}

}  // namespace trunkline::event
