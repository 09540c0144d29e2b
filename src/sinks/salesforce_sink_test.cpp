#include "sinks/salesforce_sink.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/manual_loop.hpp"
#include "event/event_testing.hpp"
#include "json/document.hpp"
#include "sinks/fake_sender_test.hpp"

namespace trunkline::sinks {
namespace {

using base::Errc;
using base::Result;
using delivery::BatchVerdict;
using delivery::Verdict;
using std::chrono::minutes;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

struct MapStore final : CaseStore {
  explicit MapStore(std::map<std::string, std::string>& kept) : cases(kept) {}
  Result<std::optional<std::string>> load(const std::string& key) override {
    const auto found = cases.find(key);
    return found == cases.end() ? std::optional<std::string>() : std::optional<std::string>(found->second);
  }
  void save(std::vector<std::pair<std::string, std::string>> entries) override {
    for (auto& [key, bytes] : entries) cases[key] = std::move(bytes);
  }
  std::map<std::string, std::string>& cases;
};

engine::RecordPtr record_of(const std::string& conversation, std::string_view what, std::int64_t at,
                            std::string_view more = "") {
  auto record = std::make_shared<engine::Record>();
  record->event = event::testing::decode_event(
      event::testing::envelope("v2.detail.events.conversation." + conversation + "." + std::string(what),
                               R"({"conversationId":")" + conversation + R"(","eventTime":)" +
                                   std::to_string(1'772'460'000'000 + at) + std::string(more) + "}"));
  record->accepted_at = base::WallTime(base::Millis(1'772'460'000'000 + at));
  return record;
}

const std::string kA = "388fa6ad-33a8-439b-a5b7-9085a352469d";
const std::string kB = "3e46653b-9127-4efb-a4ec-3f94d988a93f";

struct World {
  explicit World(SalesforceOptions with = {}) : options(std::move(with)) { restart(); }
  void restart() {
    options.url = "https://acme.my.salesforce.com";
    auto made =
        SalesforceSink::make(options, std::make_unique<MapStore>(cases), std::make_unique<FakeSender>(sent), loop);
    EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().detail);
    sink = std::move(*made);
  }
  void send(std::vector<engine::RecordPtr> records) {
    delivery::Batch batch;
    for (auto& record : records) batch.messages.emplace_back().record = std::move(record);
    sink->send(std::move(batch), [this](BatchVerdict verdict) { verdicts.push_back(std::move(verdict)); });
    loop.run();
  }
  void answer(int status, std::string body, net::Headers headers = {}) {
    sent.back().done(net::ClientResponse{status, std::move(headers), std::move(body)});
  }
  const BatchVerdict& last() { return verdicts.back(); }

  SalesforceOptions options;
  base::ManualClock clock;
  base::ManualLoop loop{clock};
  std::map<std::string, std::string> cases;
  std::vector<FakeSender::Sent> sent;
  std::vector<BatchVerdict> verdicts;
  std::unique_ptr<SalesforceSink> sink;
};

const std::string kGood = R"({"id":"500","success":true,"errors":[]})";
std::string bad(std::string_view code) {
  return R"({"success":false,"errors":[{"statusCode":")" + std::string(code) + R"(","message":"why","fields":[]}]})";
}

TEST(SalesforceSink, makes_one_record_of_all_events_of_a_conversation) {
  World world;
  world.send({record_of(kA, "customer.start", 0), record_of(kB, "outbound", 5), record_of(kA, "customer.end", 9)});
  ASSERT_THAT(world.sent, SizeIs(1));
  const net::ClientRequest& request = world.sent[0].request;
  EXPECT_EQ(request.method, "PATCH");
  EXPECT_EQ(request.url,
            "https://acme.my.salesforce.com/services/data/v60.0/composite/sobjects/Case/Genesys_Conversation_Id__c");
  EXPECT_EQ(request.body,
            R"({"allOrNone":false,"records":[{"attributes":{"type":"Case"},"Genesys_Conversation_Id__c":")" + kA +
                R"(","Status":"Closed","Subject":"Conversation )" + kA +
                R"("},{"attributes":{"type":"Case"},"Genesys_Conversation_Id__c":")" + kB +
                R"(","Status":"New","Subject":"Conversation )" + kB + "\"}]}");
  world.answer(200, "[" + kGood + "," + kGood + "]");
  ASSERT_THAT(world.last().events, SizeIs(3));
  for (const auto& event : world.last().events) EXPECT_EQ(event.verdict, Verdict::delivered);
}

TEST(SalesforceSink, does_not_repeat_what_an_event_before_has_said_in_the_failure_of_another) {
  SalesforceOptions options;
  options.fields = {{"Status", "status"}, {"Subject", "subject"}, {"Phone__c", "ani"}};
  World world(options);
  world.send({record_of(kA, "customer.start", 0, R"(,"ani":"tel:+15555550100","subject":"say \"please\"")")});
  world.answer(200, "[" + kGood + "]");
  world.send({record_of(kA, "customer.end", 9)});
  world.answer(200, R"([{"success":false,"errors":[{"statusCode":"STRING_TOO_LONG","message":"Phone: tel:+15555550100,)"
                    R"( Subject: say \"please\", in JSON say \\\"please\\\""}]}])");
  EXPECT_EQ(world.last().events.at(0).detail, R"(Phone: ***, Subject: ***, in JSON ***)");
  world.send({record_of(kA, "wrapup", 12)});
  world.answer(400, R"([{"errorCode":"tel:+15555550100","message":"what is tel:+15555550100?"}])");
  EXPECT_EQ(world.last().events.at(0).error_class, "unknown_code");
  EXPECT_EQ(world.last().events.at(0).detail, "what is ***?");
}

TEST(SalesforceSink, an_older_event_after_a_restart_costs_no_request_and_overwrites_nothing) {
  World world;
  world.send({record_of(kA, "customer.start", 0), record_of(kA, "customer.end", 900)});
  world.answer(200, "[" + kGood + "]");
  world.restart();
  world.send({record_of(kA, "user.start", 300)});
  EXPECT_THAT(world.sent, SizeIs(1));
  ASSERT_THAT(world.verdicts, SizeIs(2));
  EXPECT_EQ(world.last().events.at(0).verdict, Verdict::delivered);
  world.send({record_of(kA, "customer.start", 1'000)});
  ASSERT_THAT(world.sent, SizeIs(2));
  EXPECT_THAT(world.sent[1].request.body, HasSubstr(R"("Status":"New")"));
}

TEST(SalesforceSink, facts_before_the_beginning_wait_and_are_in_the_first_record) {
  SalesforceOptions with;
  with.fields = {{"Status", "status"},       {"Wrapup__c", "wrapupCode"},  {"Origin", "=Phone"},
                 {"Lang__c", "attribute.l"}, {"Closed_At__c", "closedAt"}, {"Opened_At__c", "createdAt"}};
  World world(with);
  world.send({record_of(kA, "wrapup", 50, R"(,"wrapupCode":"w\"1")"),
              record_of(kA, "attributes", 20, R"(,"attributes":{"l":"en","x":"y"})")});
  EXPECT_THAT(world.sent, SizeIs(0));
  world.send({record_of(kA, "customer.start", 0)});
  ASSERT_THAT(world.sent, SizeIs(1));
  EXPECT_THAT(world.sent[0].request.body,
              HasSubstr(R"("Status":"New","Wrapup__c":"w\"1","Origin":"Phone","Lang__c":"en","Closed_At__c":null,)"
                        R"("Opened_At__c":"2026-03-02T14:00:00.000Z"}])"));
}

TEST(SalesforceSink, each_record_has_its_own_verdict_and_what_was_not_written_is_sent_again) {
  World world;
  world.send({record_of(kA, "customer.start", 0), record_of(kB, "customer.start", 0)});
  world.answer(200, "[" + kGood + "," + bad("UNABLE_TO_LOCK_ROW") + "]");
  EXPECT_EQ(world.last().events.at(0).verdict, Verdict::delivered);
  EXPECT_EQ(world.last().events.at(1).verdict, Verdict::retry);
  EXPECT_EQ(world.last().events.at(1).error_class, "UNABLE_TO_LOCK_ROW");
  world.send({record_of(kB, "customer.start", 0)});
  ASSERT_THAT(world.sent, SizeIs(2));
  EXPECT_THAT(world.sent[1].request.body, Not(HasSubstr(kA)));
}

TEST(SalesforceSink, what_a_refused_event_said_stands_in_the_next_record) {
  SalesforceOptions with;
  with.fields = {{"Wrapup__c", "wrapupCode"}, {"Status", "status"}};
  World world(with);
  world.send({record_of(kA, "customer.start", 0), record_of(kA, "wrapup", 5, R"(,"wrapupCode":"w")")});
  world.answer(200, "[" + bad("FIELD_CUSTOM_VALIDATION_EXCEPTION") + "]");
  EXPECT_EQ(world.last().events.at(0).verdict, Verdict::rejected);
  world.send({record_of(kA, "customer.end", 9)});
  EXPECT_THAT(world.sent.back().request.body, HasSubstr(R"("Wrapup__c":"w","Status":"Closed")"));
}

TEST(SalesforceSink, every_code_has_its_verdict) {
  const auto verdict = [](std::string_view code) { return salesforce_code(code).verdict; };
  for (const auto* code : {"UNABLE_TO_LOCK_ROW", "DUPLICATE_VALUE"}) EXPECT_EQ(verdict(code), Verdict::retry) << code;
  for (const auto* code :
       {"REQUEST_LIMIT_EXCEEDED", "SERVER_UNAVAILABLE", "INVALID_SESSION_ID", "STORAGE_LIMIT_EXCEEDED",
        "INSUFFICIENT_ACCESS_OR_READONLY", "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", "INVALID_FIELD",
        "INVALID_FIELD_FOR_INSERT_UPDATE", "NOT_FOUND", "API_DISABLED_FOR_ORG"})
    EXPECT_EQ(verdict(code), Verdict::unavailable) << code;
  for (const auto* code : {"ENTITY_IS_DELETED", "REQUIRED_FIELD_MISSING", "STRING_TOO_LONG",
                           "FIELD_INTEGRITY_EXCEPTION", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "SOMETHING_NEW", ""})
    EXPECT_EQ(verdict(code), Verdict::rejected) << code;
  EXPECT_EQ(salesforce_code("REQUEST_LIMIT_EXCEEDED").after, minutes(15));
}

TEST(SalesforceSink, an_answer_about_the_whole_request_is_told_by_its_code) {
  const auto of = [](Result<net::ClientResponse> answer, std::size_t records) {
    return salesforce_answer(answer, records, {});
  };
  const auto error = [](int status, std::string_view code) {
    return net::ClientResponse{status, {}, R"([{"errorCode":")" + std::string(code) + R"(","message":"why"}])"};
  };
  EXPECT_EQ(of(error(403, "REQUEST_LIMIT_EXCEEDED"), 2).records.at(1).verdict, Verdict::unavailable);
  EXPECT_EQ(of(error(401, "INVALID_SESSION_ID"), 1).records.at(0).verdict, Verdict::unavailable);
  EXPECT_EQ(of(error(400, "INVALID_FIELD"), 1).records.at(0).verdict, Verdict::unavailable);
  EXPECT_TRUE(of(error(400, "JSON_PARSER_ERROR"), 2).refused);
  EXPECT_FALSE(of(error(400, "JSON_PARSER_ERROR"), 1).refused);
  EXPECT_EQ(of(error(400, "JSON_PARSER_ERROR"), 1).records.at(0).verdict, Verdict::rejected);
  EXPECT_EQ(of(net::ClientResponse{500, {}, "<html>"}, 1).records.at(0).verdict, Verdict::unavailable);
  EXPECT_EQ(of(net::ClientResponse{503, {}, ""}, 2).records.at(0).error_class, "http_503");
  for (const std::string& half : {std::string("[") + kGood, "[" + kGood + "]", std::string("{}"), std::string()}) {
    const auto cut = of(net::ClientResponse{200, {}, half}, 2);
    ASSERT_THAT(cut.records, SizeIs(2)) << half;
    EXPECT_EQ(cut.records[0].verdict, Verdict::unavailable) << half;
    EXPECT_EQ(cut.records[0].error_class, "protocol") << half;
  }
  EXPECT_EQ(of(net::ClientResponse{200, {}, R"([{"success":false}])"}, 1).records.at(0).verdict, Verdict::unavailable);
  EXPECT_EQ(of(base::Error{Errc::timeout, "10 s"}, 2).records.at(1).error_class, "timeout");
}

TEST(SalesforceSink, keeps_the_reserve_of_the_orgs_requests_and_tries_again_after_a_quarter_of_an_hour) {
  World world;
  world.send({record_of(kA, "customer.start", 0)});
  world.answer(200, "[" + kGood + "]", {{"Sforce-Limit-Info", "api-usage=4750/5000"}});
  world.send({record_of(kA, "customer.end", 9)});
  EXPECT_THAT(world.sent, SizeIs(1));
  EXPECT_EQ(world.last().events.at(0).verdict, Verdict::unavailable);
  EXPECT_EQ(world.last().events.at(0).error_class, "api_limit");
  EXPECT_EQ(world.last().events.at(0).after, minutes(15));
  world.loop.advance(minutes(16));
  world.send({record_of(kA, "customer.end", 9)});
  EXPECT_THAT(world.sent, SizeIs(2));
  world.answer(200, "[" + kGood + "]", {{"Sforce-Limit-Info", "api-usage=10/5000"}});
  world.send({record_of(kB, "customer.start", 9)});
  EXPECT_THAT(world.sent, SizeIs(3));
}

TEST(SalesforceSink, reads_the_limit_wherever_it_stands) {
  using Pair = std::pair<std::uint64_t, std::uint64_t>;
  EXPECT_EQ(parse_limit_info("api-usage=18/5000"), Pair(18, 5000));
  EXPECT_EQ(parse_limit_info("per-app-api-usage=17/250(appName=x); api-usage=1/2").has_value(), true);
  for (const auto* text : {"", "api-usage=", "api-usage=1", "api-usage=1/", "api-usage=1/0", "api-usage=x/5"})
    EXPECT_FALSE(parse_limit_info(text)) << text;
}

TEST(SalesforceSink, a_shadow_writes_no_case_off_as_written) {
  SalesforceOptions with;
  with.shadow = true;
  World world(with);
  world.send({record_of(kA, "customer.start", 0)});
  world.answer(200, "");
  EXPECT_EQ(world.last().events.at(0).verdict, Verdict::delivered);
  world.options.shadow = false;
  world.restart();
  world.send({record_of(kA, "customer.start", 0)});
  EXPECT_THAT(world.sent, SizeIs(2));
}

TEST(SalesforceSink, its_probe_says_which_field_the_org_lacks) {
  World world;
  std::vector<std::string> said;
  const auto probe = [&](int status, std::string body) {
    world.sink->probe(
        [&](const Result<std::string>& found) { said.push_back(found.ok() ? *found : found.error().detail); });
    EXPECT_EQ(world.sent.back().request.method, "GET");
    world.answer(status, std::move(body));
    return said.back();
  };
  EXPECT_THAT(probe(200, R"({"fields":[{"name":"Status"},{"name":"Subject"}]})"),
              HasSubstr("no field Genesys_Conversation_Id__c"));
  EXPECT_THAT(probe(200, R"({"fields":[{"name":"Status"},{"name":"Subject"},{"name":"Genesys_Conversation_Id__c"}]})"),
              HasSubstr("Case has its 3 fields"));
  EXPECT_THAT(probe(404, "[]"), HasSubstr("cannot be described"));
}

TEST(SalesforceSink, names_an_option_that_cannot_be) {
  const auto error = [](auto change) {
    SalesforceOptions with;
    with.url = "https://acme.my.salesforce.com";
    change(with);
    return validate(with).error().detail;
  };
  EXPECT_THAT(error([](auto& o) { o.object = "Ca/se"; }), HasSubstr("object"));
  EXPECT_THAT(error([](auto& o) { o.fields = {{"Id", "status"}}; }), HasSubstr("set by the hub"));
  EXPECT_THAT(error([](auto& o) { o.fields = {{"A b", "status"}}; }), HasSubstr("API name"));
  EXPECT_THAT(error([](auto& o) { o.api_version = "60"; }), HasSubstr("api_version"));
}

}  // namespace
}  // namespace trunkline::sinks
