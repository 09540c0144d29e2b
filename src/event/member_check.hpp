#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "event/rejected.hpp"
#include "json/document.hpp"

namespace trunkline::event {

// Reads the members of an envelope and collects everything that is wrong with them, so that one answer names it all.
// `label` is the member's path in that answer.
class MemberCheck {
 public:
  // Required.
  std::optional<json::Value> object(json::Value from, std::string_view name, std::string_view label);
  void array(json::Value from, std::string_view name, std::string_view label);
  std::string_view string(json::Value from, std::string_view name, std::string_view label);
  std::string_view text(json::Value from, std::string_view name, std::string_view label);  // a string that is not empty
  void digits(json::Value from, std::string_view name, std::string_view label);            // a string of digits
  void time(json::Value from, std::string_view name, std::string_view label);              // an RFC 3339 string
  // May be absent.
  void optional_object(json::Value from, std::string_view name, std::string_view label);
  std::string_view optional_time(json::Value from, std::string_view name, std::string_view label);

  bool ok() const { return missing_.empty() && wrong_.empty(); }
  // missing_member when any is missing.
  Reason reason() const { return missing_.empty() ? Reason::wrong_member : Reason::missing_member; }
  std::string detail() const;

 private:
  std::optional<json::Value> typed(json::Value from, std::string_view name, std::string_view label, json::Type type);
  void add_wrong(std::string_view label, std::string_view what);

  std::string missing_;
  std::string wrong_;
};

}  // namespace trunkline::event
