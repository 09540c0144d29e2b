#include "filter/policy_index.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "filter/explain.hpp"
#include "json/document.hpp"
#include "json/writer.hpp"

namespace trunkline::filter {
namespace {

// Random policies and messages from so small a vocabulary that most clauses are hit by some value and missed by most.
class Generator {
 public:
  explicit Generator(std::uint32_t seed) : random_(seed) {}

  std::size_t below(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_); }
  bool chance(int percent) { return below(100) < static_cast<std::size_t>(percent); }
  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[below(from.size())];
  }

  std::string quoted(const std::string& text) {
    std::string out;
    json::append_string(out, text);
    return out;
  }
  std::string text() { return pick(kTexts); }
  std::string number() { return pick(kNumbers); }
  std::string literal() { return pick(kLiterals); }

  std::string condition() {
    switch (below(19)) {
      case 0:
      case 1:
        return quoted(text());
      case 2:
        return number();
      case 3:
        return literal();
      case 4:
        return "{\"prefix\":" + quoted(text()) + "}";
      case 5:
        return "{\"suffix\":" + quoted(text()) + "}";
      case 6:
        return "{\"prefix\":{\"equals-ignore-case\":" + quoted(text()) + "}}";
      case 7:
        return "{\"suffix\":{\"equals-ignore-case\":" + quoted(text()) + "}}";
      case 8:
        return "{\"equals-ignore-case\":" + quoted(text()) + "}";
      case 9:
        return "{\"wildcard\":" + quoted(pick(kWildcards)) + "}";
      case 10:
        return "{\"cidr\":" + quoted(pick(kCidrs)) + "}";
      case 11:
        return chance(50) ? "{\"exists\":true}" : "{\"exists\":false}";
      case 12:
        return "{\"anything-but\":" + quoted(text()) + "}";
      case 13:
        return "{\"anything-but\":[" + quoted(text()) + "," + quoted(text()) + "]}";
      case 14:
        return "{\"anything-but\":[" + number() + "," + number() + "]}";
      case 15:
        return "{\"anything-but\":{\"prefix\":" + quoted("v" + text()) + "}}";
      case 16:
        return "{\"anything-but\":{\"wildcard\":" + quoted(pick(kWildcards)) + "}}";
      case 17:
        return "{\"numeric\":[\"" + pick(kComparisons) + "\"," + number() + "]}";
      default:
        return "{\"numeric\":[\">\"," + pick(kLow) + ",\"<=\"," + pick(kHigh) + "]}";
    }
  }

  std::string array() {
    std::string out = "[" + condition();
    while (chance(35)) out += "," + condition();
    return out + "]";
  }

  std::string object(Scope scope, int depth) {
    std::string out = "{";
    const std::size_t keys = 1 + below(3);
    for (std::size_t i = 0; i < keys; ++i) {
      if (out.size() > 1) out += ",";
      if (depth > 0 && chance(20)) {
        out += "\"$or\":[" + object(scope, depth - 1) + "," + object(scope, depth - 1) + "]";
      } else if (scope == Scope::message_body && depth > 0 && chance(25)) {
        out += quoted(pick(kKeys)) + ":" + object(scope, depth - 1);
      } else {
        out += quoted(pick(kKeys)) + ":" + array();
      }
    }
    return out + "}";
  }

  Policy policy() {
    const Scope scope = chance(50) ? Scope::message_body : Scope::message_attributes;
    const std::string text = chance(2) ? "{}" : object(scope, 2);
    std::variant<Policy, PolicyError> compiled = Policy::compile(text, scope, Limits::unlimited());
    if (auto* error = std::get_if<PolicyError>(&compiled)) ADD_FAILURE() << text << " " << error->text;
    return std::get<Policy>(std::move(compiled));
  }

  std::string scalar() { return chance(60) ? quoted(text()) : chance(70) ? number() : literal(); }
  std::string value(int depth) {
    if (depth > 0 && chance(20)) return body_object(depth - 1);
    if (depth == 0 || chance(70)) return scalar();
    std::string out = "[";
    for (std::size_t left = below(4); left > 0; --left) {
      if (out.size() > 1) out += ",";
      out += value(depth - 1);
    }
    return out + "]";
  }
  std::string body_object(int depth) {
    std::string out = "{";
    for (std::size_t left = below(5); left > 0; --left) {
      if (out.size() > 1) out += ",";
      out += quoted(pick(kKeys)) + ":" + value(depth);
    }
    return out + "}";
  }

  struct OwnedMessage {
    std::vector<std::array<std::string, 3>> strings;
    std::vector<Attribute> attributes;
    std::optional<std::string> body;
    Message view() const {
      Message out{attributes, {}};
      if (body) out.body = *body;
      return out;
    }
  };
  OwnedMessage message() {
    OwnedMessage out;
    std::set<std::string> names;
    for (std::size_t left = below(5); left > 0; --left) names.insert(pick(kKeys));
    for (const std::string& name : names) {
      switch (below(6)) {
        case 0:
          out.strings.push_back({name, "Number", chance(90) ? number() : "none"});
          break;
        case 1:
          out.strings.push_back({name, "String.Array", chance(90) ? "[" + scalar() + "," + value(1) + "]" : "nope"});
          break;
        case 2:
          out.strings.push_back({name, "Binary", "AgME"});
          break;
        default:
          out.strings.push_back({name, "String", text()});
      }
    }
    for (const auto& [name, type, text] : out.strings) out.attributes.push_back({name, type, text});
    if (chance(90)) out.body = chance(5) ? "no object" : body_object(3);
    return out;
  }

 private:
  const std::vector<std::string> kKeys = {"a", "b", "c", "a.b", "b.c", "c.a.b", "d", "$or", ""};
  const std::vector<std::string> kTexts = {
      "",    "v",        "v2",       "v2.", "v2.user", "V2.User", "v2.user.end", "end",      "É",        "é",  "abcdef",
      "bcd", "10.0.0.1", "10.1.2.3", "::1", "100",     "xuser",   "v2.end",      "user.end", "uservice", "\\", "*"};
  const std::vector<std::string> kNumbers = {"0",
                                             "1",
                                             "1.0",
                                             "100",
                                             "1e2",
                                             "-5",
                                             "0.1",
                                             "99.99",
                                             "9007199254740993",
                                             "9007199254740992",
                                             "1e30",
                                             "-1e30",
                                             "1.00000000000000000000000000001"};
  const std::vector<std::string> kLow = {"-1e31", "-5", "0"};
  const std::vector<std::string> kHigh = {"0.1", "1", "100", "9007199254740992", "1e31"};
  const std::vector<std::string> kComparisons = {"=", "<", "<=", ">", ">="};
  const std::vector<std::string> kLiterals = {"true", "false", "null"};
  const std::vector<std::string> kWildcards = {"*",        "",      "v2*",     "*end", "v*end", "*user*",
                                               "v2.*.end", "*s*e*", "abc*def", "\\*",  "a*f",   "v2"};
  const std::vector<std::string> kCidrs = {"10.0.0.0/24", "10.0.0.0/8", "::/0", "0.0.0.0/1"};
  std::mt19937 random_;
};

std::vector<PolicyIndex::Id> naive(const std::vector<PolicyIndex::Subscription>& subscriptions,
                                   const Message& message) {
  std::set<PolicyIndex::Id> ids;
  for (const PolicyIndex::Subscription& subscription : subscriptions) {
    const bool passes = matches(subscription.policy, message);
    if (passes) ids.insert(subscription.id);
    // One in four, since explaining costs the most under the sanitizers.
    if (subscription.id % 4 == 0) {
      EXPECT_EQ(explain(subscription.policy, message).holds, passes) << subscription.policy.text();
    }
  }
  return {ids.begin(), ids.end()};
}

TEST(PolicyIndex, answers_as_the_plain_evaluation_for_random_policies_and_messages) {
  constexpr std::uint32_t kSeed = 20260302;
  PolicyIndex::Scratch scratch;  // one for all indexes, as a routing thread has it
  std::size_t hits = 0;
  std::size_t policies = 0;
  for (std::uint32_t round = 0; round < 40; ++round) {
    Generator generator(kSeed + round);
    std::vector<PolicyIndex::Subscription> subscriptions;
    const std::size_t count = 1 + generator.below(150);
    for (std::size_t i = 0; i < count; ++i) {
      subscriptions.push_back({static_cast<PolicyIndex::Id>(generator.below(100)), generator.policy()});
    }
    policies += count;
    const PolicyIndex index(subscriptions);
    for (int i = 0; i < 20; ++i) {
      const Generator::OwnedMessage owned = generator.message();
      const Message message = owned.view();
      const auto found = index.match(message, scratch);
      hits += found.size();
      ASSERT_EQ(std::vector<PolicyIndex::Id>(found.begin(), found.end()), naive(subscriptions, message))
          << "seed " << kSeed + round << " body " << owned.body.value_or("none");
    }
  }
  EXPECT_GT(policies, 2000u);
  EXPECT_GT(hits, 2000u) << "the vocabulary is too large to test anything";
}

TEST(PolicyIndex, two_threads_match_on_one_index_with_a_scratch_each) {
  Generator generator(7);
  std::vector<PolicyIndex::Subscription> subscriptions;
  for (PolicyIndex::Id id = 0; id < 100; ++id) subscriptions.push_back({id, generator.policy()});
  std::vector<Generator::OwnedMessage> messages;
  for (int i = 0; i < 50; ++i) messages.push_back(generator.message());
  const PolicyIndex index(std::move(subscriptions));
  const auto run = [&](std::vector<PolicyIndex::Id>& out) {
    PolicyIndex::Scratch scratch;
    for (const auto& message : messages) {
      for (const PolicyIndex::Id id : index.match(message.view(), scratch)) out.push_back(id);
    }
  };
  std::vector<PolicyIndex::Id> one;
  std::vector<PolicyIndex::Id> two;
  std::thread thread([&] { run(one); });
  run(two);
  thread.join();
  EXPECT_FALSE(one.empty());
  EXPECT_EQ(one, two);
}

Policy compile(std::string_view text, Scope scope = Scope::message_attributes) {
  return std::get<Policy>(Policy::compile(text, scope, Limits::unlimited()));
}

TEST(PolicyIndex, of_nothing_matches_nothing) {
  PolicyIndex::Scratch scratch;
  EXPECT_TRUE(PolicyIndex().match({{}, "{}"}, scratch).empty());
}

TEST(PolicyIndex, gives_each_id_once_in_ascending_order) {
  const PolicyIndex index({{9, compile("{}")},
                           {3, compile(R"({"a":["x"]})")},
                           {9, compile(R"({"a":["x"]})")},
                           {3, compile(R"({"a":[{"prefix":"x"}]})")}});
  const std::vector<Attribute> attributes = {{"a", "String", "x"}};
  PolicyIndex::Scratch scratch;
  const auto found = index.match({attributes, {}}, scratch);
  EXPECT_EQ(std::vector<PolicyIndex::Id>(found.begin(), found.end()), (std::vector<PolicyIndex::Id>{3, 9}));
}

TEST(PolicyIndex, finds_a_wildcard_in_a_value_longer_than_it_looks_up_byte_by_byte) {
  const PolicyIndex index(
      {{1, compile(R"({"a":[{"wildcard":"*needle*end"}]})")}, {2, compile(R"({"a":[{"wildcard":"*needle*END"}]})")}});
  const std::string value = std::string(20'000, 'x') + "needle" + std::string(20'000, 'x') + "end";
  const std::vector<Attribute> attributes = {{"a", "String", value}};
  PolicyIndex::Scratch scratch;
  const auto found = index.match({attributes, {}}, scratch);
  EXPECT_EQ(std::vector<PolicyIndex::Id>(found.begin(), found.end()), (std::vector<PolicyIndex::Id>{1}));
}

TEST(PolicyIndex, a_value_that_one_branch_excludes_may_satisfy_the_other) {
  const PolicyIndex index({{1, compile(R"({"$or":[{"a":[{"anything-but":"x"}]},{"a":[{"anything-but":"y"}]}]})")},
                           {2, compile(R"({"a":[{"anything-but":"x"},{"anything-but":{"prefix":"y"}}]})")}});
  PolicyIndex::Scratch scratch;
  for (const std::string_view value : {"x", "y", "z"}) {
    const std::vector<Attribute> attributes = {{"a", "String", value}};
    EXPECT_EQ(index.match({attributes, {}}, scratch).size(), 2u) << value;
  }
}

TEST(PolicyIndex, forgets_one_message_before_the_next) {
  const PolicyIndex index({{1, compile(R"({"a":["x"]})", Scope::message_body)},
                           {2, compile(R"({"a":[{"exists":false}]})", Scope::message_body)}});
  PolicyIndex::Scratch scratch;
  const auto ids = [&](std::string_view body) {
    const auto found = index.match({{}, body}, scratch);
    return std::vector<PolicyIndex::Id>(found.begin(), found.end());
  };
  EXPECT_EQ(ids(R"({"a":"x"})"), (std::vector<PolicyIndex::Id>{1}));
  EXPECT_EQ(ids("{}"), (std::vector<PolicyIndex::Id>{2}));
  EXPECT_EQ(ids("no JSON"), (std::vector<PolicyIndex::Id>{}));
  EXPECT_EQ(ids(R"({"a":["y","x"]})"), (std::vector<PolicyIndex::Id>{1}));
}

}  // namespace
}  // namespace trunkline::filter
