#include "config/sqs_queue.hpp"

#include <fmt/format.h>

namespace trunkline::config {

void read_sqs_queue(const YamlNode::Member& source, const ScopeReader& reader, Source& out) {
  Diagnostics& diagnostics = reader.context.diagnostics;
  const YamlNode::Member* given = source.value.find("sqs");
  if (const YamlNode::Member* auth = source.value.find("auth");
      auth != nullptr && (out.kind == SourceKind::sqs || out.kind == SourceKind::put_events))
    diagnostics.error(auth->place, fmt::format("'{}.auth' is for a source over HTTP; {} say who may", reader.path,
                                               out.kind == SourceKind::sqs ? "AWS credentials" : "'sqs.keys'"));
  if (out.kind != SourceKind::sqs) {
    if (given != nullptr) diagnostics.error(given->place, fmt::format("'{}.sqs' is for 'kind: sqs'", reader.path));
    return;
  }
  if (given == nullptr || given->value.kind != YamlNode::Kind::map) {
    diagnostics.error(given == nullptr ? source.place : given->value.place,
                      fmt::format("'{0}' of kind sqs needs '{0}.sqs', a map with queue_url", reader.path));
    return;
  }
  const std::string path = reader.path + ".sqs";
  SqsQueue queue;
  read_scope(given->value, given->place, sqs_queue_table(), {path, {}, reader.context}, queue);
  if (queue.access_key_id.empty() != queue.secret_access_key.empty())
    diagnostics.error(given->place, fmt::format("'{0}.access_key_id' and '{0}.secret_access_key' go together", path));
  if (!queue.session_token.empty() && queue.access_key_id.empty())
    diagnostics.error(given->place, fmt::format("'{0}.session_token' needs '{0}.access_key_id'", path));
  out.queue = std::move(queue);
}

}  // namespace trunkline::config
