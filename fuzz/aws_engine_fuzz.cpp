#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "aws_engine/answers.hpp"
#include "aws_engine/codec.hpp"
#include "aws_engine/item.hpp"
#include "aws_engine/outbox.hpp"
#include "base/check.hpp"

using namespace trunkline;
using namespace trunkline::aws_engine;

namespace {

// What is read goes into every request that can be made of it.
void requests(const Item& item) {
  const std::string get = get_request("t", item);
  TRUNKLINE_CHECK(get.size() > 2, "a request without its key");
  for (const WriteKind kind : {WriteKind::put, WriteKind::update, WriteKind::remove}) {
    const Write write{kind, item, kind == WriteKind::update ? "SET a = :a" : "", "attribute_exists(pk)", item};
    TRUNKLINE_CHECK(single_request("t", write).size() > get.size(), "a write that says less than its key");
    TRUNKLINE_CHECK(!operation_of(write).empty(), "a write without a name");
    static_cast<void>(transaction_request("t", {write, write}, "token"));
  }
  static_cast<void>(batch_get_request("t", {item, item}));
  for (const auto& start : {std::optional<Item>(), std::optional<Item>(item)})
    static_cast<void>(scan_request("t", "e_n = :n", item, "pk, sk", start));
  for (const char* from : {"", "a"}) {
    for (const char* to : {"", "b"}) {
      static_cast<void>(query_request("t", {item.text("pk"), from, to, 10, true, item, "e_group IN (:g)", item}));
    }
  }
}

// What is written is read as it was.
void written(std::string_view bytes) {
  Item item(bytes, "sk");
  item.number("e_n", bytes.size()).bytes("e_b", bytes);
  std::string out = R"({"Item":)";
  json::Writer writer(out);
  item.write(writer);
  const auto again = read_item(out + "}");
  TRUNKLINE_CHECK(
      again.ok() && again->has_value() && (*again)->number("e_n") == bytes.size() && (*again)->bytes("e_b") == bytes,
      "an item that does not come back");
}

void answers(const std::string& text) {
  if (const auto page = read_page(text); page.ok()) {
    for (const Item& item : page->items) {
      requests(item);
      // An item says itself as it was read.
      std::string out = R"({"Item":)";
      json::Writer writer(out);
      item.write(writer);
      const auto again = read_item(out + "}");
      TRUNKLINE_CHECK(again.ok() && again->has_value() && (*again)->text("pk") == item.text("pk"), "an item changes");
    }
  }
  static_cast<void>(read_item(text));
  static_cast<void>(read_batch(text, "t"));
  if (const auto item = read_attributes(text); item.ok()) {
    static_cast<void>(item->number("e_n") + item->bytes("e_b").size() + (item->has("e_b") && !item->empty() ? 1 : 0));
  }
}

void head(std::string_view bytes) {
  const auto record = decode_head({7}, bytes);
  if (!record.ok()) return;
  TRUNKLINE_CHECK(decode_head({7}, encode_head(*record)).ok(), "a record that does not come back");
  engine::Record with_body = *record;
  for (const std::string& raw : {std::string("{}"), std::string(262'144, ' '), std::string("\xEF\xBF\xBE")}) {
    with_body.event.raw = raw;
    const MessageText text = message_text(with_body, {{1}});
    const auto read = read_message(text.body, text.head);
    TRUNKLINE_CHECK(read.ok() && read->record.sequence == with_body.sequence, "a message that does not come back");
  }
}

void stored(std::string_view bytes) {
  if (const auto twins = decode_twins(bytes); twins.ok())
    TRUNKLINE_CHECK(encode_twins(*twins) == bytes, "twins that change");
  if (const auto held = decode_held(bytes); held.ok()) TRUNKLINE_CHECK(decode_held(encode_held(*held)).ok(), "a lease");
  if (const auto input = decode_quarantined(7, bytes); input.ok())
    TRUNKLINE_CHECK(decode_quarantined(7, encode_quarantined(*input)).ok(), "an input that does not come back");
}

}  // namespace

// First byte: an answer of DynamoDB, of SNS, of SQS, a message's attribute, a record's head, what is stored, a group.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 6) {
    case 0:
      answers(rest);
      break;
    case 1:
      TRUNKLINE_CHECK(published_ids(rest).size() + sent_ids(rest).size() <= rest.size(), "more ids than bytes");
      break;
    case 2:
      static_cast<void>(read_message("{}", rest));
      break;
    case 3:
      head(rest);
      break;
    case 4:
      stored(rest);
      break;
    default:
      TRUNKLINE_CHECK(message_group_id(rest).size() <= 128, "a group that SQS refuses");
      if (is_message_text(rest)) written(rest);
  }
  return 0;
}
