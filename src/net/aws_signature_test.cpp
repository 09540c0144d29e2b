#include "net/aws_signature.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/crypto.hpp"
#include "base/text.hpp"

namespace trunkline::net {
namespace {

const std::filesystem::path kVectors = std::filesystem::path(TRUNKLINE_SOURCE_DIR) / "tests/vectors/aws_signature";
// Of AWS's own test suite.
const AwsCredentials kCredentials{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"};
const base::WallTime kNow = *base::parse_time("2015-08-30T12:36:00Z");

std::vector<std::string> split(const std::string& text, char by) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, by);) parts.push_back(part);
  return parts;
}

// Columns: name, service, method, url, headers as name:value with ';' between, body, signed headers, signature.
TEST(AwsSignature, every_vector_is_signed_as_it_says) {
  std::ifstream file(kVectors / "vectors.tsv");
  std::size_t count = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    const auto columns = split(line, '\t');
    ASSERT_EQ(columns.size(), 8u) << line;
    Headers headers;
    for (const std::string& header : split(columns[4], ';')) {
      const std::size_t colon = header.find(':');
      headers.emplace_back(header.substr(0, colon), header.substr(colon + 1));
    }
    const std::string value =
        aws_authorization(columns[2], columns[3], headers, base::hex_encode(base::sha256(columns[5])), kCredentials,
                          {"us-east-1", columns[1]}, kNow);
    EXPECT_EQ(value, "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/" + columns[1] +
                         "/aws4_request, SignedHeaders=" + columns[6] + ", Signature=" + columns[7])
        << columns[0];
    ++count;
  }
  EXPECT_GE(count, 12u) << "the table has been lost";
}

ClientRequest signed_request(const std::string& url, AwsCredentials credentials) {
  ClientRequest request;
  request.url = url;
  request.body = "{}";
  request.headers = {{"Content-Type", "application/x-ndjson"}};
  sign_for_aws(request, credentials, {"eu-west-1", "es"}, kNow);
  return request;
}

std::string header(const ClientRequest& request, std::string_view name) {
  return std::string(find_header(request.headers, name).value_or("(absent)"));
}

TEST(AwsSignature, a_request_gets_what_the_service_checks_it_by) {
  const ClientRequest plain = signed_request("https://es.example/_bulk", kCredentials);
  EXPECT_EQ(header(plain, "X-Amz-Date"), "20150830T123600Z");
  EXPECT_EQ(header(plain, "X-Amz-Content-Sha256"), base::hex_encode(base::sha256("{}")));
  EXPECT_EQ(header(plain, "X-Amz-Security-Token"), "(absent)");
  EXPECT_THAT(header(plain, "Authorization"),
              testing::HasSubstr("SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date,"));
  AwsCredentials temporary = kCredentials;
  temporary.session_token = "token";
  const ClientRequest more = signed_request("https://es.example/_bulk", temporary);
  EXPECT_EQ(header(more, "X-Amz-Security-Token"), "token");
  EXPECT_THAT(header(more, "Authorization"), testing::HasSubstr(";x-amz-security-token,"));
  EXPECT_NE(header(more, "Authorization"), header(plain, "Authorization"));
}

// What the server makes of such a request, with the signature that the table says.
HttpRequest received(const std::vector<std::string>& columns) {
  HttpRequest request;
  request.method = columns[2];
  std::string target = columns[3].substr(columns[3].find('/', columns[3].find("://") + 3));
  const std::size_t question = std::min(target.find('?'), target.size());
  request.path = percent_decode(target.substr(0, question), false).value();
  if (question < target.size()) request.query = target.substr(question + 1);
  for (const std::string& each : split(columns[4], ';')) {
    const std::size_t colon = each.find(':');
    request.headers.emplace_back(each.substr(0, colon), each.substr(colon + 1));
  }
  request.headers.emplace_back("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/" +
                                                    columns[1] + "/aws4_request, SignedHeaders=" + columns[6] +
                                                    ", Signature=" + columns[7]);
  request.body = columns[5];
  return request;
}

std::optional<std::string> secret_of(std::string_view id) {
  if (id != kCredentials.access_key_id) return std::nullopt;
  return kCredentials.secret_access_key;
}

TEST(AwsSignature, every_vector_is_verified_and_none_with_another_body) {
  std::ifstream file(kVectors / "vectors.tsv");
  std::size_t count = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    const auto columns = split(line, '\t');
    HttpRequest request = received(columns);
    const AwsSignatureCheck check = verify_aws_signature(request, secret_of, kNow);
    EXPECT_FALSE(check.fault) << columns[0] << ": " << check.detail;
    EXPECT_EQ(check.access_key_id, "AKIDEXAMPLE");
    EXPECT_EQ(check.scope.service, columns[1]);
    request.body += ' ';
    EXPECT_EQ(verify_aws_signature(request, secret_of, kNow).fault, AwsSignatureFault::wrong) << columns[0];
    ++count;
  }
  EXPECT_GE(count, 12u) << "the table has been lost";
}

// The examples of "Signature Calculations for the Authorization Header: Transferring Payload in a Single Chunk" in the
// API reference of S3.
struct S3Example {
  const char* name;
  const char* method;
  const char* url;
  Headers headers;
  std::string_view body;
  const char* signed_headers;
  const char* signature;
};
std::vector<S3Example> s3_examples() {
  const char* const usual = "host;x-amz-content-sha256;x-amz-date";
  return {
      {"get an object",
       "GET",
       "https://examplebucket.s3.amazonaws.com/test.txt",
       {{"Range", "bytes=0-9"}},
       "",
       "host;range;x-amz-content-sha256;x-amz-date",
       "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
      {"put an object, whose name is encoded once",
       "PUT",
       "https://examplebucket.s3.amazonaws.com/test%24file.text",
       {{"Date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
       "Welcome to Amazon S3.",
       "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
       "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
      {"get a bucket's lifecycle",
       "GET",
       "https://examplebucket.s3.amazonaws.com/?lifecycle",
       {},
       "",
       usual,
       "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
      {"list a bucket",
       "GET",
       "https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J",
       {},
       "",
       usual,
       "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
  };
}

TEST(AwsSignature, requests_of_s3_are_signed_as_its_documents_say) {
  const AwsCredentials credentials{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};
  const base::WallTime now = *base::parse_time("2013-05-24T00:00:00Z");
  for (const S3Example& each : s3_examples()) {
    const std::string payload = base::hex_encode(base::sha256(each.body));
    Headers headers = each.headers;
    headers.emplace_back("Host", "examplebucket.s3.amazonaws.com");
    headers.emplace_back("x-amz-content-sha256", payload);
    headers.emplace_back("x-amz-date", "20130524T000000Z");
    EXPECT_EQ(aws_authorization(each.method, each.url, headers, payload, credentials, {"us-east-1", "s3"}, now),
              std::string("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
                          "SignedHeaders=") +
                  each.signed_headers + ", Signature=" + each.signature)
        << each.name;
  }
}

TEST(AwsSignature, a_hash_that_is_known_already_is_signed_as_the_body_s) {
  ClientRequest one;
  one.url = "https://b.s3.eu-west-1.amazonaws.com/k";
  one.body = "some";
  ClientRequest other = one;
  sign_for_aws(one, kCredentials, {"eu-west-1", "s3"}, kNow);
  sign_for_aws(other, kCredentials, {"eu-west-1", "s3"}, kNow, base::hex_encode(base::sha256("some")));
  EXPECT_EQ(other.headers, one.headers);
}

// As the signing half sends it.
HttpRequest signed_for_sqs(const AwsCredentials& credentials = kCredentials) {
  ClientRequest sent;
  sent.method = "POST";
  sent.url = "http://127.0.0.1:9324/000000000000/q?a=b%20c";
  sent.body = "Action=ListQueues";
  sign_for_aws(sent, credentials, {"eu-central-1", "sqs"}, kNow);
  HttpRequest request;
  request.method = sent.method;
  request.path = "/000000000000/q";
  request.query = "a=b%20c";
  request.headers = sent.headers;
  request.headers.emplace_back("Host", "127.0.0.1:9324");
  request.body = sent.body;
  return request;
}

void replace(HttpRequest& request, std::string_view name, const std::string& value) {
  for (auto& [each, text] : request.headers)
    if (each == name) text = value;
}

TEST(AwsSignature, what_is_not_signed_as_it_came_is_refused) {
  using Fault = AwsSignatureFault;
  const auto check = [](const HttpRequest& request, base::WallTime now = kNow) {
    return verify_aws_signature(request, secret_of, now);
  };
  EXPECT_FALSE(check(signed_for_sqs()).fault);
  EXPECT_EQ(check(signed_for_sqs()).scope.region, "eu-central-1");

  HttpRequest request = signed_for_sqs();
  request.query = "a=b%20d";
  EXPECT_EQ(check(request).fault, Fault::wrong);
  request = signed_for_sqs();
  request.path = "/000000000000/other";
  EXPECT_EQ(check(request).fault, Fault::wrong);
  request = signed_for_sqs();
  replace(request, "Host", "elsewhere");
  EXPECT_EQ(check(request).fault, Fault::wrong);

  EXPECT_EQ(check(signed_for_sqs({"AKIDEXAMPLE", "another secret"})).fault, Fault::wrong);
  EXPECT_EQ(check(signed_for_sqs({"AKIDOTHER", "x"})).fault, Fault::unknown_key);

  EXPECT_FALSE(check(signed_for_sqs(), kNow + kAwsClockSkew).fault);
  EXPECT_THAT(check(signed_for_sqs(), kNow + kAwsClockSkew + std::chrono::seconds(1)).detail,
              testing::StartsWith("Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z"));
  EXPECT_FALSE(check(signed_for_sqs(), kNow - kAwsClockSkew).fault);
  EXPECT_THAT(check(signed_for_sqs(), kNow - kAwsClockSkew - std::chrono::seconds(1)).detail,
              testing::StartsWith("Signature not yet current: 20150830T123600Z"));

  request = signed_for_sqs();
  request.headers.emplace_back("X-Amz-Target", "AmazonSQS.ListQueues");
  EXPECT_THAT(check(request).detail, testing::HasSubstr("'x-amz-target' must be a 'SignedHeader'"));
  request = signed_for_sqs();
  request.headers.emplace_back("X-Amz-User-Agent", "sdk");
  EXPECT_FALSE(check(request).fault);
}

TEST(AwsSignature, an_authorization_that_cannot_be_read_says_what_it_lacks) {
  const auto check = [](const std::string& authorization) {
    HttpRequest request = signed_for_sqs();
    replace(request, "Authorization", authorization);
    return verify_aws_signature(request, secret_of, kNow);
  };
  HttpRequest request = signed_for_sqs();
  std::erase_if(request.headers, [](const auto& header) { return header.first == "Authorization"; });
  EXPECT_EQ(verify_aws_signature(request, secret_of, kNow).fault, AwsSignatureFault::absent);
  request = signed_for_sqs();
  std::erase_if(request.headers, [](const auto& header) { return header.first == "X-Amz-Date"; });
  EXPECT_EQ(verify_aws_signature(request, secret_of, kNow).fault, AwsSignatureFault::incomplete);

  EXPECT_EQ(check("Basic abc").fault, AwsSignatureFault::incomplete);
  EXPECT_EQ(check("AWS4-HMAC-SHA256").fault, AwsSignatureFault::incomplete);
  EXPECT_EQ(check("AWS4-HMAC-SHA256 Credential=a/20150830/r/sqs/aws4_request, SignedHeaders=host").detail,
            "Authorization header requires 'Signature' parameter. ");
  EXPECT_EQ(check("AWS4-HMAC-SHA256 Credential=a/r/sqs, SignedHeaders=host, Signature=0").fault,
            AwsSignatureFault::incomplete);
  EXPECT_EQ(check("AWS4-HMAC-SHA256 Credential=a/20150830/r/sqs/aws5, SignedHeaders=host, Signature=0").fault,
            AwsSignatureFault::incomplete);
  EXPECT_THAT(check("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150831/r/sqs/aws4_request, SignedHeaders=host, "
                    "Signature=0")
                  .detail,
              testing::HasSubstr("'20150831' != '20150830'"));
  EXPECT_THAT(check("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/r/sqs/aws4_request, SignedHeaders=x-amz-date, "
                    "Signature=0")
                  .detail,
              testing::StartsWith("'Host' must be a 'SignedHeader'"));
}

TEST(AwsSignature, the_host_is_as_the_client_sends_it) {
  const auto signature = [](const char* url) { return header(signed_request(url, kCredentials), "Authorization"); };
  EXPECT_EQ(signature("https://es.example:443/_bulk"), signature("https://es.example/_bulk"));
  EXPECT_EQ(signature("http://es.example:80/_bulk"), signature("https://es.example/_bulk"));
  EXPECT_NE(signature("https://es.example:9200/_bulk"), signature("https://es.example/_bulk"));
  EXPECT_NE(signature("http://es.example:443/_bulk"), signature("https://es.example/_bulk"));
}

}  // namespace
}  // namespace trunkline::net
