#include "filter/policy_index.hpp"

#include <algorithm>
#include <bit>

#include "base/check.hpp"
#include "filter/access_plan.hpp"
#include "filter/path_index.hpp"
#include "filter/path_trie.hpp"

namespace trunkline::filter {
namespace {

constexpr std::int32_t kNothing = -1;
constexpr std::int32_t kMalformed = -2;  // an attribute that is not what its type says: no clause on it holds

struct Leaf {
  Scalar value;
  std::int32_t next = kNothing;  // the former one at the same path
};

// The values at one path, as a range over the chain of leaves.
class LeafRange {
 public:
  struct Iterator {
    const std::vector<Leaf>* leaves;
    std::int32_t at;
    const Scalar& operator*() const { return (*leaves)[static_cast<std::size_t>(at)].value; }
    Iterator& operator++() {
      at = (*leaves)[static_cast<std::size_t>(at)].next;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return at != other.at; }
  };
  LeafRange(const std::vector<Leaf>& leaves, std::int32_t head) : leaves_(leaves), head_(head) {}
  Iterator begin() const { return {&leaves_, head_}; }
  Iterator end() const { return {&leaves_, kNothing}; }

 private:
  const std::vector<Leaf>& leaves_;
  std::int32_t head_;
};

}  // namespace

struct PolicyIndex::ScopeIndex {
  PathTrie trie;
  std::vector<PathIndex> by_path;
  std::vector<std::uint32_t> absences;   // paths that want to know when nothing is there
  std::vector<std::uint64_t> one_cover;  // subscriptions that need no second hit
};

struct PolicyIndex::Scratch::Impl {
  json::Document body;
  std::vector<json::Document> arrays;  // one for each String.Array of a message
  std::vector<Leaf> leaves;
  std::vector<std::int32_t> heads;     // of each path: its last leaf
  std::vector<std::uint32_t> touched;  // paths whose head is set
  std::vector<std::uint64_t> candidates;
  PathIndex::Buffers buffers;
  std::vector<Id> ids;

  void make_room(std::size_t paths) {
    if (heads.size() < paths) heads.resize(paths, kNothing);
  }
  void take(std::uint32_t path, Scalar value) {
    if (heads[path] == kMalformed) return;
    if (heads[path] == kNothing) touched.push_back(path);
    leaves.push_back({std::move(value), heads[path]});
    heads[path] = static_cast<std::int32_t>(leaves.size() - 1);
  }
  void mark_malformed(std::uint32_t path) {
    if (heads[path] == kNothing) touched.push_back(path);
    heads[path] = kMalformed;
  }
  void forget() {
    for (const std::uint32_t path : touched) heads[path] = kNothing;
    touched.clear();
    leaves.clear();
  }
  void read_attributes(const Message& message, const PathTrie& trie);
  void read_object(json::Value object, const PathTrie& trie, std::uint32_t node);
  void read_value(json::Value value, const PathTrie& trie, std::uint32_t node);
};

PolicyIndex::Scratch::Scratch() : impl_(std::make_unique<Impl>()) {}
PolicyIndex::Scratch::~Scratch() = default;
PolicyIndex::Scratch::Scratch(Scratch&&) noexcept = default;
PolicyIndex::Scratch& PolicyIndex::Scratch::operator=(Scratch&&) noexcept = default;

void PolicyIndex::Scratch::Impl::read_attributes(const Message& message, const PathTrie& trie) {
  std::size_t used = 0;
  for (const Attribute& attribute : message.attributes) {
    const std::uint32_t node = trie.descend(PathTrie::kRoot, attribute.name);
    if (node == PathTrie::kNone || trie.path_at(node) == PathTrie::kNone) continue;
    const std::uint32_t path = trie.path_at(node);
    if (used == arrays.size()) arrays.emplace_back();
    if (!read_attribute(attribute, arrays[used++], [&](Scalar value) { take(path, std::move(value)); }))
      mark_malformed(path);
  }
}

void PolicyIndex::Scratch::Impl::read_object(json::Value object, const PathTrie& trie, std::uint32_t node) {
  for (auto member = object.first(); member; member = member->next()) {
    const std::uint32_t below = trie.descend(node, member->name());
    if (below != PathTrie::kNone) read_value(*member, trie, below);
  }
}

void PolicyIndex::Scratch::Impl::read_value(json::Value value, const PathTrie& trie, std::uint32_t node) {
  if (value.is(json::Type::object)) return read_object(value, trie, node);
  if (!value.is(json::Type::array)) {
    if (const std::uint32_t path = trie.path_at(node); path != PathTrie::kNone) take(path, scalar_of(value));
    return;
  }
  for (auto element = value.first(); element; element = element->next()) read_value(*element, trie, node);
}

PolicyIndex::PolicyIndex(std::vector<Subscription> subscriptions) : subscriptions_(std::move(subscriptions)) {
  TRUNKLINE_CHECK(subscriptions_.size() < UINT32_MAX / 4,
                  "subscriptions and their second covers are counted in 32 bits");
  AccessPlan plan;
  for (const Subscription& subscription : subscriptions_) plan.count(subscription.policy);
  paths_.resize(subscriptions_.size());
  words_ = (subscriptions_.size() + 63) / 64;
  // The second covers count on from where the first ones end.
  const auto second_number = [&](std::uint32_t number) { return static_cast<std::uint32_t>(64 * words_) + number; };
  std::vector<AccessPlan::Covers> covers(subscriptions_.size());
  for (std::uint32_t number = 0; number < subscriptions_.size(); ++number) {
    const Policy& policy = subscriptions_[number].policy;
    if (policy.accepts_everything()) {
      always_.push_back(subscriptions_[number].id);
      continue;
    }
    ScopeIndex& scope = scope_of(policy);
    for (const Clause& clause : policy.clauses()) paths_[number].push_back(scope.trie.add(clause.path));
    scope.by_path.resize(scope.trie.count());
    covers[number] = plan.choose(policy);
    for (const std::uint32_t clause : covers[number].first) {
      scope.by_path[paths_[number][clause]].add(policy.clauses()[clause], number);
    }
    if (covers[number].second.empty()) scope.one_cover[number / 64] |= std::uint64_t{1} << (number % 64);
  }
  // In a pass of their own, since postings are the smaller the more ascending their numbers come.
  for (std::uint32_t number = 0; number < subscriptions_.size(); ++number) {
    const Policy& policy = subscriptions_[number].policy;
    for (const std::uint32_t clause : covers[number].second) {
      scope_of(policy).by_path[paths_[number][clause]].add(policy.clauses()[clause], second_number(number));
    }
  }
  for (ScopeIndex* scope : {attributes_.get(), body_.get()}) {
    if (scope == nullptr) continue;
    for (std::uint32_t path = 0; path < scope->by_path.size(); ++path) {
      scope->by_path[path].finish();
      if (scope->by_path[path].wants_absence()) scope->absences.push_back(path);
    }
  }
}

PolicyIndex::ScopeIndex& PolicyIndex::scope_of(const Policy& policy) {
  std::unique_ptr<ScopeIndex>& scope = policy.scope() == Scope::message_body ? body_ : attributes_;
  if (!scope) {
    scope = std::make_unique<ScopeIndex>();
    scope->one_cover.resize(words_);
  }
  return *scope;
}

PolicyIndex::~PolicyIndex() = default;
PolicyIndex::PolicyIndex(PolicyIndex&&) noexcept = default;
PolicyIndex& PolicyIndex::operator=(PolicyIndex&&) noexcept = default;

std::span<const PolicyIndex::Id> PolicyIndex::match(const Message& message, Scratch& outer) const {
  Scratch::Impl& scratch = *outer.impl_;
  scratch.ids.assign(always_.begin(), always_.end());
  scratch.candidates.resize(2 * words_);
  scratch.buffers.excluded.resize(2 * words_);
  const bool rejected = message.attributes.empty() && rules::rejects_message_without_attributes();
  if (attributes_ && !rejected) {
    scratch.make_room(attributes_->trie.count());
    scratch.read_attributes(message, attributes_->trie);
    evaluate(*attributes_, scratch);
  }
  if (body_ && message.body) {
    scratch.make_room(body_->trie.count());
    const auto parsed = scratch.body.parse(*message.body);
    if (parsed && parsed->is(json::Type::object)) {
      scratch.read_object(*parsed, body_->trie, PathTrie::kRoot);
      evaluate(*body_, scratch);
    }
  }
  std::sort(scratch.ids.begin(), scratch.ids.end());
  scratch.ids.erase(std::unique(scratch.ids.begin(), scratch.ids.end()), scratch.ids.end());
  return scratch.ids;
}

void PolicyIndex::evaluate(const ScopeIndex& scope, Scratch::Impl& scratch) const {
  for (const std::uint32_t path : scratch.touched) {
    if (scratch.heads[path] == kMalformed) continue;
    bool exists = false;
    for (const Scalar& value : LeafRange(scratch.leaves, scratch.heads[path])) {
      scope.by_path[path].visit(value, scratch.candidates, scratch.buffers);
      exists = exists || counts_as_existing(value);
    }
    if (!exists) scope.by_path[path].visit_absence(scratch.candidates);
  }
  for (const std::uint32_t path : scope.absences) {
    if (scratch.heads[path] == kNothing) scope.by_path[path].visit_absence(scratch.candidates);
  }
  for (std::size_t word = 0; word < words_; ++word) {
    const std::uint64_t second = std::exchange(scratch.candidates[words_ + word], 0) | scope.one_cover[word];
    for (std::uint64_t bits = std::exchange(scratch.candidates[word], 0) & second; bits != 0; bits &= bits - 1) {
      const auto number = static_cast<std::uint32_t>(word * 64 + static_cast<std::size_t>(std::countr_zero(bits)));
      if (holds(subscriptions_[number].policy.root(), number, scratch))
        scratch.ids.push_back(subscriptions_[number].id);
    }
  }
  scratch.forget();
}

bool PolicyIndex::holds(const Policy::Node& node, std::uint32_t number, const Scratch::Impl& scratch) const {
  const auto child_holds = [&](const Policy::Node& child) { return holds(child, number, scratch); };
  switch (node.kind) {
    case Policy::Node::Kind::all:
      return std::all_of(node.children.begin(), node.children.end(), child_holds);
    case Policy::Node::Kind::any:
      return std::any_of(node.children.begin(), node.children.end(), child_holds);
    default:
      break;
  }
  const std::int32_t head = scratch.heads[paths_[number][node.clause]];
  const Clause& clause = subscriptions_[number].policy.clauses()[node.clause];
  return head != kMalformed && first_holding(clause, LeafRange(scratch.leaves, head)) != nullptr;
}

}  // namespace trunkline::filter
