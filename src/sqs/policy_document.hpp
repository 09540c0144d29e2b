#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace trunkline::sqs {

// A statement as AddPermission makes one.
struct Permission {
  std::string label;
  std::vector<std::string> accounts;
  std::vector<std::string> actions;
};

// A Policy of a queue or a topic as far as it is changed here: the statements, and all other members as they stand.
class PolicyDocument {
 public:
  // A text that is none makes a Policy of that Id without statements.
  PolicyDocument(const std::string& text, const std::string& id);

  bool has(std::string_view label) const;
  bool empty() const { return statements_.empty(); }
  // Allows the accounts the actions on the resource. `service` stands before each action: "SQS".
  void add(std::string_view service, const std::string& arn, const Permission& permission);
  // Whether there was one of that label.
  bool remove(std::string_view label);
  std::string text() const;

 private:
  struct Statement {
    std::string label;  // empty: it has none
    std::string text;
  };
  std::vector<std::pair<std::string, std::string>> members_;
  std::vector<Statement> statements_;
};

}  // namespace trunkline::sqs
