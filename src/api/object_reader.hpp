#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "json/document.hpp"

namespace trunkline::api {

// Reads a request's JSON object member by member. The first thing that is wrong is kept and says where it is; members
// that nobody asked for are wrong, too, since a misspelt option that is ignored is a mistake nobody sees.
class ObjectReader {
 public:
  // `where` names the object in messages: "settle[0]". Empty for the body itself.
  ObjectReader(json::Value value, std::string where);

  bool has(std::string_view name) { return take(name).has_value(); }
  std::uint64_t whole(std::string_view name, std::uint64_t least, std::uint64_t most, std::uint64_t otherwise);
  double number(std::string_view name, double least, double most, double otherwise);
  std::optional<base::WallTime> time(std::string_view name);  // RFC 3339
  // Seconds, fractions allowed.
  base::Millis seconds(std::string_view name, base::Millis least, base::Millis most, base::Millis otherwise);
  std::string text(std::string_view name, std::size_t bytes_max);
  bool boolean(std::string_view name);
  // The elements of an array of at most that many; empty when it is absent.
  std::vector<json::Value> array(std::string_view name, std::size_t most);

  void require(std::string_view name);
  void complain(std::string message);
  // After all members were asked for.
  base::Result<void> finish();
  std::string path(std::string_view name) const;

 private:
  std::optional<json::Value> take(std::string_view name);
  void wrong(std::string_view name, json::Value value, std::string_view wanted);

  json::Value value_;
  std::string where_;
  std::vector<std::string> known_;
  std::optional<base::Error> error_;
};

// The body as one JSON object; an empty one stands for {}. Values live as long as the document and the text.
base::Result<json::Value> parse_body(json::Document& document, const std::string& text);

}  // namespace trunkline::api
