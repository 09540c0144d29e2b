#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "filter/condition.hpp"

namespace trunkline::filter {

enum class Scope : std::uint8_t { message_attributes, message_body };

// AWS's quotas of one policy (aws.md 1.6). The defaults are AWS's; unlimited() is for the embedded engine, where `plan`
// checks what AWS would refuse. Two bounds hold in every set, since the compiler and the matcher recurse: kDepthMax,
// and kRewriteMax below.
struct Limits {
  std::size_t policy_bytes_max = std::size_t{256} * 1024;
  std::size_t keys_max = 5;
  std::uint64_t complexity_max = 150;

  static constexpr Limits unlimited() { return {SIZE_MAX, SIZE_MAX, UINT64_MAX}; }
};

// Objects in objects, `$or` branches among them. Under AWS's limits a deeper policy is always too complex, since each
// level multiplies by its depth.
inline constexpr std::size_t kDepthMax = 150;
// Alternatives that a policy may expand to when it names one path twice around an `$or` (see Policy).
inline constexpr std::size_t kRewriteMax = 1000;

// Which call answers; it decides the words in front of the text.
enum class Operation : std::uint8_t { subscribe, set_subscription_attributes };

// Why a policy is refused, in AWS's words where they are recorded. Where AWS names a place in the policy, the text
// names it, too: AWS compiles the policy re-written without white space, so the line is always 1 and the column counts
// UTF-16 units in that text. Approximated: how AWS re-writes unusual escapes and number spellings (kept here as they
// stand), which of several faults is named first across the steps (here: JSON, structure and operators, nesting, keys,
// complexity), and the parser's words for faults of JSON itself other than the common ones (json_fault.hpp).
struct PolicyError {
  std::string code;          // "InvalidParameter"
  std::string text;          // "Empty arrays are not allowed\n at [Source: …; line: 1, column: 9]"
  bool about_scope = false;  // a nested policy in attribute scope: AWS answers it without "FilterPolicy: "
  // The whole message of the answer: "Invalid parameter: FilterPolicy: Empty arrays …".
  std::string message(Operation operation) const;
};

// A compiled filter policy: a tree of `all` and `any` over clauses. Immutable, cheap to copy, may be read from several
// threads.
//
// Nested objects become dotted paths, so the dotted and the nested spelling are the same policy. A path that is named
// twice in one object counts as its last spelling, and a path named both outside and inside an `$or` counts as the
// later one in the branches that name it (both as the engine does). `{}` and an empty text have no clause and accept
// everything.
class Policy {
 public:
  struct Node {
    enum class Kind : std::uint8_t { all, any, clause };
    Kind kind = Kind::all;
    std::vector<Node> children;  // all, any
    std::uint32_t clause = 0;    // into clauses()
  };

  Policy() : shared_(std::make_shared<const Shared>()) {}  // accepts everything

  // Never throws; the text may be any bytes.
  static std::variant<Policy, PolicyError> compile(std::string_view text, Scope scope, const Limits& limits = {});

  Scope scope() const { return shared_->scope; }
  const std::string& text() const { return shared_->text; }  // as given
  const Node& root() const { return shared_->root; }
  const std::vector<Clause>& clauses() const { return shared_->clauses; }
  bool accepts_everything() const { return shared_->clauses.empty(); }

  // What `plan` needs of AWS's quotas.
  std::size_t keys() const { return shared_->keys; }
  std::uint64_t complexity() const { return shared_->complexity; }  // saturates

 private:
  friend class PolicyCompiler;
  struct Shared {
    Scope scope = Scope::message_attributes;
    std::string text;
    Node root;
    std::vector<Clause> clauses;
    std::size_t keys = 0;
    std::uint64_t complexity = 1;
  };
  std::shared_ptr<const Shared> shared_;
};

}  // namespace trunkline::filter
