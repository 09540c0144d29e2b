#include "net/aws_keys.hpp"

#include <gtest/gtest.h>

#include "base/text.hpp"

namespace trunkline::net {
namespace {

const base::WallTime kNow = *base::parse_time("2026-01-02T03:04:05Z");

HttpRequest signed_by(const AwsCredentials& credentials, const AwsScope& scope) {
  ClientRequest signing;
  signing.method = "POST";
  signing.url = "http://hub.example/";
  signing.headers = {{"Host", "hub.example"}};
  signing.body = "Action=ListTopics";
  sign_for_aws(signing, credentials, scope, kNow);
  HttpRequest request;
  request.method = signing.method;
  request.path = "/";
  request.body = signing.body;
  request.headers = signing.headers;
  return request;
}

AwsSignatureCheck check(const AwsKeys& keys, const HttpRequest& request, std::string_view region = "eu-west-1") {
  return keys.check(request, "sns", region, kNow);
}

TEST(AwsKeys, tells_who_has_signed_for_this_service_and_region) {
  AwsKeys keys;
  keys.add("ONE", "secret");
  keys.add("TWO", "another");
  const auto good = check(keys, signed_by({"TWO", "another"}, {"eu-west-1", "sns"}));
  EXPECT_FALSE(good.fault) << good.detail;
  EXPECT_EQ(good.access_key_id, "TWO");
  EXPECT_EQ(check(keys, signed_by({"TWO", "secret"}, {"eu-west-1", "sns"})).fault, AwsSignatureFault::wrong);
  EXPECT_EQ(check(keys, signed_by({"SIX", "secret"}, {"eu-west-1", "sns"})).fault, AwsSignatureFault::unknown_key);
  EXPECT_EQ(check(keys, {}).fault, AwsSignatureFault::absent);
}

TEST(AwsKeys, what_is_signed_for_elsewhere_is_refused_in_awss_words) {
  AwsKeys keys;
  keys.add("ONE", "secret");
  const auto service = check(keys, signed_by({"ONE", "secret"}, {"eu-west-1", "sqs"}));
  EXPECT_EQ(service.fault, AwsSignatureFault::wrong);
  EXPECT_EQ(service.detail, "Credential should be scoped to correct service: 'sns'. ");
  const HttpRequest elsewhere = signed_by({"ONE", "secret"}, {"us-east-1", "sns"});
  EXPECT_EQ(check(keys, elsewhere).detail, "Credential should be scoped to a valid region, not 'us-east-1'. ");
  EXPECT_FALSE(check(keys, elsewhere, "").fault);
}

TEST(AwsKeys, without_a_key_nobody_comes_in_unless_nobody_is_asked) {
  const HttpRequest request = signed_by({"ONE", "secret"}, {"eu-west-1", "sns"});
  EXPECT_EQ(check(AwsKeys(), request).fault, AwsSignatureFault::unknown_key);
  EXPECT_FALSE(check(AwsKeys::unchecked(), request).fault);
  EXPECT_FALSE(check(AwsKeys::unchecked(), {}).fault);
}

}  // namespace
}  // namespace trunkline::net
