#include "filter/policy.hpp"

#include <map>
#include <optional>
#include <set>

#include "filter/condition_compiler.hpp"
#include "filter/json_fault.hpp"
#include "filter/policy_text.hpp"
#include "filter/rules.hpp"
#include "json/document.hpp"

namespace trunkline::filter {
namespace {

using json::Type;
using json::Value;
using Node = Policy::Node;

constexpr std::string_view kTooComplex = "Filter policy is too complex";

std::uint64_t saturating_multiply(std::uint64_t a, std::uint64_t b) {
  std::uint64_t out = 0;
  return __builtin_mul_overflow(a, b, &out) ? UINT64_MAX : out;
}

std::uint64_t saturating_add(std::uint64_t a, std::uint64_t b) {
  std::uint64_t out = 0;
  return __builtin_add_overflow(a, b, &out) ? UINT64_MAX : out;
}

bool is_or(Value value);

bool free_of_reserved_names(Value object) {
  for (auto member = object.first(); member; member = member->next()) {
    if (rules::is_reserved_inside_or(member->name())) return false;
    if (member->is(Type::object) && !free_of_reserved_names(*member)) return false;
  }
  return true;
}

// Whether the value of a key "$or" makes it the operator.
bool is_or(Value value) {
  if (!rules::malformed_or_is_a_key()) return true;
  if (!value.is(Type::array) || value.size() < 2) return false;
  for (auto branch = value.first(); branch; branch = branch->next()) {
    if (!branch->is(Type::object) || !free_of_reserved_names(*branch)) return false;
  }
  return true;
}

}  // namespace

class PolicyCompiler {
 public:
  PolicyCompiler(std::string_view text, Scope scope, const Limits& limits) : limits_(limits) {
    out_.text = std::string(text);
    out_.scope = scope;
  }

  std::variant<Policy, PolicyError> run();

 private:
  using Alternative = std::map<std::string_view, std::uint32_t>;  // path -> clause

  bool fail(std::string text, bool about_scope = false) {
    error_ = {"InvalidParameter", std::move(text), about_scope};
    return false;
  }

  bool compile();
  bool compile_root(Value root);
  // Appends to `all` what the object says; multiplies `weight` by its complexity.
  bool object(Value value, const std::string* path, std::uint64_t depth, std::size_t level, Node& all,
              std::uint64_t& weight);
  bool or_branches(Value value, const std::string* path, std::uint64_t depth, std::size_t level, Node& all,
                   std::uint64_t& weight);
  bool clause(Value array, std::string path, Node& all);
  bool check_limits();

  bool repeats_a_path(const Node& node, std::set<std::string_view>& paths) const;
  bool expand(const Node& node, std::vector<Alternative>& alternatives) const;
  bool rewrite_repeated_paths();

  const Limits& limits_;
  Policy::Shared out_;
  PolicyError error_;
  std::string compact_;
  std::optional<ConditionCompiler> conditions_;
  bool nested_ = false;
  std::size_t leaf_keys_ = 0;
};

std::variant<Policy, PolicyError> PolicyCompiler::run() {
  if (!compile()) return std::move(error_);
  Policy policy;
  policy.shared_ = std::make_shared<const Policy::Shared>(std::move(out_));
  return policy;
}

bool PolicyCompiler::compile() {
  if (out_.text.empty()) return true;
  if (out_.text.size() > limits_.policy_bytes_max) {
    return fail("Filter policy can not be larger than " + std::to_string(limits_.policy_bytes_max) + " bytes");
  }
  // Room for the arrays and operators inside the deepest object.
  constexpr std::size_t kJsonDepthMax = 3 * kDepthMax;
  json::Document given;
  const auto parsed = given.parse(out_.text, kJsonDepthMax);
  if (!parsed) {
    if (parsed.error().code == base::Errc::too_large) return fail(std::string(kTooComplex));
    return fail("failed to parse JSON. " + json_fault(out_.text, parsed.error().detail));
  }
  compact_ = compact_policy(*parsed);
  conditions_.emplace(compact_);
  json::Document compact;
  const auto root = compact.parse(compact_, kJsonDepthMax);
  TRUNKLINE_CHECK(root.ok(), "a re-written policy is JSON");
  return compile_root(*root);
}

bool PolicyCompiler::compile_root(Value root) {
  if (!root.is(Type::object)) return fail("Filter is not an object" + location_text(compact_, offset_when_met(root)));
  if (root.size() == 0) return true;
  out_.keys = root.size();
  if (!object(root, nullptr, 1, 1, out_.root, out_.complexity)) return false;
  if (rules::counts_leaf_keys()) out_.keys = leaf_keys_;
  return check_limits() && rewrite_repeated_paths();
}

bool PolicyCompiler::object(Value value, const std::string* path, std::uint64_t depth, std::size_t level, Node& all,
                            std::uint64_t& weight) {
  if (level > kDepthMax) return fail(std::string(kTooComplex));
  if (value.size() == 0) return fail("Empty objects are not allowed" + location_text(compact_, offset_behind(value)));
  for (auto member = value.first(); member; member = member->next()) {
    const std::string_view name = member->name();
    if (name == "$or" && is_or(*member)) {
      if (!or_branches(*member, path, depth, level, all, weight)) return false;
      continue;
    }
    std::string inner = path == nullptr ? std::string(name) : *path + "." + std::string(name);
    if (member->is(Type::object)) {
      nested_ = true;
      if (!object(*member, &inner, depth + 1, level + 1, all, weight)) return false;
    } else if (member->is(Type::array)) {
      if (!clause(*member, std::move(inner), all)) return false;
      weight = saturating_multiply(weight, saturating_multiply(member->size(), depth));
    } else {
      return fail("\"" + std::string(name) + "\" must be an object or an array" +
                  location_text(compact_, offset_when_met(*member)));
    }
  }
  return true;
}

bool PolicyCompiler::or_branches(Value value, const std::string* path, std::uint64_t depth, std::size_t level,
                                 Node& all, std::uint64_t& weight) {
  Node any{Node::Kind::any, {}, 0};
  std::uint64_t sum = 0;
  for (auto branch = value.first(); branch; branch = branch->next()) {
    Node inner;
    std::uint64_t branch_weight = 1;
    if (!object(*branch, path, depth, level + 1, inner, branch_weight)) return false;
    any.children.push_back(std::move(inner));
    sum = saturating_add(sum, branch_weight);
  }
  all.children.push_back(std::move(any));
  weight = saturating_multiply(weight, sum);
  return true;
}

bool PolicyCompiler::clause(Value array, std::string path, Node& all) {
  Clause clause;
  clause.path = std::move(path);
  if (!conditions_->compile(array, clause)) return fail(conditions_->error());
  all.children.push_back({Node::Kind::clause, {}, static_cast<std::uint32_t>(out_.clauses.size())});
  out_.clauses.push_back(std::move(clause));
  ++leaf_keys_;
  return true;
}

bool PolicyCompiler::check_limits() {
  if (nested_ && out_.scope == Scope::message_attributes) {
    return fail("Filter policy scope MessageAttributes does not support nested filter policy", true);
  }
  if (out_.keys > limits_.keys_max) {
    return fail("Filter policy can not have more than " + std::to_string(limits_.keys_max) + " keys");
  }
  if (out_.complexity > limits_.complexity_max) return fail(std::string(kTooComplex));
  return true;
}

// Adds the paths under `node` to `paths`. True when two of them must hold together and are the same.
bool PolicyCompiler::repeats_a_path(const Node& node, std::set<std::string_view>& paths) const {
  if (node.kind == Node::Kind::clause) return !paths.insert(out_.clauses[node.clause].path).second;
  std::set<std::string_view> below;
  for (const Node& child : node.children) {
    std::set<std::string_view> own;
    if (repeats_a_path(child, own)) return true;
    for (const std::string_view path : own) {
      if (!below.insert(path).second && node.kind == Node::Kind::all) return true;
    }
  }
  paths.merge(below);
  return false;
}

// Applies `node` to every alternative, in document order, as the engine does. False when there are too many.
bool PolicyCompiler::expand(const Node& node, std::vector<Alternative>& alternatives) const {
  if (node.kind == Node::Kind::clause) {
    for (Alternative& alternative : alternatives) alternative[out_.clauses[node.clause].path] = node.clause;
    return true;
  }
  if (node.kind == Node::Kind::all) {
    for (const Node& child : node.children) {
      if (!expand(child, alternatives)) return false;
    }
    return true;
  }
  std::vector<Alternative> forked;
  for (const Node& branch : node.children) {
    std::vector<Alternative> copy = alternatives;
    if (!expand(branch, copy) || forked.size() + copy.size() > kRewriteMax) return false;
    std::move(copy.begin(), copy.end(), std::back_inserter(forked));
  }
  alternatives = std::move(forked);
  return true;
}

bool PolicyCompiler::rewrite_repeated_paths() {
  std::set<std::string_view> paths;
  if (!repeats_a_path(out_.root, paths)) return true;
  std::vector<Alternative> alternatives(1);
  if (!expand(out_.root, alternatives)) return fail(std::string(kTooComplex));
  Node any{Node::Kind::any, {}, 0};
  for (const Alternative& alternative : alternatives) {
    Node all;
    for (const auto& [path, clause] : alternative) all.children.push_back({Node::Kind::clause, {}, clause});
    any.children.push_back(std::move(all));
  }
  out_.root = alternatives.size() == 1 ? std::move(any.children.front()) : std::move(any);
  return true;
}

std::variant<Policy, PolicyError> Policy::compile(std::string_view text, Scope scope, const Limits& limits) {
  return PolicyCompiler(text, scope, limits).run();
}

std::string PolicyError::message(Operation operation) const {
  std::string out = "Invalid parameter: ";
  if (operation == Operation::subscribe) out += "Attributes Reason: ";
  if (!about_scope) out += "FilterPolicy: ";
  return out + text;
}

}  // namespace trunkline::filter
