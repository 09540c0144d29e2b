#include "source/request_signature.hpp"

#include <gtest/gtest.h>

#include "base/crypto.hpp"

namespace trunkline::source {
namespace {

constexpr base::WallTime kNow{std::chrono::seconds(1'772'460'000)};

net::HttpRequest request(std::string body, net::Headers headers) {
  net::HttpRequest request;
  request.method = "POST";
  request.body = std::move(body);
  request.headers = std::move(headers);
  return request;
}

SignatureSpec github() {
  SignatureSpec spec;
  spec.header = "x-hub-signature-256";
  spec.prefix = "sha256=";
  spec.secrets = {{"It's a Secret to Everybody"}};
  return spec;
}

// The worked example of GitHub's documentation, "Validating webhook deliveries".
constexpr std::string_view kGithubSignature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

TEST(RequestSignature, the_example_of_github_is_right_and_any_change_is_not) {
  const auto check = [](std::string body, std::string signature) {
    return is_signed(github(), request(std::move(body), {{"X-Hub-Signature-256", std::move(signature)}}), kNow);
  };
  const std::string good(kGithubSignature);
  EXPECT_TRUE(check("Hello, World!", good));
  EXPECT_FALSE(check("Hello, World", good));
  EXPECT_FALSE(check("Hello, World!", good.substr(7))) << "without its prefix";
  EXPECT_FALSE(check("Hello, World!", good.substr(0, good.size() - 2)));
  EXPECT_FALSE(check("Hello, World!", good + "00"));
  EXPECT_FALSE(check("Hello, World!", "sha256="));
  EXPECT_FALSE(check("Hello, World!", "sha256=zz"));
  EXPECT_FALSE(check("Hello, World!", ""));
  EXPECT_FALSE(is_signed(github(), request("Hello, World!", {}), kNow));
  EXPECT_TRUE(check("Hello, World!", "sha256=00, " + good)) << "one of several";
}

TEST(RequestSignature, no_more_than_sixteen_signatures_are_compared) {
  std::string many;
  for (int i = 0; i < 16; ++i) many += "sha256=00 ";
  EXPECT_FALSE(is_signed(
      github(), request("Hello, World!", {{"x-hub-signature-256", many + std::string(kGithubSignature)}}), kNow));
}

// The worked example of the Standard Webhooks specification.
SignatureSpec standard() {
  SignatureSpec spec;
  spec.header = "webhook-signature";
  spec.prefix = "v1,";
  spec.encoding = SignatureSpec::Encoding::base64;
  spec.content = "{webhook-id}.{webhook-timestamp}.{body}";
  spec.timestamp_header = "webhook-timestamp";
  spec.secrets = {{*base::base64_decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")}};
  return spec;
}
net::HttpRequest standard_request(std::string timestamp = "1614265330") {
  return request(R"({"test": 2432232314})",
                 {{"webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"},
                  {"webhook-timestamp", std::move(timestamp)},
                  {"webhook-signature", "v1a,xxxx v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}});
}

TEST(RequestSignature, the_example_of_standard_webhooks_is_right_within_its_tolerance) {
  const base::WallTime signed_at{std::chrono::seconds(1'614'265'330)};
  const auto at = [&](std::chrono::seconds off) { return is_signed(standard(), standard_request(), signed_at + off); };
  EXPECT_TRUE(at(std::chrono::seconds(0)));
  EXPECT_TRUE(at(std::chrono::seconds(300)));
  EXPECT_FALSE(at(std::chrono::seconds(301)));
  EXPECT_TRUE(at(std::chrono::seconds(-300)));
  EXPECT_FALSE(at(std::chrono::seconds(-301)));
}

TEST(RequestSignature, a_time_stamp_that_is_missing_changed_or_no_number_is_refused) {
  const base::WallTime signed_at{std::chrono::seconds(1'614'265'330)};
  for (const std::string text :
       {"", "x", "1614265331", "1614265330.0", " 1614265330", "-1", "9223372036854775807", "99999999999999999999"})
    EXPECT_FALSE(is_signed(standard(), standard_request(text), signed_at)) << text;
  net::HttpRequest without = standard_request();
  without.headers.erase(without.headers.begin());
  EXPECT_FALSE(is_signed(standard(), without, signed_at)) << "a header that is signed is missing";
}

TEST(RequestSignature, every_secret_holds_until_its_end) {
  SignatureSpec spec = github();
  spec.algorithm = SignatureSpec::Algorithm::sha512;
  spec.secrets = {{"old", kNow + std::chrono::seconds(1)}, {"new"}};
  const auto by = [&](std::string_view secret, base::WallTime now) {
    const std::string hex = base::hex_encode(base::hmac_sha512(secret, "{}"));
    return is_signed(spec, request("{}", {{"x-hub-signature-256", "sha256=" + hex}}), now);
  };
  EXPECT_TRUE(by("old", kNow));
  EXPECT_FALSE(by("old", kNow + std::chrono::seconds(1)));
  EXPECT_TRUE(by("new", kNow + std::chrono::seconds(1)));
  EXPECT_FALSE(by("other", kNow));
}

}  // namespace
}  // namespace trunkline::source
