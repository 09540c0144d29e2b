// AddPermission and RemovePermission: statements of a queue's Policy.
#include "sqs/permission.hpp"

#include "sqs/fixture_test.hpp"

namespace trunkline::sqs {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Permissions : public testing::MadeQueues {
 protected:
  net::ClientResponse add_permission(const std::string& label, const std::string& accounts,
                                     const std::string& actions) {
    return on("AddPermission", "jobs",
              R"(,"Label":")" + label + R"(","AWSAccountIds":[)" + accounts + R"(],"Actions":[)" + actions + "]");
  }
};

TEST_F(Permissions, make_a_policy_and_take_it_away_with_the_last_one) {
  create("jobs");
  EXPECT_EQ(add_permission("one", R"("111111111111")", R"("SendMessage")").status, 200);
  const std::string head =
      R"({"Version":"2008-10-17","Id":"arn:aws:sqs:us-east-1:000000000000:jobs/SQSDefaultPolicy","Statement":[)";
  const std::string one =
      R"({"Sid":"one","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"SQS:SendMessage",)"
      R"("Resource":"arn:aws:sqs:us-east-1:000000000000:jobs"})";
  const std::string two = R"({"Sid":"two","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111111111111:root",)"
                          R"("arn:aws:iam::222222222222:root"]},"Action":["SQS:ReceiveMessage","SQS:*"],)"
                          R"("Resource":"arn:aws:sqs:us-east-1:000000000000:jobs"})";
  EXPECT_EQ(attribute("jobs", "Policy"), head + one + "]}");
  const std::string form_of_two =
      "Action=AddPermission&Label=two&AWSAccountId.1=111111111111&AWSAccountId.2=222222222222"
      "&ActionName.1=ReceiveMessage&ActionName.2=*";
  EXPECT_EQ(form(form_of_two, "/000000000000/jobs").status, 200);
  EXPECT_EQ(attribute("jobs", "Policy"), head + one + "," + two + "]}");
  EXPECT_THAT(add_permission("two", R"("111111111111")", R"("SendMessage")").body,
              HasSubstr("Value two for parameter Label is invalid. Reason: Already exists."));
  restart_unsigned();
  EXPECT_EQ(on("RemovePermission", "jobs", R"(,"Label":"one")").status, 200);
  EXPECT_EQ(attribute("jobs", "Policy"), head + two + "]}");
  EXPECT_THAT(on("RemovePermission", "jobs", R"(,"Label":"one")").body,
              HasSubstr("Value one for parameter Label is invalid. Reason: can't find label on existing policy."));
  EXPECT_EQ(on("RemovePermission", "jobs", R"(,"Label":"two")").status, 200);
  EXPECT_EQ(attribute("jobs", "Policy"), "");
}

TEST_F(Permissions, leave_what_a_policy_says_otherwise) {
  create("jobs", R"("Policy":"{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Deny\",\"x\":[1, 2]}}")");
  EXPECT_EQ(add_permission("one", R"("111111111111")", R"("SendMessage")").status, 200);
  EXPECT_THAT(attribute("jobs", "Policy"),
              HasSubstr(R"({"Version":"2012-10-17","Statement":[{"Effect":"Deny","x":[1, 2]},{"Sid":"one")"));
  EXPECT_EQ(on("RemovePermission", "jobs", R"(,"Label":"one")").status, 200);
  EXPECT_EQ(attribute("jobs", "Policy"), R"({"Version":"2012-10-17","Statement":[{"Effect":"Deny","x":[1, 2]}]})");
}

TEST_F(Permissions, that_cannot_be_are_refused_in_aws_words) {
  create("jobs");
  const std::string account = R"("111111111111")";
  const std::string many = R"("*","*","*","*","*","*","*","*")";
  const std::vector<std::array<std::string, 4>> cases = {
      {"", account, R"("SendMessage")", "The request must contain the parameter Label."},
      {"a b", account, R"("SendMessage")", "Value a b for parameter Label is invalid."},
      {"a", account, "", "The request must contain the parameter Actions."},
      {"a", account, many, "8 Actions were found, maximum allowed is 7."},
      {"a", account, R"("CreateQueue")",
       "Value SQS:CreateQueue for parameter ActionName is invalid. Reason: Only the queue owner is allowed to invoke "
       "this "
       "action."},
      {"a", account, R"("SendMessageBatch")",
       "Value SQS:SendMessageBatch for parameter ActionName is invalid. Reason: Please refer to the appropriate WSDL "
       "for a "
       "list of valid actions."},
      {"a", "", R"("SendMessage")", "Value [] for parameter PrincipalId is invalid. Reason: Unable to verify."},
      {"a", R"("1","x")", R"("SendMessage")", "Value [1, x] for parameter PrincipalId is invalid."},
  };
  for (const auto& [label, accounts, actions, message] : cases) {
    const auto answer = add_permission(label, accounts, actions);
    EXPECT_EQ(answer.status, actions == many ? 403 : 400);
    EXPECT_THAT(answer.body, HasSubstr(message));
  }
  EXPECT_EQ(attribute("jobs", "Policy"), "");
  EXPECT_EQ(on("RemovePermission", "jobs").status, 400);
  EXPECT_EQ(on("RemovePermission", "gone", R"(,"Label":"a")").status, 400);
  add("wfm", event::Order::none);
  EXPECT_THAT(on("RemovePermission", "wfm", R"(,"Label":"a")").body, HasSubstr("belongs to the configuration"));
}

}  // namespace
}  // namespace trunkline::sqs
