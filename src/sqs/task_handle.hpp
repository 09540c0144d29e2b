#pragma once

#include <optional>
#include <string>

namespace trunkline::sqs {

// What a TaskHandle of StartMessageMoveTask says, in AWS's form: base64 of {"taskId", "sourceArn"}.
struct TaskHandle {
  std::string id;
  std::string source_arn;
};

std::string encode_task_handle(const TaskHandle& handle);
// Nothing for what is none.
std::optional<TaskHandle> decode_task_handle(const std::string& text);

}  // namespace trunkline::sqs
