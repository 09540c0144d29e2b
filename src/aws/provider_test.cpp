#include "aws/provider.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "aws/fake_transport_test.hpp"
#include "base/crypto.hpp"
#include "base/sha1.hpp"
#include "base/text.hpp"

namespace trunkline::aws {
namespace {

using testing::FakeTransport;

constexpr const char* kStsAnswer =
    "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>s/+&amp;"
    "</SecretAccessKey><SessionToken>token==</SessionToken><Expiration>2026-03-02T15:00:00Z</Expiration></Credentials>"
    "</AssumeRoleResult></AssumeRoleResponse>";
constexpr const char* kEndpointAnswer =
    R"({"Code":"Success","AccessKeyId":"ASIA2","SecretAccessKey":"s","Token":"t","Expiration":"2026-03-02T15:00:00Z"})";

class AwsProvider : public testing::HomeTest {
 protected:
  ProviderContext context() { return {environment(), transport_, clock_, {}}; }
  // What it says; nothing while it waits for an answer.
  void find(std::unique_ptr<Provider> provider) {
    provider_ = std::move(provider);
    found_.reset();
    provider_->find([this](Found found) { found_ = std::move(found); });
  }
  std::string absent() const {
    const auto* absent = found_ ? std::get_if<Absent>(&*found_) : nullptr;
    return absent == nullptr ? "not absent" : absent->why;
  }
  std::string error() const {
    const auto* error = found_ ? std::get_if<base::Error>(&*found_) : nullptr;
    return error == nullptr ? "no error" : error->detail;
  }
  Credentials credentials() const {
    const auto* good = found_ ? std::get_if<Credentials>(&*found_) : nullptr;
    return good == nullptr ? Credentials{{"none: " + error(), ""}} : *good;
  }

  base::ManualClock clock_;
  FakeTransport transport_;
  std::unique_ptr<Provider> provider_;
  std::optional<Found> found_;
};

TEST_F(AwsProvider, environment_needs_both_keys_or_none) {
  find(environment_provider(context()));
  EXPECT_EQ(absent(), "AWS_ACCESS_KEY_ID is not set");
  variables_["AWS_ACCESS_KEY_ID"] = "AKIA";
  find(environment_provider(context()));
  EXPECT_EQ(error(), "AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not");
  variables_["AWS_SECRET_ACCESS_KEY"] = "secret";
  variables_["AWS_SESSION_TOKEN"] = "token";
  find(environment_provider(context()));
  EXPECT_EQ(credentials().keys.access_key_id, "AKIA");
  EXPECT_EQ(credentials().keys.session_token, "token");
  EXPECT_FALSE(credentials().expires);
}

TEST_F(AwsProvider, web_identity_assumes_the_role_with_the_files_token_unsigned) {
  write("token", "eyJ.x+y");
  variables_["AWS_WEB_IDENTITY_TOKEN_FILE"] = path("token");
  variables_["AWS_ROLE_ARN"] = "arn:aws:iam::1:role/r";
  variables_["AWS_ROLE_SESSION_NAME"] = "pod";
  variables_["AWS_REGION"] = "eu-west-1";
  find(web_identity_provider(context()));
  auto sent = transport_.take();
  EXPECT_EQ(sent.request.url, "https://sts.eu-west-1.amazonaws.com/");
  EXPECT_EQ(sent.request.body,
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&DurationSeconds=3600&RoleArn=arn%3Aaws%3Aiam%3A%3A1%"
            "3Arole%2Fr&RoleSessionName=pod&WebIdentityToken=eyJ.x%2By");
  EXPECT_EQ(sent.header("Authorization"), "");
  sent.answer(200, kStsAnswer);
  EXPECT_EQ(credentials().keys.access_key_id, "ASIA1");
  EXPECT_EQ(credentials().keys.secret_access_key, "s/+&");
  EXPECT_EQ(credentials().keys.session_token, "token==");
  EXPECT_EQ(credentials().expires, base::parse_time("2026-03-02T15:00:00Z"));
}

TEST_F(AwsProvider, web_identity_says_what_sts_says) {
  write("token", "secret-token");
  variables_["AWS_WEB_IDENTITY_TOKEN_FILE"] = path("token");
  find(web_identity_provider(context()));
  EXPECT_EQ(error(), "AWS_WEB_IDENTITY_TOKEN_FILE is set and AWS_ROLE_ARN is not");
  variables_["AWS_ROLE_ARN"] = "arn";
  find(web_identity_provider(context()));
  auto sent = transport_.take();
  EXPECT_EQ(sent.request.url, "https://sts.us-east-1.amazonaws.com/");
  sent.answer(400,
              "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidIdentityToken</Code><Message>No &lt;key&gt;"
              "</Message></Error><RequestId>r-1</RequestId></ErrorResponse>");
  EXPECT_EQ(error(), "STS: InvalidIdentityToken: No <key> (HTTP 400, request r-1)");
  variables_["AWS_WEB_IDENTITY_TOKEN_FILE"] = path("gone");
  find(web_identity_provider(context()));
  EXPECT_EQ(error(), path("gone") + ": No such file or directory");
}

TEST_F(AwsProvider, profile_is_absent_unless_it_was_named) {
  find(profile_provider(context()));
  EXPECT_TRUE(absent().starts_with("no profile 'default' in ")) << absent();
  variables_["AWS_PROFILE"] = "prod";
  find(profile_provider(context()));
  EXPECT_TRUE(error().starts_with("no profile 'prod' in ")) << error();
}

TEST_F(AwsProvider, profile_has_keys) {
  write(".aws/credentials", "[default]\naws_access_key_id = AKIA\naws_secret_access_key = s\naws_session_token = t\n");
  find(profile_provider(context()));
  EXPECT_EQ(credentials().keys.access_key_id, "AKIA");
  EXPECT_EQ(credentials().keys.session_token, "t");
  EXPECT_EQ(credentials().provider, "profile default");
}

TEST_F(AwsProvider, profile_assumes_its_role_with_the_keys_of_its_source) {
  write(
      ".aws/config",
      "[profile app]\nrole_arn = arn:r\nsource_profile = base\nexternal_id = e\nregion = eu-west-1\nrole_session_name "
      "= me\n");
  write(".aws/credentials", "[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = s\n");
  variables_["AWS_PROFILE"] = "app";
  find(profile_provider(context()));
  auto sent = transport_.take();
  EXPECT_EQ(sent.request.url, "https://sts.eu-west-1.amazonaws.com/");
  EXPECT_EQ(
      sent.request.body,
      "Action=AssumeRole&Version=2011-06-15&DurationSeconds=3600&RoleArn=arn%3Ar&RoleSessionName=me&ExternalId=e");
  EXPECT_NE(sent.header("Authorization").find("Credential=AKIABASE/20260302/eu-west-1/sts/"), std::string::npos);
  sent.answer(200, kStsAnswer);
  EXPECT_EQ(credentials().keys.access_key_id, "ASIA1");
  EXPECT_EQ(credentials().provider, "profile app (role)");
}

TEST_F(AwsProvider, profiles_that_lead_in_a_circle_end) {
  write(".aws/config",
        "[profile a]\nrole_arn = x\nsource_profile = b\n[profile b]\nrole_arn = y\nsource_profile = a\n");
  variables_["AWS_PROFILE"] = "a";
  find(profile_provider(context()));
  EXPECT_EQ(error(), "profile 'b': its source_profile leads on too often");
}

TEST_F(AwsProvider, profile_says_what_it_cannot_do) {
  variables_["AWS_PROFILE"] = "p";
  for (const auto& [text, said] : std::vector<std::pair<std::string, std::string>>{
           {"credential_process = x", "credential_process is not run by this program"},
           {"role_arn = x\ncredential_source = Environment", "credential_source is not known here"},
           {"aws_access_key_id = x", "has no aws_secret_access_key"},
           {"role_arn = x\nsource_profile = p", "its source_profile is itself, and it has no keys"},
           {"role_arn = x\nsource_profile = q", "is in neither of the shared files"},
           {"sso_session = corp", "there is no [sso-session corp]"},
           {"sso_start_url = x", "SSO needs sso_region"}}) {
    write(".aws/config", "[profile p]\n" + text + "\n");
    find(profile_provider(context()));
    EXPECT_NE(error().find(said), std::string::npos) << error();
  }
  write(".aws/config", "[profile p]\nregion = eu-west-1\n");
  find(profile_provider(context()));
  EXPECT_EQ(absent(), "profile 'p' has no credentials");
}

class AwsSso : public AwsProvider {
 protected:
  AwsSso() {
    variables_["AWS_PROFILE"] = "sso";
    write(".aws/config",
          "[profile sso]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = Read Only\n[sso-session "
          "corp]\nsso_region = eu-central-1\nsso_start_url = https://corp.awsapps.com/start\n");
  }
  void token(const std::string& expires) {
    write(".aws/sso/cache/" + base::hex_encode(base::sha1("corp")) + ".json",
          R"({"accessToken":"sso-token","expiresAt":")" + expires + R"("})");
  }
};

TEST(Sha1, is_that_of_its_rfc) {
  EXPECT_EQ(base::hex_encode(base::sha1("abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
}

TEST_F(AwsSso, trades_the_cached_token_for_the_roles_credentials) {
  token("2026-03-02T20:00:00Z");
  find(profile_provider(context()));
  auto sent = transport_.take();
  EXPECT_EQ(sent.request.method, "GET");
  EXPECT_EQ(sent.request.url,
            "https://portal.sso.eu-central-1.amazonaws.com/federation/credentials?role_name=Read%20Only&account_id="
            "123456789012");
  EXPECT_EQ(sent.header("x-amz-sso_bearer_token"), "sso-token");
  sent.answer(200, R"({"roleCredentials":{"accessKeyId":"ASIA3","secretAccessKey":"s","sessionToken":"t",)"
                   R"("expiration":1772463600000}})");
  EXPECT_EQ(credentials().keys.access_key_id, "ASIA3");
  EXPECT_EQ(credentials().expires, base::parse_time("2026-03-02T15:00:00Z"));
  EXPECT_EQ(credentials().provider, "profile sso (SSO)");
}

TEST_F(AwsSso, says_how_to_log_in_again) {
  find(profile_provider(context()));
  EXPECT_TRUE(error().ends_with("run `aws sso login --profile sso`")) << error();
  token("2020-06-10T18:18:58UTC");
  find(profile_provider(context()));
  EXPECT_EQ(error(),
            "profile 'sso': the SSO session ended at 2020-06-10T18:18:58.000Z; run `aws sso login --profile sso`");
  token("2026-03-02T20:00:00Z");
  find(profile_provider(context()));
  transport_.take().answer(401, R"({"message":"Session token not found or invalid"})",
                           {{"x-amzn-errortype", "UnauthorizedException:http://internal/"}});
  EXPECT_EQ(error(),
            "SSO: UnauthorizedException: Session token not found or invalid (HTTP 401); run `aws sso login --profile "
            "sso`");
}

TEST_F(AwsProvider, container_is_asked_with_the_token_of_the_file) {
  find(container_provider(context()));
  EXPECT_EQ(absent(), "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and _FULL_URI are not set");
  variables_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://169.254.170.23/v1/credentials";
  variables_["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "of the environment";
  variables_["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = path("token");
  find(container_provider(context()));
  EXPECT_EQ(error(), path("token") + ": No such file or directory");
  write("token", "of the file\n");
  find(container_provider(context()));
  auto sent = transport_.take();
  EXPECT_EQ(sent.request.url, "http://169.254.170.23/v1/credentials");
  EXPECT_EQ(sent.header("Authorization"), "of the file");
  sent.answer(200, kEndpointAnswer);
  EXPECT_EQ(credentials().keys.access_key_id, "ASIA2");
  variables_["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/v2/credentials/1";
  find(container_provider(context()));
  EXPECT_EQ(transport_.take().request.url, "http://169.254.170.2/v2/credentials/1");
  write("token", "two\nlines\n");
  find(container_provider(context()));
  EXPECT_EQ(error(), "the container's authorization token has a line break in it");
}

TEST_F(AwsProvider, container_is_not_asked_at_other_hosts_in_the_clear) {
  for (const char* good : {"https://example.com/x", "http://127.0.0.1:80/x", "http://127.1.2.3", "http://localhost/x",
                           "http://[::1]:9/x", "http://169.254.170.2/x", "http://[fd00:ec2::23]/x"})
    EXPECT_TRUE(is_allowed_container_uri(good)) << good;
  for (const char* bad :
       {"http://example.com/x", "http://127.example.org/", "http://169.254.169.254/x", "ftp://127.0.0.1", "127.0.0.1/x",
        "http://127.0.0.1@example.com/", "http://", "http://[fd00::1]/"})
    EXPECT_FALSE(is_allowed_container_uri(bad)) << bad;
  variables_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://example.com/x";
  find(container_provider(context()));
  EXPECT_TRUE(error().starts_with("AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor at this machine"));
  EXPECT_TRUE(transport_.sent.empty());
}

TEST_F(AwsProvider, instance_metadata_is_read_with_a_session_token) {
  find(instance_provider(context()));
  auto put = transport_.take();
  EXPECT_EQ(put.request.method + " " + put.request.url, "PUT http://169.254.169.254/latest/api/token");
  EXPECT_EQ(put.header("X-aws-ec2-metadata-token-ttl-seconds"), "21600");
  put.answer(200, "imds-token");
  auto roles = transport_.take();
  EXPECT_EQ(roles.request.url, "http://169.254.169.254/latest/meta-data/iam/security-credentials/");
  EXPECT_EQ(roles.header("X-aws-ec2-metadata-token"), "imds-token");
  roles.answer(200, "hub-role\n");
  auto keys = transport_.take();
  EXPECT_EQ(keys.request.url, "http://169.254.169.254/latest/meta-data/iam/security-credentials/hub-role");
  EXPECT_EQ(keys.header("X-aws-ec2-metadata-token"), "imds-token");
  keys.answer(200, kEndpointAnswer);
  EXPECT_EQ(credentials().keys.access_key_id, "ASIA2");
  EXPECT_EQ(credentials().provider, "instance metadata (hub-role)");
}

TEST_F(AwsProvider, instance_metadata_that_is_not_there_is_absent_and_a_broken_one_an_error) {
  variables_["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"] = "ipv6";
  find(instance_provider(context()));
  auto put = transport_.take();
  EXPECT_EQ(put.request.url, "http://[fd00:ec2::254]/latest/api/token");
  put.fail(base::Errc::timeout);
  EXPECT_NE(absent().find("http-put-response-hop-limit"), std::string::npos) << absent();
  variables_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = "http://127.0.0.1:1/";
  find(instance_provider(context()));
  transport_.take().answer(403, "");
  EXPECT_EQ(absent(), "http://127.0.0.1:1 gives no token (HTTP 403)");
  find(instance_provider(context()));
  transport_.take().answer(200, "t");
  transport_.take().answer(404, "");
  EXPECT_EQ(absent(), "the instance has no role");
  find(instance_provider(context()));
  transport_.take().answer(200, "t");
  transport_.take().answer(200, "../../x");
  EXPECT_EQ(error(), "instance metadata: the role has no name");
  find(instance_provider(context()));
  transport_.take().answer(200, "t");
  transport_.take().answer(200, "r");
  transport_.take().answer(200, R"({"Code":"AssumeRoleUnauthorizedAccess"})");
  EXPECT_EQ(error(), "instance metadata: the answer says AssumeRoleUnauthorizedAccess");
  variables_["AWS_EC2_METADATA_DISABLED"] = "True";
  find(instance_provider(context()));
  EXPECT_EQ(absent(), "AWS_EC2_METADATA_DISABLED is true");
}

TEST_F(AwsProvider, answers_that_are_no_credentials_say_why_and_show_no_secret) {
  for (const auto& [body, said] : std::vector<std::pair<std::string, std::string>>{
           {"nonsense", "is no JSON object"},
           {R"({"SecretAccessKey":"SECRET"})", "has no access key id"},
           {R"({"AccessKeyId":"a"})", "has no secret access key"},
           {R"({"AccessKeyId":"a","SecretAccessKey":"SECRET","Token":"x\ny"})", "other characters"},
           {R"({"AccessKeyId":"a","SecretAccessKey":"SECRET","Expiration":"soon"})", "is no time"}}) {
    const auto found = parse_endpoint_credentials(body);
    ASSERT_FALSE(found.ok()) << body;
    EXPECT_NE(found.error().detail.find(said), std::string::npos) << found.error().detail;
    EXPECT_EQ(found.error().detail.find("SECRET"), std::string::npos);
  }
}

}  // namespace
}  // namespace trunkline::aws
