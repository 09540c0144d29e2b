#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sqs/fault.hpp"

namespace trunkline::sqs {

// The input of an operation, the same for both protocols: texts by path, in the names of the JSON protocol, with the
// places of lists as numbers from 1: "QueueUrl", "AttributeNames.1", "Entries.2.ReceiptHandle". Numbers and booleans are
// the texts that stand for them.
class Parameters {
 public:
  // Far above what a request needs: ten entries of ten attributes of three texts.
  static constexpr std::size_t kMax = 512;

  // The body of the JSON protocol; an empty one stands for {}.
  static std::optional<Fault> read_json(const std::string& body, Parameters& out);
  // The form of the Query protocol: a body, or the part of the target behind '?'. What is there before stays.
  static std::optional<Fault> read_form(std::string_view form, Parameters& out);

  // Nothing when it is not there.
  std::optional<std::string> text(std::string_view path) const;
  // In the order of their places, which may have gaps.
  std::vector<std::string> list(std::string_view path) const;
  // A map: in the JSON protocol `json` below `prefix`, its members by name; in the Query protocol the list `query`, whose
  // entries have the name under `key` and the value under "Value". `path` is that of the value; of a map of structures,
  // what stands before the dot and the structure's own members.
  struct Member {
    std::string name;
    std::string path;
  };
  enum class Values : std::uint8_t { texts, structures };
  std::vector<Member> members(const std::string& prefix, std::string_view json, std::string_view query,
                              std::string_view key, Values values) const;
  // The places of a list of structures, ascending.
  std::vector<std::uint32_t> places(std::string_view path) const;

 private:
  std::optional<Fault> put(std::string path, std::string value);

  std::map<std::string, std::string, std::less<>> texts_;
};

// Reads parameters and keeps the first fault, in AWS's words.
class Reader {
 public:
  explicit Reader(const Parameters& parameters) : parameters_(parameters) {}

  std::string required(std::string_view name);
  // `reason` is what AWS says of a value that is out of bounds: "Must be between 1 and 10, if provided."
  std::optional<std::int64_t> whole(std::string_view name, std::int64_t least, std::int64_t most,
                                    std::string_view reason);
  const Parameters& parameters() const { return parameters_; }
  void complain(Fault fault);
  const std::optional<Fault>& fault() const { return fault_; }

 private:
  const Parameters& parameters_;
  std::optional<Fault> fault_;
};

// Of a message from its receive on; AWS's own bound.
inline constexpr std::int64_t kVisibilitySecondsMax = 43'200;
// A visibility timeout in seconds; nothing when it is not there.
std::optional<std::int64_t> read_visibility(Reader& reader, std::string_view name);

}  // namespace trunkline::sqs
