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

TEST(AwsSignature, the_host_is_as_the_client_sends_it) {
  const auto signature = [](const char* url) { return header(signed_request(url, kCredentials), "Authorization"); };
  EXPECT_EQ(signature("https://es.example:443/_bulk"), signature("https://es.example/_bulk"));
  EXPECT_EQ(signature("http://es.example:80/_bulk"), signature("https://es.example/_bulk"));
  EXPECT_NE(signature("https://es.example:9200/_bulk"), signature("https://es.example/_bulk"));
  EXPECT_NE(signature("http://es.example:443/_bulk"), signature("https://es.example/_bulk"));
}

}  // namespace
}  // namespace trunkline::net
