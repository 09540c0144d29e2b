#include "source/cloud_headers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/crypto.hpp"
#include "json/document.hpp"
#include "source/ingest_fixture.hpp"

namespace trunkline::source {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

net::HttpRequest request(net::Headers headers, std::string body = {}) {
  net::HttpRequest request;
  request.headers = std::move(headers);
  request.body = std::move(body);
  return request;
}

TEST(CloudHeaders, are_decoded_once_and_named_in_lower_case) {
  const auto found = cloud_headers(request({{"CE-SpecVersion", "1.0"},
                                            {"Ce-Id", "a%20b%2520c"},
                                            {"ce-source", "\"/x%22\\\"y\""},
                                            {"ce-subject", "Euro%20%E2%82%AC%20%F0%9F%98%80"},
                                            {"content-type", "application/json"}}));
  ASSERT_TRUE(found);
  EXPECT_THAT(found->attributes, ElementsAre(Pair("specversion", "1.0"), Pair("id", "a b%20c"),
                                             Pair("source", "/x\"\"y"), Pair("subject", "Euro \u20ac \U0001F600")));
  EXPECT_EQ(found->fault, "");
}

TEST(CloudHeaders, what_cannot_be_read_is_a_fault_and_no_attribute) {
  for (const std::string value : {"%", "%2", "%zz", "%ff", "\xff"}) {
    const auto found = cloud_headers(request({{"ce-specversion", "1.0"}, {"ce-id", value}}));
    EXPECT_EQ(found->fault, "a ce- header is no percent-encoded UTF-8") << value;
    EXPECT_EQ(found->find("id"), "");
  }
  EXPECT_EQ(cloud_headers(request({{"ce-specversion", "1.0"}, {"ce-id", "1"}, {"CE-ID", "2"}}))->fault,
            "a ce- header stands there twice");
}

TEST(CloudHeaders, an_optional_one_that_cannot_be_read_is_left_out) {
  const auto found = cloud_headers(
      request({{"ce-specversion", "1.0"}, {"ce-subject", "Z\xfcrich 100%"}, {"ce-x", "1"}, {"ce-x", "2"}}));
  EXPECT_EQ(found->fault, "");
  EXPECT_THAT(found->attributes, ElementsAre(Pair("specversion", "1.0"), Pair("x", "1")));
}

TEST(CloudHeaders, are_there_in_binary_mode_only) {
  EXPECT_FALSE(cloud_headers(request({{"ce-id", "1"}})));
  for (const std::string type : {"application/cloudevents+json", "Application/CloudEvents+JSON; charset=utf-8",
                                 "application/cloudevents-batch+json"})
    EXPECT_FALSE(cloud_headers(request({{"ce-specversion", "1.0"}, {"content-type", type}}))) << type;
}

TEST(CloudHeaders, the_structured_form_holds_every_byte_of_the_data) {
  const auto headers = cloud_headers(request({{"ce-specversion", "1.0"}, {"ce-id", "\\\"%0a"}, {"ce-data", "x"}}));
  const std::string data("\0\xff,\"id\":\"x\"", 11);
  const std::string text = headers->structured(data, "application/json");
  json::Document document;
  const auto parsed = document.parse(text);
  ASSERT_TRUE(parsed.ok()) << text;
  EXPECT_EQ(parsed->string_at("id"), "\\\"\n");
  EXPECT_FALSE(parsed->find("data"));
  EXPECT_EQ(parsed->string_at("datacontenttype"), "application/json");
  EXPECT_EQ(base::base64_decode(parsed->string_at("data_base64")), data);
}

// ---- through the ingest

constexpr std::string_view kCloud = "ce-specversion: 1.0\r\nce-id: c-1\r\nce-source: /relay\r\nce-type: genesys\r\n";
const std::string kBare = R"({"topicName":"v2.users.u-1.presence","version":"2","eventBody":{},"metadata":{}})";

TEST(CloudEvents, in_binary_mode_are_events_whose_repeat_is_a_duplicate) {
  IngestFixture fixture;
  const std::string fields = std::string(kCloud) + "X-Api-Key: new\r\n";
  for (const std::string source : {"bridge", "notifications"}) {
    const auto first = fixture.post(source, kBare, fields);
    EXPECT_EQ(first.status, 200);
    EXPECT_THAT(first.body, HasSubstr(R"("id":"/relay c-1")"));
    EXPECT_THAT(fixture.post(source, kBare, fields).body, HasSubstr(R"("duplicates":1)"));
  }
}

TEST(CloudEvents, that_are_malformed_in_binary_mode_are_kept_in_structured_mode_and_can_be_taken_in_again) {
  IngestFixture fixture;
  const std::string fields = std::string(kCloud) + "X-Api-Key: new\r\nContent-Type: application/json\r\n";
  const auto answer = fixture.post("bridge", "{\"broken", fields);
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, HasSubstr(R"("quarantined":1)"));
  EXPECT_THAT(fixture.post("bridge", kBare, "ce-specversion: 2\r\nX-Api-Key: new\r\n").body,
              HasSubstr(R"("quarantined":1)"));
  const auto kept = fixture.quarantine();
  ASSERT_EQ(kept.size(), 2u);
  for (const engine::Quarantined& each : kept) EXPECT_EQ(each.content_type, "application/cloudevents+json");
  fixture.on_loop([&](net::IoLoop& loop) {
    const auto again = fixture.ingest().decode(loop, kept[0].bytes, "bridge", kept[0].content_type, false);
    ASSERT_EQ(again.items.size(), 1u);
    EXPECT_EQ(std::get<engine::Quarantined>(again.items[0]).reason, "not_json");
  });
}

TEST(CloudEvents, an_empty_batch_is_acknowledged_and_an_empty_list_of_another_type_is_not_understood) {
  IngestFixture fixture;
  const std::string key = "X-Api-Key: new\r\n";
  EXPECT_THAT(fixture.post("bridge", " [ ] ", key + "Content-Type: application/cloudevents-batch+json\r\n").body,
              HasSubstr(R"("quarantined":0,"ignored":0,"failed":0,"results":[])"));
  EXPECT_THAT(fixture.post("bridge", "[]", key).body, HasSubstr(R"("quarantined":1)"));
}

}  // namespace
}  // namespace trunkline::source
