#include "filter/explain.hpp"

#include <gtest/gtest.h>

#include "json/document.hpp"

namespace trunkline::filter {
namespace {

Policy compile(std::string_view text, Scope scope) {
  return std::get<Policy>(Policy::compile(text, scope, Limits::unlimited()));
}

TEST(Explain, names_every_clause_with_what_it_met) {
  const Policy policy =
      compile(R"({"a": ["x", {"prefix": "y"}], "$or": [{"b": [{"exists": false}]}, {"c": [5]}]})", Scope::message_body);
  const Explanation explanation = explain(policy, {{}, R"({"a":["z","yes"],"b":null,"c":[1,2]})"});
  EXPECT_EQ(to_text(explanation),
            "no  all of: 1 of 2 hold, all must\n"
            "  yes a [\"x\",{\"prefix\":\"y\"}] against \"z\", \"yes\": {\"prefix\":\"y\"} holds\n"
            "  no  any of: 0 of 2 hold, one must\n"
            "    no  all of: 0 of 1 hold, all must\n"
            "      no  b [{\"exists\":false}] against null: no value is accepted\n"
            "    no  all of: 0 of 1 hold, all must\n"
            "      no  c [5] against 1, 2: no value is accepted\n");
}

TEST(Explain, renders_as_JSON) {
  const Policy policy = compile(R"({"a":["x"]})", Scope::message_attributes);
  const std::vector<Attribute> attributes = {{"a", "String", "say \"x\""}};
  EXPECT_EQ(
      to_json(explain(policy, {attributes, {}})),
      R"({"kind":"all","holds":false,"reason":"0 of 1 hold, all must","children":[{"kind":"clause","holds":false,)"
      R"("reason":"no value is accepted","path":"a","condition":["x"],"actual":["\"say \\\"x\\\"\""],"actual_count":1}]})");
}

TEST(Explain, says_why_a_message_is_rejected_before_any_clause) {
  EXPECT_EQ(explain(compile(R"({"a":[{"exists":false}]})", Scope::message_attributes), {}).reason,
            "the message has no attributes");
  EXPECT_EQ(explain(compile(R"({"a":[{"exists":false}]})", Scope::message_body), {}).reason, "the message has no body");
  EXPECT_EQ(explain(compile(R"({"a":[{"exists":false}]})", Scope::message_body), {{}, "[]"}).reason,
            "the body is not a JSON object");
  EXPECT_EQ(explain(compile("{}", Scope::message_body), {}).reason, "the policy has no clause");
}

TEST(Explain, says_when_an_attribute_is_not_what_its_type_says) {
  const std::vector<Attribute> attributes = {{"a", "Number", "five"}};
  const Explanation explanation =
      explain(compile(R"({"a":[{"exists":true}],"b":["x","y"]})", Scope::message_attributes), {attributes, {}});
  EXPECT_EQ(explanation.children[0].reason, "the attribute's value is not what its type says");
  EXPECT_EQ(explanation.children[1].reason, "nothing is there");
}

TEST(Explain, cuts_long_values_between_characters_and_long_lists) {
  std::string body = R"({"a":[)";
  for (int i = 0; i < 40; ++i) body += "\"" + std::string(199, 'x') + "éé\",";
  body.back() = ']';
  body += "}";
  const Explanation explanation = explain(compile(R"({"a":["q","r"]})", Scope::message_body), {{}, body});
  const Explanation& clause = explanation.children.front();
  EXPECT_EQ(clause.actual.size(), kActualMax);
  EXPECT_EQ(clause.actual_count, 40u);
  EXPECT_EQ(clause.actual.front(), "\"" + std::string(199, 'x') + "\"…");
  EXPECT_EQ(clause.reason, "no value is accepted by any of the conditions");
  EXPECT_NE(to_text(explanation).find(" and 24 more: "), std::string::npos);
}

TEST(Explain, renders_the_deepest_policy) {
  std::string text;
  for (std::size_t i = 1; i < kDepthMax; ++i) text += R"({"$or":[{"a":["1"]},)";
  text += R"({"b":["2"]})";
  for (std::size_t i = 1; i < kDepthMax; ++i) text += "]}";
  const std::string json = to_json(explain(compile(text, Scope::message_body), {{}, R"({"b":"2"})"}));
  json::Document document;
  const auto parsed = document.parse(json);
  ASSERT_TRUE(parsed.ok());
  EXPECT_TRUE(parsed->find("holds")->boolean());
}

}  // namespace
}  // namespace trunkline::filter
