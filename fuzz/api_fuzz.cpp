#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "api/object_reader.hpp"
#include "api/receipt.hpp"
#include "base/check.hpp"
#include "engine/engine.hpp"
#include "json/document.hpp"

namespace {

using namespace trunkline;

// A receipt that decodes is one that was made: made again from what it says, it is the same text.
void receipt(std::string_view text) {
  const auto decoded = api::decode_receipt(text);
  if (!decoded.ok()) return;
  engine::Lease lease;
  lease.queue = decoded->queue;
  lease.id = decoded->lease;
  for (const api::Receipt::Message& message : decoded->messages) {
    auto record = std::make_shared<engine::Record>();
    record->sequence = message.sequence;
    lease.messages.emplace_back().record = record;
    lease.messages.back().receive_count = message.receive_count;
  }
  const auto again = api::decode_receipt(api::encode_receipt(lease));
  TRUNKLINE_CHECK(again.ok() && again->lease == decoded->lease, "a receipt does not survive being written again");
}

void body(const std::string& text) {
  json::Document document;
  const auto parsed = api::parse_body(document, text);
  if (!parsed.ok()) return;
  api::ObjectReader reader(*parsed, "");
  const std::uint64_t whole = reader.whole("max_messages", 1, 10, 3);
  TRUNKLINE_CHECK(whole >= 1 && whole <= 10, "a number outside of its bounds");
  const base::Millis wait = reader.seconds("wait_seconds", base::Millis(0), std::chrono::seconds(20), base::Millis(0));
  TRUNKLINE_CHECK(wait >= base::Millis(0) && wait <= std::chrono::seconds(20), "a time outside of its bounds");
  const double rate = reader.number("rate", 0.5, 100, 1);
  TRUNKLINE_CHECK(rate >= 0.5 && rate <= 100, "a rate outside of its bounds");
  static_cast<void>(reader.time("from"));
  static_cast<void>(reader.time("to"));
  TRUNKLINE_CHECK(reader.text("error_class", 16).size() <= 16, "a text longer than its bound");
  TRUNKLINE_CHECK(reader.array("receipts", 4).size() <= 4, "more elements than the bound");
  static_cast<void>(reader.boolean("all"));
  static_cast<void>(reader.finish());
}

}  // namespace

// First byte: a receipt, or the body of a request of the API.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  data[0] % 2 == 0 ? receipt(text) : body(text);
  return 0;
}
