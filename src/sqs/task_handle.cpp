#include "sqs/task_handle.hpp"

#include "base/crypto.hpp"
#include "json/document.hpp"
#include "json/writer.hpp"

namespace trunkline::sqs {
namespace {

constexpr std::size_t kTextMax = 1'024;  // the longest ARN and an id make less than 300 bytes

}  // namespace

std::string encode_task_handle(const TaskHandle& handle) {
  std::string text;
  json::Writer writer(text);
  writer.begin_object().member("taskId", handle.id).member("sourceArn", handle.source_arn).end_object();
  return base::base64_encode(text);
}

std::optional<TaskHandle> decode_task_handle(const std::string& text) {
  if (text.size() > kTextMax) return std::nullopt;
  const auto bytes = base::base64_decode(text);
  if (!bytes) return std::nullopt;
  json::Document document;
  const auto root = document.parse(*bytes, 4);
  if (!root.ok() || !root->is(json::Type::object)) return std::nullopt;
  TaskHandle handle{std::string(root->string_at("taskId")), std::string(root->string_at("sourceArn"))};
  if (handle.id.empty() || handle.source_arn.empty()) return std::nullopt;
  return handle;
}

}  // namespace trunkline::sqs
