#include <fmt/format.h>

#include "aws_engine/codec.hpp"
#include "aws_engine/outbox.hpp"
#include "base/bytes.hpp"
#include "base/crypto.hpp"

namespace trunkline::aws_engine {
namespace {

// SNS counts 262,144 bytes over body and attributes; names, types and the group are below the difference.
constexpr std::size_t kMessageMax = 260'000;
constexpr std::string_view kInTable = R"({"trunkline":"the body is in the table"})";

}  // namespace

std::string route_name(base::QueueId queue) {
  return fmt::format("q{}", queue.value);
}

// Attribute "trunkline": sequence, where the body is, everything else of the record.
MessageText message_text(const engine::Record& record, const std::set<base::QueueId>& without) {
  MessageText text;
  json::Writer routes(text.routes);
  routes.begin_array();
  for (const base::QueueId queue : record.routes) {
    if (!without.contains(queue)) routes.string(route_name(queue));
  }
  routes.end_array();
  std::string head;
  base::put_u64(head, record.sequence.value);
  head.push_back(0);
  head += encode_head(record);
  const std::size_t size = record.event.raw.size() + head.size() * 4 / 3 + text.routes.size();
  const bool in_table = size > kMessageMax || !is_message_text(record.event.raw);
  head[8] = in_table ? 1 : 0;
  text.head = base::base64_encode(head);
  text.body = in_table ? std::string(kInTable) : record.event.raw;
  return text;
}

base::Result<ReceivedEvent> read_message(std::string_view body, std::string_view head) {
  const auto bytes = base::base64_decode(head);
  if (!bytes) return {base::Errc::corrupt, "a message without its attribute `trunkline`"};
  base::ByteReader in(*bytes);
  const base::Sequence sequence{in.u64()};
  const bool in_table = in.u8() != 0;
  if (!in.ok()) return {base::Errc::corrupt, "a message without its attribute `trunkline`"};
  TRUNKLINE_TRY(engine::Record record, decode_head(sequence, in.take(in.left())));
  if (!in_table) record.event.raw = body;
  return ReceivedEvent{std::move(record), in_table};
}

}  // namespace trunkline::aws_engine
