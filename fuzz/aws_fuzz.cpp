#include <cstdint>
#include <string>

#include "aws/answers.hpp"
#include "aws/ini.hpp"
#include "aws/sqs_calls.hpp"
#include "base/check.hpp"

using namespace trunkline;

namespace {

void ini(const std::string& text) {
  const auto parsed = aws::parse_ini(text);
  if (!parsed.ok()) {
    TRUNKLINE_CHECK(parsed.error().detail.size() < 128, "an error that repeats what stands in the file");
    return;
  }
  for (const aws::IniSection& section : parsed->sections) {
    TRUNKLINE_CHECK(!section.name.empty(), "a section without a name");
    TRUNKLINE_CHECK(parsed->find(section.kind, section.name) == &section, "two sections of one name");
    for (const auto& [key, value] : section.values) {
      TRUNKLINE_CHECK(!key.empty(), "a value without a name");
      TRUNKLINE_CHECK(section.find(key).has_value(), "a value that is not found");
    }
  }
}

void credentials(const base::Result<aws::Credentials>& found) {
  if (!found.ok()) return;
  const auto& keys = found->keys;
  TRUNKLINE_CHECK(!keys.access_key_id.empty() && !keys.secret_access_key.empty(), "credentials without a key");
  TRUNKLINE_CHECK(keys.session_token.find_first_of("\r\n") == std::string::npos, "a token that ends its header");
}

void failure(const std::string& text) {
  net::ClientResponse response;
  response.status = 400;
  if (text.starts_with('t')) response.headers.emplace_back("x-amzn-errortype", text);
  response.body = text;
  const aws::Failure failure = aws::failure_of(response);
  TRUNKLINE_CHECK(failure.text().size() < 4096, "an error over its bound");
}

void queue(const std::string& text) {
  if (const auto messages = aws::parse_received(text); messages.ok()) {
    TRUNKLINE_CHECK(messages->size() <= aws::kReceiveMax, "more messages than were asked for");
    for (const auto& message : *messages) TRUNKLINE_CHECK(!message.receipt_handle.empty(), "a message without handle");
  }
  static_cast<void>(aws::parse_batch_failure(text));
  if (const auto attributes = aws::parse_attributes(text); attributes.ok()) {
    TRUNKLINE_CHECK(attributes->retention <= std::chrono::hours(24 * 14), "a time over its bound");
    static_cast<void>(aws::risks(*attributes));
  }
  static_cast<void>(aws::region_of_queue(text));
  static_cast<void>(aws::endpoint_of_queue(text));
  const std::string handles[] = {text};
  TRUNKLINE_CHECK(aws::delete_body(text, handles).size() > 2 * text.size(), "a call without its handle");
  static_cast<void>(aws::visibility_body(text, handles, base::Millis(1)));
  static_cast<void>(aws::receive_body({text, {}, {}, text}));
}

}  // namespace

// First byte: a shared file, credentials in one of their forms, a cached SSO token, an error, an answer of SQS.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 7) {
    case 0:
      ini(rest);
      break;
    case 1:
      credentials(aws::parse_endpoint_credentials(rest));
      break;
    case 2:
      credentials(aws::parse_sts_credentials(rest));
      break;
    case 3:
      credentials(aws::parse_sso_credentials(rest));
      break;
    case 4:
      static_cast<void>(aws::parse_sso_token(rest));
      break;
    case 5:
      failure(rest);
      break;
    default:
      queue(rest);
  }
  return 0;
}
