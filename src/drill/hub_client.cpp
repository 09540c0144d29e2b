#include "drill/hub_client.hpp"

#include <fmt/format.h>

#include <future>

#include "json/document.hpp"

namespace trunkline::drill {
namespace {

using base::Errc;
using base::Result;

constexpr base::Millis kTimeout = std::chrono::seconds(10);
constexpr std::size_t kPage = 500;

std::uint64_t count_at(json::Value object, std::string_view name) {
  const auto member = object.find(name);
  return member ? static_cast<std::uint64_t>(member->integer().value_or(0)) : 0;
}

}  // namespace

HubClient::HubClient(std::uint16_t port)
    : port_(port), loop_("drill-api"), connection_(std::make_unique<net::HttpConnection>(loop_, "127.0.0.1", port)) {
  loop_.start();
}

HubClient::~HubClient() {
  loop_.stop();
  loop_.join();
}

Result<std::string> HubClient::get(const std::string& path) {
  std::promise<Result<net::ClientResponse>> promise;
  loop_.post([&] {
    connection_->send(net::request_bytes("GET", path, fmt::format("127.0.0.1:{}", port_), {}, ""), kTimeout,
                      [&promise](Result<net::ClientResponse> response) { promise.set_value(std::move(response)); });
  });
  TRUNKLINE_TRY(net::ClientResponse response, promise.get_future().get());
  if (response.status != 200) {
    return {Errc::unavailable, fmt::format("GET {} is answered {}: {}", path, response.status, response.body)};
  }
  return std::move(response.body);
}

Result<std::vector<ConsumerFigures>> HubClient::consumers() {
  TRUNKLINE_TRY(const std::string body, get("/api/v1/consumers"));
  json::Document document;
  TRUNKLINE_TRY(const json::Value answer, document.parse(body));
  const auto list = answer.find("consumers");
  if (!list || list->size() == 0) return {Errc::invalid, "the hub names no consumers"};
  std::vector<ConsumerFigures> figures;
  for (auto consumer = list->first(); consumer; consumer = consumer->next()) {
    ConsumerFigures& one = figures.emplace_back();
    one.name = consumer->string_at("name");
    one.waiting = count_at(*consumer, "waiting");
    one.in_flight = count_at(*consumer, "in_flight");
    one.backing_off = count_at(*consumer, "backing_off");
    one.parked = count_at(*consumer, "parked");
    one.dead_letters = count_at(*consumer, "dead_letters");
  }
  return figures;
}

Result<std::vector<std::uint64_t>> HubClient::quarantined() {
  std::vector<std::uint64_t> ids;
  std::uint64_t after = 0;
  // Every page moves `after` on, and the ids are finite.
  for (;;) {
    TRUNKLINE_TRY(const std::string body, get(fmt::format("/api/v1/quarantine?after={}&limit={}", after, kPage)));
    json::Document document;
    TRUNKLINE_TRY(const json::Value answer, document.parse(body));
    const auto entries = answer.find("entries");
    if (!entries) return {Errc::invalid, "the hub's list of the quarantine has no entries"};
    for (auto entry = entries->first(); entry; entry = entry->next()) ids.push_back(count_at(*entry, "id"));
    const std::uint64_t next = count_at(answer, "next_after");
    if (next <= after) return ids;
    after = next;
  }
}

}  // namespace trunkline::drill
