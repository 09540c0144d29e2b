// The ready mappings, by an audit written by hand after the schema of v2.audits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/canonical.hpp"
#include "json/document.hpp"
#include "mapping/cef.hpp"
#include "mapping/mapping.hpp"
#include "mapping/mapping_data.hpp"

namespace trunkline::mapping {
namespace {

using testing::HasSubstr;

constexpr Subject kAudit{"v2.audits.entitytype.OAuthClient.entityid.46a10c81",
                         "v2.audits.entitytype.{id}.entityid.{id}", "audit", false};
const std::string kEvent =
    R"({"version":"0","id":"e9938ff0","account":"111122223333","region":"us-east-1","detail":{"topicName":"v2.audits.entitytype.OAuthClient.entityid.46a10c81","eventBody":{"id":"128b506d","userId":"d7ff136e","userHomeOrgId":"23faea37","username":{"id":""},"clientId":{"id":"46a10c81"},"remoteIp":["192.0.2.7"],"serviceName":"PeoplePermissions","eventTime":"2021-05-31T09:49:25.000Z","action":"Delete","entityType":"OAuthClient","entity":{"id":"46a10c81","name":"My Client"},"propertyChanges":[{"property":"scopes","oldValues":["users"]}]},"metadata":{"CorrelationId":"8f725aa1-archival"},"timestamp":"2021-05-31T09:49:26.031Z"}})";

std::string made(const std::string& name, const std::string& event = kEvent, bool protect = false) {
  const auto compiled = Mapping::compile({protect, {"\"" + name + "\""}, "key"});
  const auto* mapping = std::get_if<std::shared_ptr<const Mapping>>(&compiled);
  if (mapping == nullptr) return std::get<Mapping::Fault>(compiled).text;
  Scratch scratch;
  auto result = (*mapping)->apply(event, kAudit, scratch);
  return result.ok() ? *result : result.error().detail;
}

std::string at(const std::string& json, std::initializer_list<const char*> path) {
  json::Document document;
  auto value = document.parse(json);
  if (!value.ok()) return "no JSON: " + json;
  std::optional<json::Value> here = *value;
  for (const char* name : path) here = here ? here->find(name) : std::nullopt;
  return here ? std::string(here->raw()) : "nothing";
}

TEST(ReadyMapping, makes_an_event_of_the_elastic_common_schema) {
  const std::string ecs = made("ecs-audit");
  EXPECT_EQ(at(ecs, {"@timestamp"}), R"("2021-05-31T09:49:25.000Z")");
  EXPECT_EQ(at(ecs, {"event", "kind"}), R"("event")");
  EXPECT_EQ(at(ecs, {"event", "action"}), R"("Delete")");
  EXPECT_EQ(at(ecs, {"event", "category"}), R"(["iam"])");
  EXPECT_EQ(at(ecs, {"event", "type"}), R"(["admin","deletion"])");
  EXPECT_EQ(at(ecs, {"event", "outcome"}), R"("unknown")");
  EXPECT_EQ(at(ecs, {"source", "ip"}), R"("192.0.2.7")");
  EXPECT_EQ(at(ecs, {"user", "id"}), R"("d7ff136e")");
  EXPECT_EQ(at(ecs, {"user", "name"}), "nothing");
  EXPECT_EQ(at(ecs, {"genesys", "audit", "changes"}), R"([{"property":"scopes","oldValues":["users"]}])");
  EXPECT_EQ(at(ecs, {"message"}), R"("Delete OAuthClient My Client")");
}

TEST(ReadyMapping, makes_a_change_of_the_common_information_model) {
  const std::string cim = made("cim-audit");
  EXPECT_EQ(at(cim, {"action"}), R"("deleted")");
  EXPECT_EQ(at(cim, {"status"}), R"("success")");
  EXPECT_EQ(at(cim, {"object"}), R"("My Client")");
  EXPECT_EQ(at(cim, {"object_category"}), R"("OAuthClient")");
  EXPECT_EQ(at(cim, {"object_attrs"}), R"(["scopes"])");
  EXPECT_EQ(at(cim, {"change_type"}), R"("AAA")");
  EXPECT_EQ(at(cim, {"vendor_product"}), R"("Genesys Cloud")");
  EXPECT_EQ(at(cim, {"src"}), R"("192.0.2.7")");
}

TEST(ReadyMapping, makes_an_ocsf_entity_management_with_all_that_is_required) {
  const std::string ocsf = made("ocsf-audit");
  EXPECT_EQ(at(ocsf, {"class_uid"}), "3004");
  EXPECT_EQ(at(ocsf, {"category_uid"}), "3");
  EXPECT_EQ(at(ocsf, {"activity_id"}), "4");
  EXPECT_EQ(at(ocsf, {"type_uid"}), "300404");
  EXPECT_EQ(at(ocsf, {"time"}), "1622454565000");
  EXPECT_EQ(at(ocsf, {"severity_id"}), "1");
  EXPECT_EQ(at(ocsf, {"metadata", "version"}), R"("1.3.0")");
  EXPECT_EQ(at(ocsf, {"metadata", "product", "vendor_name"}), R"("Genesys")");
  EXPECT_EQ(at(ocsf, {"actor", "user", "uid"}), R"("d7ff136e")");
  EXPECT_EQ(at(ocsf, {"entity", "name"}), R"("My Client")");
}

TEST(ReadyMapping, says_other_of_an_action_that_ocsf_does_not_have) {
  std::string event = kEvent;
  event.replace(event.find("Delete"), 6, "Listen to");
  const std::string ocsf = made("ocsf-audit", event);
  EXPECT_EQ(at(ocsf, {"activity_id"}), "99");
  EXPECT_EQ(at(ocsf, {"type_uid"}), "300499");
}

TEST(ReadyMapping, makes_the_fields_of_a_cef_record_and_its_line) {
  const auto line = cef_line(made("cef-audit"));
  ASSERT_TRUE(line.ok());
  EXPECT_THAT(*line, testing::StartsWith("CEF:0|Genesys|Genesys Cloud|2|OAuthClient:Delete|Delete OAuthClient|6|rt="
                                         "1622454565000 externalId=128b506d act=Delete suid=d7ff136e src=192.0.2.7 "
                                         "cs1=PeoplePermissions cs1Label=service"));
  EXPECT_THAT(*line, HasSubstr(R"(msg={"oldValues":["users"],"property":"scopes"})"));
}

TEST(ReadyMapping, escapes_cef_as_the_format_says) {
  const auto line =
      cef_line(R"({"name":"a|b\\c","severity":7,"extension":{"msg":"x=y\\z\n2","no key":1,"cn1":5,"n":null}})");
  ASSERT_TRUE(line.ok());
  EXPECT_EQ(*line, R"(CEF:0|Genesys|Genesys Cloud|2|event|a\|b\\c|7|msg=x\=y\\z\n2 cn1=5)");
  EXPECT_FALSE(cef_line("[]").ok());
  EXPECT_FALSE(cef_line("").ok());
}

TEST(ReadyMapping, sees_what_may_leave_and_nothing_else) {
  const std::string ecs = made("ecs-audit", kEvent, true);
  EXPECT_THAT(ecs,
              testing::Not(testing::AnyOf(HasSubstr("192.0.2.7"), HasSubstr("My Client"), HasSubstr("\"users\""))));
  EXPECT_EQ(at(ecs, {"source", "ip"}), "nothing") << "a hash is no address, and Elasticsearch would refuse the event";
  EXPECT_EQ(at(ecs, {"event", "action"}), R"("Delete")");
}

TEST(ReadyMapping, leaves_other_topics_as_they_are) {
  const auto compiled = Mapping::compile({false, {"\"ecs-audit\""}, "key"});
  Scratch scratch;
  const std::string event = R"({"detail":{"eventBody":{"a":1}}})";
  EXPECT_EQ(
      *std::get<std::shared_ptr<const Mapping>>(compiled)->apply(event, {"v2.x", "v2.x", "unknown", false}, scratch),
      event);
}

TEST(ReadyMapping, is_there_by_the_names_of_the_documentation) {
  std::vector<std::string_view> names;
  for (const ReadyMapping& each : kReadyMappings) names.push_back(each.name);
  EXPECT_THAT(names, testing::ElementsAre("cef-audit", "cim-audit", "ecs-audit", "ocsf-audit"));
}

// ---- templates

std::string filled(const std::string& make, const std::string& body) {
  const auto compiled = Mapping::compile({false, {"{\"make\":" + make + "}"}, "key"});
  if (const auto* fault = std::get_if<Mapping::Fault>(&compiled)) return fault->text;
  Scratch scratch;
  auto result = std::get<std::shared_ptr<const Mapping>>(compiled)->apply(R"({"detail":{"eventBody":)" + body + "}}",
                                                                          kAudit, scratch);
  return result.ok() ? *result : result.error().detail;
}

TEST(Template, leaves_out_what_has_nothing) {
  EXPECT_EQ(filled(R"({"a":{"$from":"x"},"b":{"c":{"$from":"y"}},"d":1})", R"({"x":"","y":null})"), R"({"d":1})");
  EXPECT_EQ(filled(R"({"a":{"$from":"x"}})", "{}"), "{}");
}

TEST(Template, takes_the_first_place_that_has_something_and_else_the_default) {
  EXPECT_EQ(filled(R"({"a":{"$from":["x","y"],"$default":7}})", R"({"y":2})"), R"({"a":2})");
  EXPECT_EQ(filled(R"({"a":{"$from":["x","y"],"$default":7}})", "{}"), R"({"a":7})");
}

TEST(Template, makes_lists_of_several_values) {
  EXPECT_EQ(filled(R"({"a":{"$from":"p.n"},"b":{"$from":"q","$as":"list"}})", R"({"p":[{"n":1},{"n":2}],"q":3})"),
            R"({"a":[1,2],"b":[3]})");
  EXPECT_EQ(filled(R"({"a":{"$list":[{"$from":"x"},{"$from":"y"}],"$default":["z"]}})", R"({"y":1})"), R"({"a":[1]})");
  EXPECT_EQ(filled(R"({"a":{"$list":[{"$from":"x"}],"$default":["z"]}})", "{}"), R"({"a":["z"]})");
}

TEST(Template, maps_values_and_leaves_out_what_only_does_not_name) {
  EXPECT_EQ(filled(R"({"a":{"$from":"x","$map":{"on":true}},"b":{"$from":"y","$only":{"on":1}}})",
                   R"({"x":"off","y":"off"})"),
            R"({"a":"off"})");
  EXPECT_EQ(
      filled(R"({"a":{"$from":"x","$map":{"on":true}},"b":{"$from":"y","$only":{"on":1}}})", R"({"x":"on","y":"on"})"),
      R"({"a":true,"b":1})");
}

TEST(Template, converts_as_it_is_told) {
  EXPECT_EQ(
      filled(
          R"({"a":{"$from":"t","$as":"millis"},"b":{"$from":"m","$as":"time"},"c":{"$from":"m","$as":"text"},
                      "d":{"$from":"n","$as":"integer"},"e":{"$from":"o","$as":"json"},"f":{"$from":"s","$as":"lower"},
                      "g":{"$from":"s","$as":"integer"},"h":{"$from":"s","$as":"ip"},"i":{"$from":"v6","$as":"ip"}})",
          R"({"t":"2026-03-02T14:00:00Z","m":1772460000000,"n":"42","o":{"b":1,"a":2},"s":"ABC","v6":"2001:db8::1"})"),
      R"({"a":1772460000000,"b":"2026-03-02T14:00:00.000Z","c":"1772460000000","d":42,"e":"{\"a\":2,\"b\":1}","f":"abc","i":"2001:db8::1"})");
}

TEST(Template, fills_texts) {
  EXPECT_EQ(filled(R"({"a":{"$text":"{x} by {p.n}!"},"b":{"$text":"none {z}"}})",
                   R"({"x":"made","p":[{"n":"A"},{"n":"B"}]})"),
            R"({"a":"made by A, B!"})");
}

TEST(Template, refuses_what_it_does_not_understand) {
  EXPECT_THAT(filled(R"({"a":{"$from":"**.x"}})", "{}"), HasSubstr("'**' is not for templates"));
  EXPECT_THAT(filled(R"({"a":{"$from":"x","$text":"y"}})", "{}"), HasSubstr("exactly one"));
  EXPECT_THAT(filled(R"({"a":{"$text":"{x"}})", "{}"), HasSubstr("without a '}'"));
  EXPECT_THAT(filled(R"({"a":{"$list":1}})", "{}"), HasSubstr("'$list' is a list"));
  EXPECT_THAT(filled(R"({"a":{"$from":"x","$if":1}})", "{}"), HasSubstr("'$if'"));
  EXPECT_THAT(filled(R"([1])", "{}"), HasSubstr("'make' is a map"));
}

}  // namespace
}  // namespace trunkline::mapping
