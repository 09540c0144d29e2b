#include "sinks/template_sink.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/manual_loop.hpp"
#include "sinks/fake_sender_test.hpp"
#include "sinks/webhook_sink.hpp"

namespace trunkline::sinks {
namespace {

using delivery::BatchVerdict;
using delivery::Verdict;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

TemplateOptions options() {
  TemplateOptions made;
  made.names = std::make_shared<const TemplateNames>(TemplateNames{{{"api_token", "tok-123456"}}, {}});
  made.headers = {{"Authorization", "Bearer {{vars.api_token}}"}, {"Idempotency-Key", "{{meta.id}}"}};
  made.requests = {{[](const engine::Record& record) { return record.event.event_type == "start"; }, "POST",
                    "https://crm.example/cases", R"({"id":"{{event.c}}","n":{{event.n | json}}})"},
                   {[](const engine::Record& record) { return record.event.event_type == "end"; }, "PATCH",
                    "https://crm.example/cases/{{event.c}}", R"({"closed":true})"}};
  return made;
}

struct World {
  explicit World(TemplateOptions with = options()) {
    auto made = TemplateSink::make(std::move(with), render_raw, std::make_unique<FakeSender>(sent), loop);
    EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().detail);
    if (made.ok()) sink = std::move(*made);
  }
  void send(std::string type, std::string raw) {
    auto record = std::make_shared<engine::Record>();
    record->sequence = base::Sequence{7};
    record->event.raw = std::move(raw);
    record->event.event_type = std::move(type);
    delivery::Batch batch;
    batch.consumer = "crm";
    batch.messages.emplace_back().record = record;
    messages = batch.messages;
    sink->send(std::move(batch), [this](BatchVerdict verdict) { verdicts.push_back(std::move(verdict)); });
    loop.run();
  }
  delivery::EventVerdict answered(int status, std::string body, net::Headers headers = {}) {
    send("start", R"({"c":"c1"})");
    sent.back().done(net::ClientResponse{status, std::move(headers), std::move(body)});
    return verdicts.back().events.at(0);
  }

  base::ManualClock clock;
  base::ManualLoop loop{clock};
  std::vector<FakeSender::Sent> sent;
  std::vector<engine::LeasedMessage> messages;
  std::unique_ptr<TemplateSink> sink;
  std::vector<BatchVerdict> verdicts;
};

std::string error_of(TemplateOptions with) {
  std::vector<FakeSender::Sent> sent;
  base::ManualClock clock;
  base::ManualLoop loop{clock};
  const auto made = TemplateSink::make(std::move(with), render_raw, std::make_unique<FakeSender>(sent), loop);
  return made.ok() ? "made" : made.error().detail;
}

TEST(TemplateSink, makes_the_first_request_that_fits_the_event) {
  World world;
  world.send("start", R"({"c":"a\"b","n":1.5})");
  world.send("end", R"({"c":"x/y"})");
  ASSERT_THAT(world.sent, SizeIs(2));
  const net::ClientRequest& create = world.sent[0].request;
  EXPECT_EQ(create.method, "POST");
  EXPECT_EQ(create.body, R"({"id":"a\"b","n":1.5})");
  EXPECT_EQ(net::find_header(create.headers, "Authorization"), "Bearer tok-123456");
  EXPECT_EQ(net::find_header(create.headers, "Content-Type"), "application/json");
  EXPECT_EQ(world.sent[1].request.method, "PATCH");
  EXPECT_EQ(world.sent[1].request.url, "https://crm.example/cases/x%2Fy");
  EXPECT_EQ(net::find_header(world.sent[1].request.headers, "Idempotency-Key"), webhook_id(world.messages));
}

TEST(TemplateSink, sends_nothing_where_no_request_fits) {
  World world;
  world.send("other", "{}");
  EXPECT_THAT(world.sent, SizeIs(0));
  ASSERT_THAT(world.verdicts, SizeIs(1));
  EXPECT_EQ(world.verdicts[0].events.at(0).verdict, Verdict::delivered);
}

TEST(TemplateSink, an_event_without_a_value_that_is_needed_is_rejected_and_says_which) {
  World world;
  world.send("start", "{}");
  EXPECT_THAT(world.sent, SizeIs(0));
  ASSERT_THAT(world.verdicts, SizeIs(1));
  EXPECT_EQ(world.verdicts[0].events.at(0).verdict, Verdict::rejected);
  EXPECT_EQ(world.verdicts[0].events.at(0).error_class, "template");
  EXPECT_EQ(world.verdicts[0].events.at(0).detail, "body: line 1, column 8: event.c is missing");
}

TEST(TemplateSink, a_body_that_is_no_json_is_not_sent) {
  TemplateOptions with = options();
  with.requests[0].body = R"({"a":"{{event.o}}"})";
  World world(std::move(with));
  world.send("start", R"({"o":{"k":"v"}})");
  EXPECT_THAT(world.sent, SizeIs(0));
  EXPECT_THAT(world.verdicts.at(0).events.at(0).detail, HasSubstr("body is no JSON"));
}

TEST(TemplateSink, a_body_of_another_type_is_text) {
  TemplateOptions with = options();
  with.headers.emplace_back("content-type", "text/plain");
  with.requests[0].body = "{{event.c}}!";
  World world(std::move(with));
  world.send("start", R"({"c":"a\"b"})");
  ASSERT_THAT(world.sent, SizeIs(1));
  EXPECT_EQ(world.sent[0].request.body, "a\"b!");
}

TEST(TemplateSink, rules_decide_by_status_and_body_before_the_table_does) {
  TemplateOptions with = options();
  with.rules = {{"409", "", std::nullopt, std::nullopt, Verdict::delivered},
                {"400-499", "/errors/0/code", "LIMIT", std::nullopt, Verdict::retry},
                {"200", "/status", std::nullopt, std::nullopt, Verdict::rejected},
                {"", "/a~1b", "3", std::nullopt, Verdict::delivered},
                {"500, 501", "", std::nullopt, "maintenance", Verdict::unavailable}};
  World world(std::move(with));
  EXPECT_EQ(world.answered(409, "exists").verdict, Verdict::delivered);
  EXPECT_EQ(world.answered(409, "exists").error_class, "");
  const auto limited = world.answered(422, R"({"errors":[{"code":"LIMIT"}]})", {{"Retry-After", "9"}});
  EXPECT_EQ(limited.verdict, Verdict::retry);
  EXPECT_EQ(limited.after, std::chrono::seconds(9));
  EXPECT_EQ(world.answered(422, R"({"errors":[{"code":"OTHER"}]})").verdict, Verdict::rejected);
  const auto failed = world.answered(200, R"({"status":"failed"})");
  EXPECT_EQ(failed.verdict, Verdict::rejected);
  EXPECT_EQ(failed.error_class, "http_200");
  EXPECT_EQ(world.answered(200, R"({"ok":1})").verdict, Verdict::delivered);
  EXPECT_EQ(world.answered(418, R"({"a/b":3})").verdict, Verdict::delivered);
  EXPECT_EQ(world.answered(501, "in maintenance until noon").verdict, Verdict::unavailable);
  EXPECT_EQ(world.answered(500, "oops").verdict, Verdict::rejected);
}

TEST(TemplateSink, shows_no_credential_that_a_server_repeats) {
  World world;
  EXPECT_THAT(world.answered(403, "tok-123456 has no rights").detail, Not(HasSubstr("tok-123456")));
}

TEST(TemplateSink, refuses_what_it_cannot_do_with_the_place) {
  TemplateOptions with = options();
  with.requests[0].url = "https://{{event.host}}/";
  EXPECT_THAT(error_of(with), HasSubstr("must not come from the event"));
  with = options();
  with.requests[0].body = "{{event.c | nope}}";
  EXPECT_THAT(error_of(with), HasSubstr("body: line 1, column 13: there is no filter 'nope'"));
  with = options();
  with.rules = {{"20x", "", {}, {}, Verdict::delivered}};
  EXPECT_THAT(error_of(with), HasSubstr("'20x' is no status"));
  with.rules = {{"", "a/b", {}, {}, Verdict::delivered}};
  EXPECT_THAT(error_of(with), HasSubstr("no JSON pointer"));
  with = options();
  with.requests[0].method = "GET";
  EXPECT_THAT(error_of(with), HasSubstr("method"));
  with.requests.clear();
  EXPECT_THAT(error_of(with), HasSubstr("needs a url"));
}

}  // namespace
}  // namespace trunkline::sinks
