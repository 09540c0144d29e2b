#include "stack/deploy.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "stack/spec_testing.hpp"
#include "stack/template.hpp"

namespace trunkline::stack {
namespace {

using account::Parameters;
using base::Errc;
using base::Error;
using base::Result;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// CloudFormation with one stack that goes on by a step whenever somebody sleeps.
class FakeCloud final : public account::Api {
 public:
  struct Step {
    std::string status;  // of the stack; empty: it is gone
    std::vector<Event> events;
  };
  std::string status;  // empty: there is no stack
  std::string reason;
  std::deque<Step> steps;
  std::vector<Event> events;
  std::string change_set = "CREATE_COMPLETE";
  std::string change_set_reason;
  std::map<std::string, std::string> answers;  // of other calls, by "service operation"
  std::map<std::string, std::string> outputs;
  std::vector<std::string> asked;  // that change something
  std::vector<std::string> templates;
  std::optional<Error> refused;  // what makes or changes something
  std::size_t sleeps = 0;

  Waiting waiting() {
    return {[this](base::Millis) {
              ++sleeps;
              step();
            },
            std::chrono::seconds(1), std::chrono::seconds(5)};
  }

  Result<std::string> query(std::string_view, std::string_view action, const Parameters& parameters) override {
    if (action == "DescribeStacks") return describe();
    if (action == "DescribeStackEvents") return described_events();
    if (action == "DescribeChangeSet") return described_change_set();
    if (action == "ListStackResources") return other("cloudformation ListStackResources");
    std::string line(action);
    for (const auto& [name, value] : parameters) {
      if (name.starts_with("Template")) templates.push_back(fmt::format("{} {}", name, value));
      if (name == "ChangeSetType" || name.ends_with("ParameterValue")) line += " " + value;
    }
    asked.push_back(line);
    if (refused && !action.starts_with("Delete")) return *refused;
    step();
    return std::string("<R/>");
  }
  Result<std::string> json(std::string_view service, std::string_view operation, std::string) override {
    return other(fmt::format("{} {}", service, operation));
  }
  Result<std::string> get(std::string_view, std::string) override { return Error{Errc::unsupported, "no"}; }

 private:
  void step() {
    if (steps.empty()) return;
    status = steps.front().status;
    for (Event& each : steps.front().events) events.push_back(std::move(each));
    steps.pop_front();
  }
  Result<std::string> other(const std::string& question) {
    const auto found = answers.find(question);
    if (found == answers.end()) return Error{Errc::not_found, question};
    return found->second;
  }
  Result<std::string> describe() const {
    if (status.empty()) return Error{Errc::invalid, "ValidationError: Stack with id trunkline does not exist"};
    std::string out;
    for (const auto& [name, value] : outputs)
      out += fmt::format("<member><OutputKey>{}</OutputKey><OutputValue>{}</OutputValue></member>", name, value);
    return fmt::format(
        "<R><Stacks><member><StackId>arn:stack/1</StackId><StackStatus>{}</StackStatus><StackStatusReason>{}"
        "</StackStatusReason><Parameters><member><ParameterKey>MakeTable</ParameterKey><ParameterValue>kept"
        "</ParameterValue></member></Parameters><Outputs>{}</Outputs></member></Stacks></R>",
        status, reason, out);
  }
  Result<std::string> described_events() const {
    std::string out;
    for (auto each = events.rbegin(); each != events.rend(); ++each)
      out += fmt::format(
          "<member><EventId>{}</EventId><LogicalResourceId>{}</LogicalResourceId><ResourceType>{}</ResourceType>"
          "<ResourceStatus>{}</ResourceStatus><ResourceStatusReason>{}</ResourceStatusReason></member>",
          each->id, each->resource, each->type, each->status, each->reason);
    return "<R><StackEvents>" + out + "</StackEvents></R>";
  }
  Result<std::string> described_change_set() const {
    return fmt::format(
        "<R><Status>{}</Status><StatusReason>{}</StatusReason><Changes><member><ResourceChange><Action>Modify</Action>"
        "<LogicalResourceId>QueueCrm</LogicalResourceId><ResourceType>AWS::SQS::Queue</ResourceType>"
        "<Replacement>True</Replacement></ResourceChange></member></Changes></R>",
        change_set, change_set_reason);
  }
};

Event event(const std::string& id, const std::string& status, const std::string& reason = {}) {
  return {id, "QueueCrm", "AWS::SQS::Queue", status, reason};
}

class Deploy : public testing::Test {
 protected:
  FakeCloud cloud;
  std::vector<std::string> told;
  Deployer deployer{cloud, cloud.waiting(), [this](const Event& each) { told.push_back(each.id + " " + each.status); }};
  const Wanted wanted{"trunkline", "{}", {{"MakeTable", "true"}}};
};

TEST_F(Deploy, names_where_a_template_is_that_is_too_large_for_a_call) {
  cloud.steps = {{"CREATE_COMPLETE", {}}};
  Wanted large = wanted;
  large.url = "https://s3.eu-west-1.amazonaws.com/b/t.json";
  ASSERT_TRUE(deployer.apply(large).ok());
  EXPECT_THAT(cloud.templates, ElementsAre("TemplateURL https://s3.eu-west-1.amazonaws.com/b/t.json"));
}

TEST_F(Deploy, makes_a_stack_and_tells_each_event_once) {
  cloud.steps = {{"CREATE_IN_PROGRESS", {event("1", "CREATE_IN_PROGRESS")}},
                 {"CREATE_IN_PROGRESS", {event("2", "CREATE_COMPLETE")}},
                 {"CREATE_COMPLETE", {event("3", "CREATE_COMPLETE")}}};
  const auto done = deployer.apply(wanted);
  ASSERT_TRUE(done.ok()) << done.error().detail;
  EXPECT_EQ(*done, Outcome::created);
  EXPECT_THAT(told, ElementsAre("1 CREATE_IN_PROGRESS", "2 CREATE_COMPLETE", "3 CREATE_COMPLETE"));
  EXPECT_THAT(cloud.asked, ElementsAre("CreateStack true"));
}

TEST_F(Deploy, changes_a_stack_and_does_not_tell_what_was_before) {
  cloud.status = "CREATE_COMPLETE";
  cloud.events = {event("1", "CREATE_COMPLETE")};
  cloud.steps = {{"UPDATE_IN_PROGRESS", {event("2", "UPDATE_COMPLETE")}},
                 {"UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", {}},
                 {"UPDATE_COMPLETE", {}}};
  const auto done = deployer.apply(wanted);
  ASSERT_TRUE(done.ok()) << done.error().detail;
  EXPECT_EQ(*done, Outcome::updated);
  EXPECT_THAT(told, ElementsAre("2 UPDATE_COMPLETE"));
}

TEST_F(Deploy, of_the_same_again_changes_nothing) {
  cloud.status = "UPDATE_COMPLETE";
  cloud.refused = Error{Errc::invalid, "ValidationError: No updates are to be performed."};
  const auto done = deployer.apply(wanted);
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(*done, Outcome::unchanged);
  EXPECT_EQ(cloud.sleeps, 0U);
}

TEST_F(Deploy, that_fails_says_what_failed_and_not_what_was_cancelled) {
  cloud.status = "CREATE_COMPLETE";
  cloud.steps = {{"UPDATE_IN_PROGRESS", {event("1", "UPDATE_FAILED", "a queue has that name")}},
                 {"UPDATE_ROLLBACK_COMPLETE", {event("2", "CREATE_FAILED", "Resource creation cancelled")}}};
  const auto done = deployer.apply(wanted);
  ASSERT_FALSE(done.ok());
  EXPECT_THAT(done.error().detail, HasSubstr("UPDATE_ROLLBACK_COMPLETE"));
  EXPECT_THAT(done.error().detail, HasSubstr("QueueCrm (AWS::SQS::Queue): a queue has that name"));
  EXPECT_THAT(done.error().detail, Not(HasSubstr("cancelled")));
}

TEST_F(Deploy, that_is_refused_says_so) {
  cloud.refused = Error{Errc::unauthenticated, "AccessDenied: cloudformation:CreateStack"};
  EXPECT_EQ(deployer.apply(wanted).error().code, Errc::unauthenticated);
}

TEST_F(Deploy, deletes_first_what_could_not_be_made) {
  cloud.status = "ROLLBACK_COMPLETE";
  cloud.steps = {{"DELETE_IN_PROGRESS", {}}, {"", {}}, {"CREATE_IN_PROGRESS", {}}, {"CREATE_COMPLETE", {}}};
  const auto done = deployer.apply(wanted);
  ASSERT_TRUE(done.ok()) << done.error().detail;
  EXPECT_EQ(*done, Outcome::created);
  EXPECT_THAT(cloud.asked, ElementsAre("DeleteStack", "CreateStack true"));
}

TEST_F(Deploy, waits_for_what_somebody_else_has_begun) {
  cloud.status = "UPDATE_IN_PROGRESS";
  cloud.steps = {{"UPDATE_COMPLETE", {}}, {"UPDATE_IN_PROGRESS", {}}, {"UPDATE_COMPLETE", {}}};
  EXPECT_TRUE(deployer.apply(wanted).ok());
  EXPECT_EQ(cloud.sleeps, 2U);
}

TEST_F(Deploy, ends_its_waiting) {
  cloud.steps = {{"CREATE_IN_PROGRESS", {}}};
  const auto done = deployer.apply(wanted);
  EXPECT_EQ(done.error().code, Errc::timeout);
  EXPECT_THAT(done.error().detail, HasSubstr("CloudFormation goes on"));
  EXPECT_EQ(cloud.sleeps, 5U);
  EXPECT_EQ(deployer.apply(wanted).error().code, Errc::timeout) << "by somebody else";
}

TEST_F(Deploy, previews_by_a_change_set_of_which_nothing_is_left) {
  cloud.steps = {{"REVIEW_IN_PROGRESS", {}}, {"REVIEW_IN_PROGRESS", {}}, {"", {}}};
  const auto found = deployer.preview(wanted);
  ASSERT_TRUE(found.ok()) << found.error().detail;
  ASSERT_EQ(found->size(), 1U);
  EXPECT_EQ((*found)[0].action + " " + (*found)[0].id + " " + (*found)[0].replacement, "Modify QueueCrm True");
  EXPECT_THAT(cloud.asked, ElementsAre("CreateChangeSet true CREATE", "DeleteChangeSet", "DeleteStack"));
}

TEST_F(Deploy, previews_no_change_and_what_is_wrong) {
  cloud.status = "UPDATE_COMPLETE";
  cloud.change_set = "FAILED";
  cloud.change_set_reason = "The submitted information didn't contain changes. Submit different information.";
  const auto found = deployer.preview(wanted);
  ASSERT_TRUE(found.ok());
  EXPECT_THAT(*found, IsEmpty());
  EXPECT_THAT(cloud.asked, ElementsAre("CreateChangeSet true UPDATE", "DeleteChangeSet"));
  cloud.change_set_reason = "Template error";
  EXPECT_THAT(deployer.preview(wanted).error().detail, HasSubstr("Template error"));
  EXPECT_EQ(cloud.asked.back(), "DeleteChangeSet");
  cloud.asked.clear();
  cloud.refused = Error{Errc::invalid, "ValidationError: No updates are to be performed."};
  EXPECT_THAT(*deployer.preview(wanted), IsEmpty());
  EXPECT_THAT(cloud.asked, ElementsAre("CreateChangeSet true UPDATE"));
}

TEST_F(Deploy, removes_a_stack_and_is_content_when_there_is_none) {
  EXPECT_TRUE(deployer.remove("trunkline").ok());
  EXPECT_THAT(cloud.asked, IsEmpty());
  cloud.status = "CREATE_COMPLETE";
  cloud.steps = {{"DELETE_IN_PROGRESS", {event("1", "DELETE_COMPLETE")}}, {"DELETE_COMPLETE", {}}};
  EXPECT_TRUE(deployer.remove("trunkline").ok());
  EXPECT_THAT(told, ElementsAre("1 DELETE_COMPLETE"));
  cloud.status = "CREATE_COMPLETE";
  cloud.steps = {{"DELETE_FAILED", {event("2", "DELETE_FAILED", "in use")}}};
  EXPECT_THAT(deployer.remove("trunkline").error().detail, HasSubstr("in use"));
}

std::string resources(const std::string& queue_status = "CREATE_COMPLETE") {
  return fmt::format(
      "<R><StackResourceSummaries><member><LogicalResourceId>QueueCrmMain</"
      "LogicalResourceId><ResourceType>AWS::SQS::Queue"
      "</ResourceType><PhysicalResourceId>https://sqs.eu-west-1.amazonaws.com/1/trunkline-7-crm-main.fifo"
      "</PhysicalResourceId><ResourceStatus>{}</ResourceStatus></member><member><LogicalResourceId>Table"
      "</LogicalResourceId><ResourceType>AWS::DynamoDB::Table</ResourceType></member></StackResourceSummaries></R>",
      queue_status);
}

TEST_F(Deploy, knows_the_numbers_of_what_stands) {
  EXPECT_TRUE(deployer.numbers("trunkline", "trunkline")->of.empty());
  cloud.status = "UPDATE_COMPLETE";
  cloud.outputs = {{"LastQueueNumber", "9"}};
  cloud.answers["cloudformation ListStackResources"] = resources();
  const auto known = deployer.numbers("trunkline", "trunkline");
  ASSERT_TRUE(known.ok());
  Spec spec = sample_spec();
  assign_numbers(spec, *known);
  EXPECT_EQ(spec.consumers[1].number, 7U);
  EXPECT_EQ(spec.consumers[0].number, 10U);
  cloud.answers["cloudformation ListStackResources"] = resources("DELETE_COMPLETE");
  EXPECT_TRUE(deployer.numbers("trunkline", "trunkline")->of.empty());
}

TEST_F(Deploy, leaves_out_what_is_there_and_keeps_what_was_decided) {
  const Spec spec = sample_spec();
  EXPECT_THAT(*deployer.parameters(spec, std::nullopt),
              ElementsAre(testing::Pair("MakeBusGenesysProd", "true"), testing::Pair("MakeTable", "true")));
  cloud.answers = {{"dynamodb DescribeTable", "{}"}, {"events DescribeEventBus", "{}"}};
  EXPECT_THAT(*deployer.parameters(spec, std::nullopt),
              ElementsAre(testing::Pair("MakeBusGenesysProd", "false"), testing::Pair("MakeTable", "false")));
  cloud.status = "UPDATE_COMPLETE";
  EXPECT_THAT(*deployer.parameters(spec, *deployer.find("trunkline")),
              ElementsAre(testing::Pair("MakeBusGenesysProd", "false"), testing::Pair("MakeTable", "kept")));
}

TEST_F(Deploy, wants_an_event_bus_of_another_name_to_be_there) {
  Spec spec = sample_spec();
  spec.ingests[0].bus = "genesys";
  EXPECT_THAT(deployer.parameters(spec, std::nullopt).error().detail, HasSubstr("there is no event bus genesys"));
}

TEST_F(Deploy, counts_what_waits_in_queues) {
  cloud.answers["cloudformation ListStackResources"] = resources();
  const auto attributes = [](int waiting, int in_flight) {
    return fmt::format(
        R"({{"Attributes":{{"ApproximateNumberOfMessages":"{}","ApproximateNumberOfMessagesNotVisible":"{}"}}}})",
        waiting, in_flight);
  };
  cloud.answers["sqs GetQueueAttributes"] = attributes(0, 0);
  EXPECT_THAT(*deployer.waiting_messages("trunkline"), IsEmpty());
  cloud.answers["sqs GetQueueAttributes"] = attributes(2, 1);
  EXPECT_THAT(*deployer.waiting_messages("trunkline"), ElementsAre(testing::Pair("trunkline-7-crm-main.fifo", 3)));
  cloud.answers.erase("sqs GetQueueAttributes");
  EXPECT_THAT(*deployer.waiting_messages("trunkline"), IsEmpty()) << "somebody has deleted it";
}

TEST_F(Deploy, removes_a_table_and_waits_until_it_is_gone) {
  EXPECT_TRUE(deployer.remove_table("trunkline").ok()) << "there is none";
  cloud.answers["dynamodb DeleteTable"] = "{}";
  EXPECT_TRUE(deployer.remove_table("trunkline").ok());
  cloud.answers["dynamodb DescribeTable"] = "{}";
  EXPECT_EQ(deployer.remove_table("trunkline").error().code, Errc::timeout);
}

}  // namespace
}  // namespace trunkline::stack
