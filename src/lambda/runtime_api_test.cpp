#include "lambda/runtime_api.hpp"

#include <gtest/gtest.h>

#include <string>

namespace trunkline::lambda {
namespace {

net::ClientResponse invoked(net::Headers headers) {
  net::ClientResponse response;
  response.status = 200;
  response.headers = std::move(headers);
  response.body = "{}";
  return response;
}

TEST(LambdaRuntimeApi, AnInvocationIsReadFromItsHeaders) {
  const auto invocation = read_invocation(invoked({{"lambda-runtime-aws-request-id", "8476a536"},
                                                   {"Lambda-Runtime-Deadline-Ms", "1542409706888"},
                                                   {"Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:f"},
                                                   {"Lambda-Runtime-Trace-Id", "Root=1"}}));
  ASSERT_TRUE(invocation.ok());
  EXPECT_EQ(invocation->id, "8476a536");
  EXPECT_EQ(invocation->deadline.time_since_epoch().count(), 1'542'409'706'888);
  EXPECT_EQ(invocation->function_arn, "arn:aws:lambda:f");
  EXPECT_EQ(invocation->payload, "{}");
}

TEST(LambdaRuntimeApi, WithoutAnIdOrADeadlineItIsNone) {
  EXPECT_FALSE(read_invocation(invoked({{"Lambda-Runtime-Deadline-Ms", "1"}})).ok());
  EXPECT_FALSE(read_invocation(invoked({{"Lambda-Runtime-Aws-Request-Id", "a"}})).ok());
  EXPECT_FALSE(
      read_invocation(invoked({{"Lambda-Runtime-Aws-Request-Id", "a"}, {"Lambda-Runtime-Deadline-Ms", "soon"}})).ok());
}

TEST(LambdaRuntimeApi, AnErrorIsOfTheDocumentedForm) {
  EXPECT_EQ(error_body("Trunkline.Init", "a \"b\""),
            R"({"errorMessage":"a \"b\"","errorType":"Trunkline.Init","stackTrace":[]})");
}

}  // namespace
}  // namespace trunkline::lambda
