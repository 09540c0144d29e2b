#include "drill/puller.hpp"

#include <fmt/format.h>

#include "base/hash.hpp"
#include "json/writer.hpp"
#include "sim/event_bytes.hpp"

namespace trunkline::drill {
namespace {

constexpr base::Millis kAgainAfter{50};
constexpr base::Millis kTimeout = std::chrono::seconds(5);
constexpr const char* kReceive = R"({"max_messages":40,"max_per_group":5,"wait_seconds":1})";

}  // namespace

Puller::Puller(net::IoLoop& loop, PullerOptions options, sim::LedgerWriter& ledger)
    : loop_(loop), options_(std::move(options)), ledger_(ledger) {
  for (std::uint32_t i = 0; i < options_.connections; ++i) {
    connections_.push_back(std::make_unique<net::HttpConnection>(loop_, "127.0.0.1", options_.port));
  }
}

Puller::~Puller() {
  *alive_ = false;
}

void Puller::start() {
  for (std::size_t i = 0; i < connections_.size(); ++i) receive(i);
}

void Puller::post(std::size_t connection, std::string_view verb, const std::string& body, net::ClientCallback done) {
  const std::string target = fmt::format("/api/v1/consumers/{}/{}", options_.consumer, verb);
  connections_[connection]->send(net::request_bytes("POST", target, fmt::format("127.0.0.1:{}", options_.port),
                                                    {{"Content-Type", "application/json"}}, body),
                                 kTimeout, std::move(done));
}

void Puller::receive(std::size_t connection) {
  post(connection, "receive", kReceive,
       [this, alive = alive_, connection](const base::Result<net::ClientResponse>& response) {
         if (*alive) received_answer(connection, response);
       });
}

void Puller::receive_later(std::size_t connection) {
  loop_.after(kAgainAfter, [this, alive = alive_, connection] {
    if (*alive) receive(connection);
  });
}

void Puller::received_answer(std::size_t connection, const base::Result<net::ClientResponse>& response) {
  if (!response.ok() || response->status != 200) return receive_later(connection);
  const auto answer = document_.parse(response->body);
  const auto leases = answer.ok() ? answer->find("leases") : std::nullopt;
  if (!leases) return receive_later(connection);
  std::vector<std::string> receipts;
  ++ticks_;
  for (auto lease = leases->first(); lease; lease = lease->next()) {
    receipts.emplace_back(lease->string_at("receipt"));
    const auto messages = lease->find("messages");
    for (auto message = messages ? messages->first() : std::nullopt; message; message = message->next()) {
      take(*message);
    }
  }
  ++ticks_;
  if (receipts.empty()) return receive_later(connection);
  settle(connection, receipts);
}

void Puller::take(json::Value message) {
  const auto sequence = message.find("sequence");
  const auto event = message.find("event");
  sim::DeliveredLine line;
  line.arrival = ticks_;
  line.answered = ticks_ + 1;
  line.sequence = sequence ? static_cast<std::uint64_t>(sequence->integer().value_or(0)) : 0;
  line.consumer = options_.consumer;
  const std::string_view raw = event ? event->raw() : std::string_view();
  line.hash = base::hash128(raw);
  line.envelope_id = sim::envelope_id(raw);
  ledger_.add(line);
  ++received_;
}

void Puller::settle(std::size_t connection, const std::vector<std::string>& receipts) {
  std::string body;
  json::Writer writer(body);
  writer.begin_object().key("receipts").begin_array();
  for (const std::string& receipt : receipts) writer.string(receipt);
  writer.end_array().end_object();
  post(connection, "settle", body,
       [this, alive = alive_, connection](const base::Result<net::ClientResponse>& response) {
         if (!*alive) return;
         if (response.ok() && response->status == 200) return receive(connection);
         ++settle_failures_;
         receive_later(connection);
       });
}

}  // namespace trunkline::drill
