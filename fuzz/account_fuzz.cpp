#include <cstdint>
#include <string>

#include "account/answer.hpp"
#include "account/policy.hpp"
#include "base/check.hpp"

using namespace trunkline;

namespace {

void policy(const std::string& text) {
  const account::Access access{"sns.amazonaws.com", "sqs:SendMessage", "arn:aws:sqs:eu-west-1:1:q",
                               "arn:aws:sns:eu-west-1:1:t", "1"};
  const bool allowed = account::allows(text, access);
  TRUNKLINE_CHECK(!allowed || text.find("Allow") != std::string::npos || text.find('\\') != std::string::npos,
                  "what allows nothing lets somebody in");
}

void json_answer(const std::string& text) {
  std::size_t found = 0;
  const auto token = account::each_of(text, "Rules", "NextToken", [&](json::Value each) {
    ++found;
    static_cast<void>(each.string_at("Name"));
  });
  TRUNKLINE_CHECK(found <= text.size(), "more elements than bytes");
  const auto attributes = account::attributes_of(text, "Attributes");
  const auto whole = account::integer_of(text, "Timeout", 0);
  TRUNKLINE_CHECK(token.ok() == attributes.ok() && token.ok() == whole.ok(), "one text, two verdicts");
  static_cast<void>(account::member_of(text, "maxReceiveCount"));
  static_cast<void>(account::member_of(text, "NextToken"));
}

void xml_answer(const std::string& text) {
  std::size_t found = 0;
  const auto token = account::each_member(text, "Topics", [&](pugi::xml_node) { ++found; });
  TRUNKLINE_CHECK(found <= text.size(), "more elements than bytes");
  const auto entries = account::entries_of(text);
  const auto account_id = account::text_of(text, "Account");
  TRUNKLINE_CHECK(token.ok() == entries.ok() && token.ok() == account_id.ok(), "one text, two verdicts");
}

}  // namespace

// First byte: a resource's policy, an answer in JSON, an answer in XML.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0:
      policy(rest);
      break;
    case 1:
      json_answer(rest);
      break;
    default:
      xml_answer(rest);
  }
  return 0;
}
