#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "filter/message.hpp"
#include "filter/policy.hpp"

namespace trunkline::filter {

// Many subscriptions' policies, indexed together: one pass over a message yields the subscriptions it passes to,
// exactly those for which matches() is true.
//
// Every policy is reached through the clauses that are hit least often (of an `$or`, one set of clauses per branch),
// and where these are hit often, a second set must be hit, too. So a policy costs next to nothing until a message has
// values that these clauses may accept; then it is evaluated whole. Memory is linear in the policies' text, times log n
// for ranges.
//
// Immutable after construction; match() may be called from any number of threads, each with its own Scratch.
class PolicyIndex {
 public:
  using Id = std::uint32_t;
  struct Subscription {
    Id id = 0;  // several subscriptions may share one
    Policy policy;
  };

  // The buffers of one thread. May be used with any number of indexes in turn. Once it has seen messages of a size,
  // matching such messages allocates nothing (except for a number of more than 34 significant digits).
  class Scratch {
   public:
    Scratch();
    ~Scratch();
    Scratch(Scratch&&) noexcept;
    Scratch& operator=(Scratch&&) noexcept;

   private:
    friend class PolicyIndex;
    struct Impl;
    std::unique_ptr<Impl> impl_;
  };

  PolicyIndex() : PolicyIndex(std::vector<Subscription>()) {}  // matches nothing
  explicit PolicyIndex(std::vector<Subscription> subscriptions);
  ~PolicyIndex();
  PolicyIndex(PolicyIndex&&) noexcept;
  PolicyIndex& operator=(PolicyIndex&&) noexcept;

  // Ascending, each once. Valid until the next call with this scratch.
  std::span<const Id> match(const Message& message, Scratch& scratch) const;

  std::span<const Subscription> subscriptions() const { return subscriptions_; }

 private:
  struct ScopeIndex;

  ScopeIndex& scope_of(const Policy& policy);
  void evaluate(const ScopeIndex& scope, Scratch::Impl& scratch) const;
  bool holds(const Policy::Node& node, std::uint32_t number, const Scratch::Impl& scratch) const;

  std::vector<Subscription> subscriptions_;
  std::vector<std::vector<std::uint32_t>> paths_;  // of each subscription, by clause: the path's number in its scope
  std::size_t words_ = 0;                          // of a set of subscriptions, as bits
  std::vector<Id> always_;                         // those without clauses
  std::unique_ptr<ScopeIndex> attributes_;         // null without policies of that scope
  std::unique_ptr<ScopeIndex> body_;
};

}  // namespace trunkline::filter
