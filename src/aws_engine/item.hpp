#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "json/document.hpp"
#include "json/writer.hpp"

// Items of DynamoDB and the requests that are made of them, in its JSON protocol (API version 2012-08-10). Attribute
// names are chosen so that none is a reserved word: expressions name them as they are.
namespace trunkline::aws_engine {

// Attributes by name: texts (S), numbers (N) and bytes (B). Others are passed over when an answer is read.
class Item {
 public:
  Item() = default;
  // The primary key.
  Item(std::string_view pk, std::string_view sk);

  Item& text(std::string_view name, std::string_view value);
  Item& number(std::string_view name, std::uint64_t value);
  Item& bytes(std::string_view name, std::string_view value);

  bool has(std::string_view name) const { return attributes_.contains(name); }
  // Empty or 0 where there is none of that type.
  std::string text(std::string_view name) const;
  std::uint64_t number(std::string_view name) const;
  const std::string& bytes(std::string_view name) const;

  bool empty() const { return attributes_.empty(); }
  void write(json::Writer& out) const;  // {"pk":{"S":"…"},…}
  static Item read(json::Value object);

 private:
  struct Attribute {
    char type = 'S';
    std::string value;
  };
  std::map<std::string, Attribute, std::less<>> attributes_;
};

enum class WriteKind : std::uint8_t { put, update, remove };

// One write, alone or in a transaction. `item` is the whole item of a put, else the key alone.
struct Write {
  WriteKind kind = WriteKind::put;
  Item item;
  std::string update{};     // an UpdateExpression
  std::string condition{};  // a ConditionExpression
  Item values{};            // ":name" → value, of both expressions
};
// PutItem, UpdateItem or DeleteItem, by the kind.
std::string_view operation_of(const Write& write);
std::string single_request(std::string_view table, const Write& write);
// TransactWriteItems; at most 100 writes of 4 MB. `token` makes a repeat of the same request idempotent for ten minutes.
constexpr std::size_t kTransactionWritesMax = 100;
std::string transaction_request(std::string_view table, const std::vector<Write>& writes, std::string_view token);

// GetItem and BatchGetItem (at most 100 keys), strongly consistent.
std::string get_request(std::string_view table, const Item& key);
std::string batch_get_request(std::string_view table, const std::vector<Item>& keys);

struct QueryRequest {
  std::string pk;
  std::string from{};  // sk >= from
  std::string to{};    // sk <= to; empty: no end
  std::size_t limit = 100;
  bool count_only = false;
  std::optional<Item> start{};  // LastEvaluatedKey of the page before
  std::string filter{};         // a FilterExpression: what is read and does not match is left out
  Item values{};                // ":name" → value, of the filter; not ":pk", ":from", ":to"
};
std::string query_request(std::string_view table, const QueryRequest& query);

// Of the whole table, strongly consistent: what matches the filter, of it the attributes of the projection.
std::string scan_request(std::string_view table, std::string_view filter, const Item& values,
                         std::string_view projection, const std::optional<Item>& start);

struct QueryPage {
  std::vector<Item> items;
  std::uint64_t count = 0;
  std::optional<Item> next{};  // there may be more: where the next page begins
};
base::Result<QueryPage> read_page(std::string_view body);
base::Result<std::optional<Item>> read_item(std::string_view body);  // of GetItem
struct BatchGet {
  std::vector<Item> items;
  bool complete = true;  // false: UnprocessedKeys, which are to be asked for again
};
base::Result<BatchGet> read_batch(std::string_view body, std::string_view table);
// Attributes of UpdateItem with ReturnValues.
base::Result<Item> read_attributes(std::string_view body);

}  // namespace trunkline::aws_engine
