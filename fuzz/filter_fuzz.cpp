// Filter policies and messages from outside. The first byte chooses: bit 0 the scope, bit 1 AWS's limits or none, bit 2
// a line for answer_policy_case instead. Then the policy's text, a zero byte, and the message: the body, or in
// attribute scope lines "name<TAB>type<TAB>value".
//
// Holds: nothing crashes; the index, the plain evaluation and the explanation agree; a policy that the engine takes
// under AWS's limits it takes without them.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "base/check.hpp"
#include "filter/explain.hpp"
#include "filter/policy_case.hpp"
#include "filter/policy_index.hpp"
#include "json/document.hpp"

namespace {

using namespace trunkline::filter;

std::vector<Attribute> read_attributes(std::string_view text) {
  std::vector<Attribute> out;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::size_t first = line.find('\t');
    if (first == std::string_view::npos) continue;
    const std::size_t second = line.find('\t', first + 1);
    if (second == std::string_view::npos) continue;
    out.push_back({line.substr(0, first), line.substr(first + 1, second - first - 1), line.substr(second + 1)});
  }
  return out;
}

void check_agreement(const Policy& policy, const Message& message) {
  const bool expected = matches(policy, message);
  const Explanation explanation = explain(policy, message);
  TRUNKLINE_CHECK(explanation.holds == expected, "the explanation differs from the plain evaluation");
  trunkline::json::Document document;
  // A value that is no UTF-8 is replaced in JSON; a policy's own text is JSON and stays.
  TRUNKLINE_CHECK(document.parse(to_json(explanation)).ok(), "the explanation is no JSON");
  static_cast<void>(to_text(explanation));

  // Beside the policy others whose keys may be the same, so that the index has something to leave out.
  static const auto kOthers = [] {
    std::vector<PolicyIndex::Subscription> out;
    for (const std::string_view text :
         {R"({"a":["x"]})", R"({"a":[{"exists":false}]})", R"({"a":[{"anything-but":"x"}]})", "{}"}) {
      for (const Scope scope : {Scope::message_attributes, Scope::message_body}) {
        out.push_back({static_cast<PolicyIndex::Id>(out.size() + 1), std::get<Policy>(Policy::compile(text, scope))});
      }
    }
    return out;
  }();
  std::vector<PolicyIndex::Subscription> all = kOthers;
  all.push_back({0, policy});
  const PolicyIndex index(all);
  static PolicyIndex::Scratch scratch;  // used again for every input, as in a routing thread
  const auto found = index.match(message, scratch);
  for (const PolicyIndex::Subscription& subscription : all) {
    const bool in_index = std::find(found.begin(), found.end(), subscription.id) != found.end();
    TRUNKLINE_CHECK(in_index == matches(subscription.policy, message), "the index differs from the plain evaluation");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::uint8_t choice = data[0];
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  if ((choice & 4) != 0) {
    trunkline::json::Document document;
    TRUNKLINE_CHECK(document.parse(answer_policy_case(rest)).ok(), "an answer is JSON");
    return 0;
  }
  const Scope scope = (choice & 1) != 0 ? Scope::message_body : Scope::message_attributes;
  const std::string_view text = rest.substr(0, rest.find('\0'));
  const std::string_view given = rest.substr(std::min(rest.size(), text.size() + 1));
  const auto limited = Policy::compile(text, scope);
  const auto unlimited = Policy::compile(text, scope, Limits::unlimited());
  const bool taken = std::holds_alternative<Policy>(unlimited);
  TRUNKLINE_CHECK(taken || !std::holds_alternative<Policy>(limited), "limits made a wrong policy right");
  const auto& compiled = (choice & 2) != 0 ? unlimited : limited;
  if (const auto* error = std::get_if<PolicyError>(&compiled)) {
    TRUNKLINE_CHECK(!error->message(Operation::subscribe).empty() && error->code == "InvalidParameter",
                    "a refusal says why");
    return 0;
  }
  const std::vector<Attribute> attributes = read_attributes(given);
  check_agreement(std::get<Policy>(compiled), {attributes, given});
  return 0;
}
