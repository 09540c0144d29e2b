#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/hub.hpp"
#include "base/clock.hpp"
#include "base/loop.hpp"
#include "base/result.hpp"
#include "net/http_server.hpp"

namespace trunkline::api {

// One request on its way to its answer. Exactly one of answer() and fail() ends it; one that is dropped is answered 503
// by the server.
struct Call {
  Hub& hub;
  const base::Clock& clock;
  base::Loop& loop;  // the request's; callbacks of the hub and the engine are asked for here
  net::HttpRequest request;
  net::Responder respond;
  std::vector<std::string> captures{};  // of the path, in order
  std::string caller{};                 // who asks, by the key

  void answer(std::string json, int status = 200);
  void answer_text(std::string content_type, std::string text);
  // `hint` is the way out, for people.
  void fail(const base::Error& error, std::string_view hint = {});
};
using CallPtr = std::unique_ptr<Call>;

std::string error_json(std::string_view code, std::string_view message, std::string_view hint);

// A path segment or query parameter that is a number from 1 on.
base::Result<std::uint64_t> parse_id(std::string_view what, std::string_view text);

struct PageQuery {
  std::uint64_t after = 0;
  std::size_t limit = 100;  // at most 1,000
};
// `after` and `limit` of the query.
base::Result<PageQuery> page_query(const net::HttpRequest& request);

// The consumer named by the first capture; nothing when the call has been failed for want of it.
std::optional<ConsumerInfo> find_consumer(Call& call);

}  // namespace trunkline::api
