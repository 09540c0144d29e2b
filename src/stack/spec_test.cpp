#include "stack/spec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stack/spec_testing.hpp"
#include "stack/template.hpp"

namespace trunkline::stack {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string only_problem(const Spec& spec) {
  const auto problems = problems_of(spec);
  EXPECT_EQ(problems.size(), 1U);
  return problems.empty() ? std::string() : problems[0];
}

TEST(Spec, has_no_problems_where_it_is_right) {
  EXPECT_THAT(problems_of(sample_spec()), IsEmpty());
}

TEST(Spec, names_what_is_missing_with_the_way_out) {
  Spec spec = sample_spec();
  spec.ingests[0].bus.clear();
  EXPECT_THAT(only_problem(spec), HasSubstr("sources.genesys-prod.sqs.event_bus: missing"));
  spec.ingests.clear();
  EXPECT_THAT(only_problem(spec), HasSubstr("kind: sqs"));
  spec = sample_spec();
  spec.consumers.clear();
  EXPECT_THAT(only_problem(spec), HasSubstr("aws.deploy: ingest"));
  spec.engine = false;
  EXPECT_THAT(problems_of(spec), IsEmpty());
}

TEST(Spec, refuses_what_aws_would_refuse) {
  Spec spec = sample_spec();
  spec.prefix = "a_b";
  EXPECT_THAT(only_problem(spec), HasSubstr("aws.prefix 'a_b'"));
  spec.prefix = std::string(21, 'a');
  EXPECT_THAT(only_problem(spec), HasSubstr("1 to 20"));
  spec = sample_spec();
  spec.table = "t!";
  EXPECT_THAT(only_problem(spec), HasSubstr("aws.table"));
  spec = sample_spec();
  spec.ingests[0].queue = "genesys.fifo";
  EXPECT_THAT(only_problem(spec), HasSubstr("one message group"));
  spec.ingests[0].queue = std::string(72, 'q');
  EXPECT_THAT(only_problem(spec), HasSubstr("1 to 71 letters"));
  spec.ingests[0].queue = std::string(71, 'q');
  EXPECT_THAT(problems_of(spec), IsEmpty());
  spec = sample_spec();
  spec.ingests[0].bus = "arn:aws:events:eu-west-1:1:event-bus/b";
  EXPECT_THAT(only_problem(spec), HasSubstr("no name of an event bus"));
  spec = sample_spec();
  spec.alarm_topics = {"operators"};
  EXPECT_THAT(only_problem(spec), HasSubstr("no ARN of a topic"));
  spec.alarm_topics = {"arn:aws:sns:eu-west-1:1:operators"};
  spec.alarm_email = "a@b.example";
  EXPECT_THAT(only_problem(spec), HasSubstr("leave one"));
}

TEST(Spec, refuses_two_names_that_cloudformation_cannot_tell_apart) {
  Spec spec = sample_spec();
  spec.consumers.push_back({"crm_main", "conversation", 0, 900});
  EXPECT_THAT(only_problem(spec), HasSubstr("consumers 'crm-main' and 'crm_main' have the same name"));
  spec = sample_spec();
  spec.ingests.push_back(spec.ingests[0]);
  spec.ingests[1].source = "other";
  EXPECT_THAT(only_problem(spec), HasSubstr("another source has the queue genesys-events"));
}

TEST(Spec, holds_what_a_fifo_topic_takes) {
  Spec spec = sample_spec();
  spec.consumers.clear();
  for (int i = 0; i < 101; ++i)
    spec.consumers.push_back({"c" + std::to_string(i), i % 2 == 0 ? "none" : "conversation", 0, 60});
  EXPECT_THAT(only_problem(spec), HasSubstr("101 consumers are behind topic trunkline-conversation.fifo"));
  spec.consumers.pop_back();
  EXPECT_THAT(problems_of(spec), IsEmpty());
}

TEST(Names, are_those_of_the_engine_and_within_what_aws_takes) {
  Spec spec = sample_spec();
  EXPECT_EQ(queue_name(spec, spec.consumers[0]), "trunkline-1-siem");
  EXPECT_EQ(queue_name(spec, spec.consumers[1]), "trunkline-2-crm-main.fifo");
  EXPECT_EQ(net_name(spec, spec.consumers[1]), "trunkline-2-crm-main-net.fifo");
  EXPECT_THAT(orders_in_use(spec), ElementsAre("conversation", "agent"));
  spec.prefix = std::string(20, 'p');
  Consumer longest{std::string(64, '_'), "topic", 99'999, 60};
  EXPECT_EQ(queue_name(spec, longest), spec.prefix + "-99999-" + std::string(40, '-') + ".fifo");
  EXPECT_LE(net_name(spec, longest).size(), 80U);
  Ingest source{std::string(64, 's'), "q", "b", 60};
  const std::string first = rule_name(spec, source);
  EXPECT_EQ(first.size(), 64U);
  source.source.back() = 't';
  EXPECT_NE(rule_name(spec, source), first);
  EXPECT_EQ(camel("crm-main_2"), "CrmMain2");
}

TEST(Numbers, stay_with_their_consumers_whoever_comes_or_goes) {
  const auto known = numbers_of_template(readable(make_template(sample_spec())));
  ASSERT_TRUE(known.ok());
  EXPECT_EQ(known->last, 4U);
  Spec later = sample_spec();
  later.consumers.erase(later.consumers.begin() + 1);  // crm-main had 2
  later.consumers.pop_back();                          // wfm had 4
  later.consumers.insert(later.consumers.begin(), {"new", "none", 0, 60});
  assign_numbers(later, *known);
  EXPECT_EQ(later.consumers[0].number, 5U);
  EXPECT_EQ(later.consumers[1].number, 1U);
  EXPECT_EQ(later.consumers[2].number, 3U);
  // The number of one that has left is not given again, also by the template after that.
  const auto after = numbers_of_template(make_template(later));
  ASSERT_TRUE(after.ok());
  Spec again = sample_spec();
  assign_numbers(again, *after);
  EXPECT_EQ(again.consumers[1].number, 6U);
  EXPECT_EQ(again.consumers[3].number, 7U);
}

TEST(Numbers, are_read_from_templates_of_this_program_only) {
  EXPECT_THAT(numbers_of_template("{").error().detail, HasSubstr("no JSON"));
  EXPECT_THAT(numbers_of_template(R"({"Resources":{}})").error().detail, HasSubstr("LastQueueNumber"));
  EXPECT_EQ(number_in("trunkline-12-crm.fifo", "trunkline"), 12U);
  for (const char* name :
       {"other-12-crm", "trunkline-x-crm", "trunkline-12", "trunkline-99999999999-a", "trunkline", ""})
    EXPECT_EQ(number_in(name, "trunkline"), 0U) << name;
}

TEST(Spec, of_functions_that_Lambda_would_not_take_says_so) {
  Spec spec = sample_functions_spec();
  EXPECT_THAT(problems_of(spec), testing::IsEmpty());
  spec.consumers[0].function->timeout_seconds = 901;
  spec.functions.environment.emplace_back("LONG", std::string(4'096, 'x'));
  EXPECT_THAT(problems_of(spec),
              testing::ElementsAre(testing::HasSubstr("consumers.siem.sink: a function would need 901 s"),
                                   testing::HasSubstr("aws.functions.environment: 41")));
}

TEST(Spec, has_names_of_functions_that_Lambda_takes) {
  Spec spec = sample_functions_spec();
  EXPECT_THAT(function_names(spec), testing::ElementsAre("trunkline-ingest-genesys-prod", "trunkline-deliver-siem",
                                                         "trunkline-deliver-crm-main", "trunkline-deliver-dashboard"));
  spec.consumers[0].name = std::string(64, 'a') + "-1";
  const std::string name = function_name(spec, spec.consumers[0]);
  EXPECT_EQ(name.size(), 64U);
  spec.consumers[0].name = std::string(64, 'a') + "-2";
  EXPECT_NE(function_name(spec, spec.consumers[0]), name);
}

}  // namespace
}  // namespace trunkline::stack
