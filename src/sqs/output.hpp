#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "json/writer.hpp"
#include "sqs/fault.hpp"
#include "sqs/message.hpp"

namespace trunkline::sqs {

enum class Protocol : std::uint8_t { json, query };

// An operation's output, member by member, as each protocol spells it. Lists have a name in either: XML repeats the
// element of one entry.
class Output {
 public:
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  virtual ~Output() = default;
  virtual void text(std::string_view name, std::string_view value) = 0;
  virtual void flag(std::string_view name, bool value) = 0;
  virtual void number(std::string_view name, std::int64_t value) = 0;
  virtual void texts(std::string_view json_name, std::string_view xml_name, const std::vector<std::string>& values) = 0;
  // `key` is what XML calls the names.
  virtual void map(std::string_view json_name, std::string_view xml_name, const Pairs& values,
                   std::string_view key = "Name") = 0;
  virtual void attributes(const std::vector<MessageAttribute>& attributes) = 0;
  virtual void begin_list(std::string_view json_name) = 0;
  virtual void begin_item(std::string_view xml_name) = 0;
  virtual void end_item(std::string_view xml_name) = 0;
  virtual void end_list() = 0;
  virtual std::string finish() = 0;  // the body; once
};
// Both services that speak the Query protocol here have a namespace of their own.
inline constexpr std::string_view kSqsNamespace = "http://queue.amazonaws.com/doc/2012-11-05/";
inline constexpr std::string_view kStsNamespace = "https://sts.amazonaws.com/doc/2011-06-15/";
std::unique_ptr<Output> make_output(Protocol protocol, std::string_view operation, std::string_view xml_namespace,
                                    std::string_view request_id);
std::string error_body(Protocol protocol, const Fault& fault, std::string_view request_id);

// Text between tags (XML 1.0), with CR and quotes escaped as AWS does. Characters that XML cannot hold become U+FFFD.
void append_xml_text(std::string& out, std::string_view text);

}  // namespace trunkline::sqs
