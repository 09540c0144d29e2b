#include "sinks/template_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trunkline::sinks {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using Place = Template::Place;

const TemplateNames& names() {
  static const TemplateNames kNames{{{"host", "crm.example"}}, {{"states", {{"AVAILABLE", "1"}, {"AWAY", "2"}}}}};
  return kNames;
}

// What comes out, or the error.
std::string made(std::string_view text, std::string_view event, Place place = Place::text) {
  const auto compiled = Template::compile(text, place, names());
  if (!compiled.ok()) return "compile: " + compiled.error().detail;
  json::Document document;
  const auto parsed = document.parse(event);
  EXPECT_TRUE(parsed.ok());
  const TemplateNames::Table meta = {{"id", "evt_1"}};
  const auto out = compiled->render({*parsed, meta});
  return out.ok() ? *out : "render: " + out.error().detail;
}

TEST(Template, fills_paths_of_the_event_and_names_of_the_hub) {
  const std::string event = R"({"detail":{"list":[{"a b":"x"},{"n":1.50}]},"flag":true})";
  EXPECT_EQ(made("{{event.detail.list.0.\"a b\"}}-{{ event.detail.list.1.n }}-{{event.flag}}", event), "x-1.50-true");
  EXPECT_EQ(made("{{meta.id}}@{{vars.host}} {{\"{{\"}}", "{}"), "evt_1@crm.example {{");
  EXPECT_EQ(made("no expression } {", "{}"), "no expression } {");
}

TEST(Template, says_of_a_missing_value_which_and_where) {
  EXPECT_EQ(made("a\n b {{event.x.y}}", R"({"x":1})"), "render: line 2, column 4: event.x.y is missing");
  EXPECT_EQ(made("{{event.x}}", R"({"x":null})"), "render: line 1, column 1: event.x is missing");
  EXPECT_EQ(made("{{event.x | default:\"none\"}}", "{}"), "none");
  EXPECT_EQ(made("{{event.x | json}}", "{}"), "null");
  EXPECT_EQ(made("{{event.l.2}}", R"({"l":[1,2]})"), "render: line 1, column 1: event.l.2 is missing");
}

TEST(Template, keeps_values_inside_of_where_they_stand) {
  const std::string event = R"({"x":"a\"b\n/?&ä","o":{"k":[1]}})";
  EXPECT_EQ(made(R"({"v":"{{event.x}}"})", event, Place::json), R"({"v":"a\"b\n/?&ä"})");
  EXPECT_EQ(made(R"({"v":{{event.x | json}},"o":{{event.o}}})", event, Place::json),
            R"({"v":"a\"b\n/?&ä","o":{"k":[1]}})");
  EXPECT_EQ(made("https://h/{{event.x}}", event, Place::url), "https://h/a%22b%0A%2F%3F%26%C3%A4");
  EXPECT_EQ(made("https://h/{{event.x | urlencode}}", event, Place::url), "https://h/a%22b%0A%2F%3F%26%C3%A4");
  EXPECT_THAT(made("{{event.x | raw}}", event, Place::header), HasSubstr("control character"));
  EXPECT_EQ(made("https://{{vars.host}}/a/b", event, Place::url), "https://crm.example/a/b");
}

TEST(Template, filters_one_behind_the_other) {
  EXPECT_EQ(made("{{event.s | lower}} {{event.s | upper | truncate:3}}", R"({"s":"AbCdä"})"), "abcdä ABC");
  EXPECT_EQ(made("{{event.s | truncate:2}}", R"({"s":"äöü"})"), "äö");
  EXPECT_EQ(made("{{event.s | map:\"states\"}}", R"({"s":"AWAY"})"), "2");
  EXPECT_EQ(made("{{event.s | map:\"states\" | default:\"0\"}}", R"({"s":"BUSY"})"), "0");
  EXPECT_EQ(made("{{event.t | date:\"iso\"}} {{event.t | date:\"date\"}} {{event.t | date:\"epoch\"}}",
                 R"({"t":1772460000123})"),
            "2026-03-02T14:00:00.123Z 2026-03-02 1772460000");
  EXPECT_EQ(made("{{event.t | date:\"epoch_ms\"}}", R"({"t":"2026-03-02T14:00:00Z"})"), "1772460000000");
  EXPECT_EQ(made("{{event.t | date:\"iso\"}}", R"({"t":"soon"})"), "render: line 1, column 1: event.t is no time");
}

TEST(Template, errors_of_the_text_have_line_and_column) {
  const auto error = [](std::string_view text) { return made(text, "{}"); };
  EXPECT_EQ(error("x\n{{event.a | upcase}}"), "compile: line 2, column 13: there is no filter 'upcase'");
  EXPECT_EQ(error("{{event.a"), "compile: line 1, column 1: the expression is not closed by }}");
  EXPECT_THAT(error("{{event.}}"), StartsWith("compile: line 1, column 9: a name is missing"));
  EXPECT_THAT(error("{{order.id}}"), HasSubstr("begins with event."));
  EXPECT_THAT(error("{{vars.hots}}"), HasSubstr("'vars' has no 'hots'"));
  EXPECT_THAT(error("{{meta.ip}}"), HasSubstr("meta has no 'ip'"));
  EXPECT_THAT(error("{{event.a | map:\"x\"}}"), HasSubstr("no table 'x'"));
  EXPECT_THAT(error("{{event.a | truncate:0}}"), HasSubstr("1 to 1000000"));
  EXPECT_THAT(error("{{event.a | default}}"), HasSubstr("needs an argument"));
  EXPECT_THAT(error("{{event.a | date:\"us\"}}"), HasSubstr("a date is"));
  EXPECT_THAT(error("{{\"open}}"), HasSubstr("no closing quote"));
  EXPECT_THAT(error("{{event.a b}}"), HasSubstr("is expected"));
}

TEST(Template, has_bounds) {
  std::string many;
  for (int i = 0; i < 257; ++i) many += "{{event.a}}";
  EXPECT_THAT(made(many, "{}"), HasSubstr("too many expressions"));
  EXPECT_THAT(made(std::string(70'000, 'x'), "{}"), HasSubstr("64 KiB"));
  std::string deep = "{{event";
  for (int i = 0; i < 17; ++i) deep += ".a";
  EXPECT_THAT(made(deep + "}}", "{}"), HasSubstr("too many names"));
  std::string filters = "{{event.a";
  for (int i = 0; i < 9; ++i) filters += "|lower";
  EXPECT_THAT(made(filters + "}}", "{}"), HasSubstr("too many filters"));
  const std::string large = R"({"x":")" + std::string(200'000, 'x') + "\"}";
  std::string repeated;
  for (int i = 0; i < 30; ++i) repeated += "{{event.x}}";
  EXPECT_THAT(made(repeated, large), HasSubstr("4 MiB"));
}

TEST(Template, knows_whether_an_event_could_say_where_a_request_goes) {
  const auto fixed = [](std::string_view text) { return Template::compile(text, Place::url, names())->fixed_origin(); };
  EXPECT_TRUE(fixed("https://crm.example/{{event.id}}"));
  EXPECT_TRUE(fixed("https://{{vars.host}}/{{event.id}}"));
  EXPECT_TRUE(fixed("https://{{vars.host}}"));
  EXPECT_FALSE(fixed("https://{{event.host}}/x"));
  EXPECT_FALSE(fixed("https://crm{{event.host}}"));
  EXPECT_FALSE(fixed("{{event.url}}"));
}

}  // namespace
}  // namespace trunkline::sinks
