#include "aws_engine/item.hpp"

#include <fmt/format.h>

#include <charconv>

#include "base/crypto.hpp"

namespace trunkline::aws_engine {
namespace {

using base::Errc;
using base::Error;
using base::Result;

Error broken() {
  return {Errc::unavailable, "DynamoDB's answer is not what it should be"};
}

void write_expressions(json::Writer& out, const Write& write) {
  if (!write.condition.empty()) out.member("ConditionExpression", write.condition);
  if (!write.update.empty()) out.member("UpdateExpression", write.update);
  if (!write.values.empty()) {
    out.key("ExpressionAttributeValues");
    write.values.write(out);
  }
}

void write_members(json::Writer& out, std::string_view table, const Write& write) {
  out.member("TableName", table);
  out.key(write.kind == WriteKind::put ? "Item" : "Key");
  write.item.write(out);
  write_expressions(out, write);
}

}  // namespace

Item::Item(std::string_view pk, std::string_view sk) {
  text("pk", pk);
  text("sk", sk);
}

Item& Item::text(std::string_view name, std::string_view value) {
  attributes_[std::string(name)] = {'S', std::string(value)};
  return *this;
}
Item& Item::number(std::string_view name, std::uint64_t value) {
  attributes_[std::string(name)] = {'N', std::to_string(value)};
  return *this;
}
Item& Item::bytes(std::string_view name, std::string_view value) {
  attributes_[std::string(name)] = {'B', std::string(value)};
  return *this;
}

std::string Item::text(std::string_view name) const {
  const auto found = attributes_.find(name);
  return found != attributes_.end() && found->second.type == 'S' ? found->second.value : std::string();
}
std::uint64_t Item::number(std::string_view name) const {
  const auto found = attributes_.find(name);
  std::uint64_t value = 0;
  if (found != attributes_.end() && found->second.type == 'N') {
    const std::string& digits = found->second.value;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
  }
  return value;
}
const std::string& Item::bytes(std::string_view name) const {
  static const std::string kNone;
  const auto found = attributes_.find(name);
  return found != attributes_.end() && found->second.type == 'B' ? found->second.value : kNone;
}

void Item::write(json::Writer& out) const {
  out.begin_object();
  for (const auto& [name, attribute] : attributes_) {
    out.key(name).begin_object().key(std::string_view(&attribute.type, 1));
    if (attribute.type == 'B') {
      out.string(base::base64_encode(attribute.value));
    } else {
      out.string(attribute.value);
    }
    out.end_object();
  }
  out.end_object();
}

Item Item::read(json::Value object) {
  Item item;
  for (auto member = object.first(); member; member = member->next()) {
    const auto value = member->first();
    if (!value || value->name().size() != 1 || !value->is(json::Type::string)) continue;
    const char type = value->name()[0];
    if (type == 'S' || type == 'N') {
      item.attributes_[std::string(member->name())] = {type, std::string(value->string())};
    } else if (type == 'B') {
      if (auto bytes = base::base64_decode(value->string()))
        item.attributes_[std::string(member->name())] = {type, std::move(*bytes)};
    }
  }
  return item;
}

std::string_view operation_of(const Write& write) {
  if (write.kind == WriteKind::put) return "PutItem";
  return write.kind == WriteKind::update ? "UpdateItem" : "DeleteItem";
}

std::string single_request(std::string_view table, const Write& write) {
  std::string body;
  json::Writer out(body);
  out.begin_object();
  write_members(out, table, write);
  if (write.kind == WriteKind::update) out.member("ReturnValues", "ALL_NEW");
  out.end_object();
  return body;
}

std::string transaction_request(std::string_view table, const std::vector<Write>& writes, std::string_view token) {
  std::string body;
  json::Writer out(body);
  out.begin_object().member("ClientRequestToken", token).key("TransactItems").begin_array();
  for (const Write& write : writes) {
    out.begin_object().key(write.kind == WriteKind::put      ? "Put"
                           : write.kind == WriteKind::update ? "Update"
                                                             : "Delete");
    out.begin_object();
    write_members(out, table, write);
    out.end_object().end_object();
  }
  out.end_array().end_object();
  return body;
}

std::string get_request(std::string_view table, const Item& key) {
  std::string body;
  json::Writer out(body);
  out.begin_object().member("TableName", table).member("ConsistentRead", true).key("Key");
  key.write(out);
  out.end_object();
  return body;
}

std::string batch_get_request(std::string_view table, const std::vector<Item>& keys) {
  std::string body;
  json::Writer out(body);
  out.begin_object().key("RequestItems").begin_object().key(table).begin_object();
  out.member("ConsistentRead", true).key("Keys").begin_array();
  for (const Item& key : keys) key.write(out);
  out.end_array().end_object().end_object().end_object();
  return body;
}

std::string query_request(std::string_view table, const QueryRequest& query) {
  std::string body;
  json::Writer out(body);
  Item values = query.values;
  values.text(":pk", query.pk);
  std::string condition = "pk = :pk";
  if (!query.from.empty() && !query.to.empty()) {
    condition += " AND sk BETWEEN :from AND :to";
  } else if (!query.from.empty()) {
    condition += " AND sk >= :from";
  } else if (!query.to.empty()) {
    condition += " AND sk <= :to";
  }
  if (!query.from.empty()) values.text(":from", query.from);
  if (!query.to.empty()) values.text(":to", query.to);
  out.begin_object().member("TableName", table).member("ConsistentRead", true);
  out.member("KeyConditionExpression", condition).key("ExpressionAttributeValues");
  values.write(out);
  out.member("Limit", std::uint64_t{query.limit});
  if (query.count_only) out.member("Select", "COUNT");
  if (!query.filter.empty()) out.member("FilterExpression", query.filter);
  if (query.start) {
    out.key("ExclusiveStartKey");
    query.start->write(out);
  }
  out.end_object();
  return body;
}

std::string scan_request(std::string_view table, std::string_view filter, const Item& values,
                         std::string_view projection, const std::optional<Item>& start) {
  std::string body;
  json::Writer out(body);
  out.begin_object().member("TableName", table).member("ConsistentRead", true);
  out.member("FilterExpression", filter).member("ProjectionExpression", projection);
  out.key("ExpressionAttributeValues");
  values.write(out);
  if (start) {
    out.key("ExclusiveStartKey");
    start->write(out);
  }
  out.end_object();
  return body;
}

Result<QueryPage> read_page(std::string_view body) {
  json::Document document;
  const auto parsed = document.parse(body);
  if (!parsed.ok() || !parsed->is(json::Type::object)) return broken();
  QueryPage page;
  if (const auto items = parsed->find("Items")) {
    for (auto each = items->first(); each; each = each->next()) page.items.push_back(Item::read(*each));
  }
  if (const auto count = parsed->find("Count"); count && count->integer())
    page.count = static_cast<std::uint64_t>(*count->integer());
  if (const auto next = parsed->find("LastEvaluatedKey"); next && next->size() > 0) page.next = Item::read(*next);
  return page;
}

Result<std::optional<Item>> read_item(std::string_view body) {
  json::Document document;
  const auto parsed = document.parse(body);
  if (!parsed.ok() || !parsed->is(json::Type::object)) return broken();
  const auto item = parsed->find("Item");
  if (!item) return std::optional<Item>();
  return std::optional<Item>(Item::read(*item));
}

Result<BatchGet> read_batch(std::string_view body, std::string_view table) {
  json::Document document;
  const auto parsed = document.parse(body);
  if (!parsed.ok() || !parsed->is(json::Type::object)) return broken();
  const auto responses = parsed->find("Responses");
  if (!responses) return broken();
  BatchGet batch;
  if (const auto items = responses->find(table)) {
    for (auto each = items->first(); each; each = each->next()) batch.items.push_back(Item::read(*each));
  }
  const auto left = parsed->find("UnprocessedKeys");
  batch.complete = !left || left->size() == 0;
  return batch;
}

Result<Item> read_attributes(std::string_view body) {
  json::Document document;
  const auto parsed = document.parse(body);
  if (!parsed.ok() || !parsed->is(json::Type::object)) return broken();
  const auto attributes = parsed->find("Attributes");
  return attributes ? Item::read(*attributes) : Item();
}

}  // namespace trunkline::aws_engine
