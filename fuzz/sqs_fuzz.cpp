#include <cstdint>
#include <set>
#include <string>

#include "base/check.hpp"
#include "sqs/handle.hpp"
#include "sqs/message.hpp"
#include "sqs/output.hpp"
#include "sqs/parameters.hpp"
#include "sqs/task_handle.hpp"

using namespace trunkline;

namespace {

// What was read is within its bounds, however it is asked for.
void look(const sqs::Parameters& parameters) {
  sqs::Reader reader(parameters);
  const auto count = reader.whole("MaxNumberOfMessages", 1, 10, "Must be between 1 and 10, if provided.");
  TRUNKLINE_CHECK(!count || (*count >= 1 && *count <= 10), "a number outside of its bounds");
  static_cast<void>(reader.required("QueueUrl"));
  TRUNKLINE_CHECK(parameters.list("AttributeNames").size() <= sqs::Parameters::kMax, "more than the bound");
  std::uint32_t last = 0;
  bool first = true;
  for (const std::uint32_t place : parameters.places("Entries")) {
    TRUNKLINE_CHECK(first || place > last, "places are not in their order");
    first = false;
    last = place;
  }
  // As queues' attributes and messages' attributes are read, in either protocol.
  using Values = sqs::Parameters::Values;
  for (const auto& each : parameters.members("", "Attributes", "Attribute", "Name", Values::texts))
    TRUNKLINE_CHECK(each.path.starts_with("Attribute"), "a member of something else");
  std::set<std::string> names;
  for (const auto& each :
       parameters.members("Entries.1.", "MessageAttributes", "MessageAttribute", "Name", Values::structures)) {
    TRUNKLINE_CHECK(each.path.starts_with("Entries.1.MessageAttribute"), "a member of something else");
    names.insert(each.name);
    static_cast<void>(parameters.text(each.path + ".DataType"));
  }
  TRUNKLINE_CHECK(names.size() <= sqs::Parameters::kMax, "more than the bound");
}

void handle(const std::string& text) {
  const auto decoded = sqs::decode_handle(text);
  if (!decoded) return;
  const auto again = sqs::decode_handle(sqs::encode_handle(*decoded));
  TRUNKLINE_CHECK(again && again->lease == decoded->lease && again->sequence == decoded->sequence,
                  "a handle does not survive being written again");
}

void task_handle(const std::string& text) {
  const auto decoded = sqs::decode_task_handle(text);
  if (!decoded) return;
  const auto again = sqs::decode_task_handle(sqs::encode_task_handle(*decoded));
  TRUNKLINE_CHECK(again && again->id == decoded->id && again->source_arn == decoded->source_arn,
                  "a task handle does not survive being written again");
}

void text(const std::string& text) {
  std::string out;
  sqs::append_xml_text(out, text);
  TRUNKLINE_CHECK(out.find_first_of("<>\"") == std::string::npos, "text that would be a tag");
}

}  // namespace

// First byte: a body of the JSON protocol, a form of the Query protocol, a receipt handle, a text of an answer, a
// task handle.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  sqs::Parameters parameters;
  switch (data[0] % 5) {
    case 0:
      if (!sqs::Parameters::read_json(rest, parameters)) look(parameters);
      break;
    case 1:
      if (!sqs::Parameters::read_form(rest, parameters)) look(parameters);
      break;
    case 2:
      handle(rest);
      break;
    case 3:
      text(rest);
      break;
    default:
      task_handle(rest);
  }
  return 0;
}
