#include "event/body.hpp"

#include <gtest/gtest.h>

#include <string>

namespace trunkline::event {
namespace {

std::string found_in(std::string_view text) {
  json::Document document;
  const auto body = find_body(document.parse(text).value());
  return body ? std::string(body->raw()) : "none";
}

std::string body_of_text(std::string_view text) {
  json::Document document;
  return std::string(body_of(document.parse(text).value()).raw());
}

TEST(Body, stands_in_the_detail_of_an_envelope_and_at_the_top_of_a_notification) {
  EXPECT_EQ(found_in(R"({"id":"e","detail":{"topicName":"t","eventBody":{"a":1}}})"), R"({"a":1})");
  EXPECT_EQ(found_in(R"({"topicName":"t","eventBody":{"a":2}})"), R"({"a":2})");
  EXPECT_EQ(found_in(R"({"detail":{"eventBody":{"a":1}},"eventBody":{"a":2}})"), R"({"a":1})");
  EXPECT_EQ(found_in(R"({"detail":{},"eventBody":{"a":2}})"), R"({"a":2})");
}

TEST(Body, is_an_object_and_no_member_of_something_else) {
  EXPECT_EQ(found_in(R"({"detail":{"eventBody":"text"},"eventBody":{"a":2}})"), R"({"a":2})");
  for (const char* text :
       {R"({"detail":{"eventBody":[{}]}})", R"({"eventBody":null})", R"({"detail":[{"eventBody":{}}]})",
        R"({"type":"t","conversationId":"c"})", R"({"detail":{"topicName":"t"}})", "[]", "1"})
    EXPECT_EQ(found_in(text), "none") << text;
}

TEST(Body, of_an_event_without_one_is_the_event_itself) {
  for (const char* text : {R"({"type":"t","conversationId":"c"})", R"({"detail":{"topicName":"t"}})",
                           R"({"detail":{"eventBody":3}})", R"({"signature_id":"x","extension":{}})"})
    EXPECT_EQ(body_of_text(text), text);
  EXPECT_EQ(body_of_text(R"({"detail":{"eventBody":{"a":1}}})"), R"({"a":1})");
}

}  // namespace
}  // namespace trunkline::event
