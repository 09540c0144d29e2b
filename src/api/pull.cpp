// Consumers without a sink: receive and settle over HTTP.
#include <fmt/format.h>

#include <algorithm>

#include "api/describe.hpp"
#include "api/handlers.hpp"
#include "api/object_reader.hpp"
#include "api/receipt.hpp"
#include "json/writer.hpp"
#include "mapping/record.hpp"

namespace trunkline::api {
namespace {

using base::Errc;
using base::Error;
using base::Result;

constexpr std::size_t kMessagesMax = 1'000;
// Well under the idle time-outs of proxies and of the server.
constexpr base::Millis kWaitMax = std::chrono::seconds(20);
// A queue whose events are not in memory reads them first: an answer before that would say that there are none.
constexpr base::Millis kWaitMin(100);
constexpr base::Millis kVisibilityMin = std::chrono::seconds(1);
constexpr base::Millis kVisibilityMax = std::chrono::hours(12);  // as in SQS
constexpr base::Millis kDelayMax = std::chrono::hours(12);
constexpr std::size_t kAnswerBytesMax = 4 << 20;    // of events; one is given even when it is larger
constexpr std::size_t kReceiptBytesMax = 64 << 10;  // 1,000 messages make at most 32 KB
constexpr std::size_t kErrorBytesMax = 1 << 10;     // what the engine keeps

// The pulled consumer of the call; nothing when the call has been failed.
std::optional<ConsumerInfo> pulled_consumer(Call& call) {
  auto consumer = find_consumer(call);
  if (!consumer || consumer->spec.pulled) return consumer;
  call.fail({Errc::conflict, fmt::format("consumer '{}' has a sink ({}): its events are delivered there, not pulled",
                                         consumer->name, consumer->sink)},
            "receive and settle are for consumers without a sink");
  return std::nullopt;
}

Result<engine::ReceiveLimits> read_limits(const std::string& body) {
  json::Document document;
  TRUNKLINE_TRY(const json::Value value, parse_body(document, body));
  ObjectReader reader(value, "");
  engine::ReceiveLimits limits;
  limits.max_messages = reader.whole("max_messages", 1, kMessagesMax, 10);
  limits.max_messages_per_group = reader.whole("max_per_group", 1, kMessagesMax, limits.max_messages);
  limits.wait = std::max(kWaitMin, reader.seconds("wait_seconds", base::Millis(0), kWaitMax, base::Millis(0)));
  limits.visibility_timeout =
      reader.seconds("visibility_timeout_seconds", kVisibilityMin, kVisibilityMax, base::Millis(0));
  limits.max_bytes = kAnswerBytesMax;
  TRUNKLINE_TRY_VOID(reader.finish());
  return limits;
}

std::string leases_json(const std::vector<engine::Lease>& leases, event::Order order) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().key("leases").begin_array();
  for (const engine::Lease& lease : leases) {
    if (lease.messages.empty()) continue;
    writer.begin_object().member("receipt", encode_receipt(lease));
    writer.member("group", event::group_text(lease.messages.front().record->event, order));
    write_time(writer, "visible_again_at", lease.deadline);
    writer.key("messages").begin_array();
    for (const engine::LeasedMessage& message : lease.messages) write_message(writer, message);
    writer.end_array().end_object();
  }
  writer.end_array().end_object();
  return out;
}

// A receive on its way to its answer. Lives on the queue's loop.
struct Receiving {
  CallPtr call;
  engine::Engine& engine;
  ConsumerInfo consumer;
  engine::ReceiveLimits limits;
  std::vector<engine::Lease> given{};
  std::size_t settling = 0;  // leases that hold what cannot be mapped
  bool again = false;        // an event that can be given stands before one that cannot be mapped
  bool first = true;
};
using ReceivingPtr = std::shared_ptr<Receiving>;  // shared by the callbacks of its settles

void receive(const ReceivingPtr& receiving);

// The events of which no lease can be given out together with one that cannot be mapped are received once more, one of
// each lane, so that the latter comes to stand first.
void settled_unmappable(const ReceivingPtr& receiving) {
  if (receiving->settling > 0) return;
  if (!receiving->again || !receiving->first)
    return receiving->call->answer(leases_json(receiving->given, receiving->consumer.spec.order));
  receiving->first = false;
  receiving->limits.max_messages_per_group = 1;
  receiving->limits.wait = kWaitMin;
  receive(receiving);
}

// What cannot be mapped does not leave: at the head of its lease it goes where events go whose attempts have run out.
std::vector<engine::MessageFate> fates_of(const engine::Lease& lease, std::size_t bad, const std::string& why,
                                          const engine::QueueSpec& spec) {
  std::vector<engine::MessageFate> fates(lease.messages.size());
  for (engine::MessageFate& fate : fates) fate.fate = engine::Fate::release;
  if (bad > 0) return fates;
  const bool fifo = spec.order != event::Order::none;
  fates[0].fate = fifo && spec.park_on_max_receive ? engine::Fate::park : engine::Fate::skip;
  fates[0].attempts = lease.messages[0].receive_count;
  fates[0].error_class = mapping::kUnmappable;
  fates[0].error_detail = why;
  return fates;
}

void take(const ReceivingPtr& receiving, engine::Lease lease, mapping::Scratch& scratch) {
  const auto& mapping = receiving->consumer.mapping;
  for (std::size_t i = 0; mapping && i < lease.messages.size(); ++i) {
    auto record = mapping::mapped(*lease.messages[i].record, *mapping, scratch);
    if (record.ok()) {
      lease.messages[i].record = std::move(*record);
      continue;
    }
    receiving->again = receiving->again || i > 0;
    ++receiving->settling;
    auto fates = fates_of(lease, i, record.error().detail, receiving->consumer.spec);
    receiving->engine.settle(receiving->consumer.queue, lease.id, std::move(fates), [receiving](const Result<void>&) {
      --receiving->settling;
      settled_unmappable(receiving);
    });
    return;
  }
  receiving->given.push_back(std::move(lease));
}

void receive(const ReceivingPtr& receiving) {
  receiving->engine.receive(receiving->consumer.queue, receiving->limits,
                            [receiving](Result<std::vector<engine::Lease>> leases) {
                              if (!leases.ok() && receiving->given.empty())
                                return receiving->call->fail(leases.error());
                              mapping::Scratch scratch;
                              if (leases.ok()) {
                                for (engine::Lease& lease : *leases) take(receiving, std::move(lease), scratch);
                              }
                              settled_unmappable(receiving);
                            });
}

struct Settlement {
  std::string receipt;
  std::uint64_t lease = 0;
  std::vector<engine::MessageFate> fates;
};

class SettleReader {
 public:
  explicit SettleReader(const ConsumerInfo& consumer) : consumer_(consumer) {}

  Result<std::vector<Settlement>> read(const std::string& body) const;

 private:
  bool fifo() const { return consumer_.spec.order != event::Order::none; }
  Result<Settlement> read_one(json::Value value, const std::string& where) const;
  Result<void> read_failure(json::Value value, const std::string& where, const Receipt& receipt,
                            Settlement& settlement) const;
  Result<engine::MessageFate> read_fate(ObjectReader& reader, std::uint32_t receive_count) const;

  const ConsumerInfo& consumer_;
};

// Everything is read before anything is settled: a body with a mistake settles nothing.
Result<std::vector<Settlement>> SettleReader::read(const std::string& body) const {
  json::Document document;
  TRUNKLINE_TRY(const json::Value value, parse_body(document, body));
  ObjectReader reader(value, "");
  reader.require("receipts");
  const auto elements = reader.array("receipts", kMessagesMax);
  TRUNKLINE_TRY_VOID(reader.finish());
  std::vector<Settlement> settlements;
  for (std::size_t i = 0; i < elements.size(); ++i) {
    TRUNKLINE_TRY(Settlement settlement, read_one(elements[i], fmt::format("receipts[{}]", i)));
    const auto same = [&](const Settlement& other) { return other.lease == settlement.lease; };
    if (std::any_of(settlements.begin(), settlements.end(), same))
      return {Errc::invalid, fmt::format("receipts[{}] is a receipt that is there before: put all of its failed "
                                         "messages into one entry",
                                         i)};
    settlements.push_back(std::move(settlement));
  }
  if (settlements.empty()) return {Errc::invalid, "'receipts' is empty"};
  return settlements;
}

Result<Settlement> SettleReader::read_one(json::Value value, const std::string& where) const {
  Settlement settlement;
  std::vector<json::Value> failed;
  if (value.is(json::Type::string)) {
    settlement.receipt = value.string();
  } else {
    ObjectReader reader(value, where);
    reader.require("receipt");
    settlement.receipt = reader.text("receipt", kReceiptBytesMax);
    failed = reader.array("failed", kMessagesMax);
    TRUNKLINE_TRY_VOID(reader.finish());
  }
  const auto receipt = decode_receipt(settlement.receipt);
  if (!receipt.ok()) return receipt.error().with(where);
  if (receipt->queue != consumer_.queue)
    return {Errc::invalid, fmt::format("{}: this receipt is of another consumer", where)};
  settlement.lease = receipt->lease;
  settlement.fates.resize(receipt->messages.size());
  if (fifo() && failed.size() > 1)
    return {Errc::invalid, fmt::format("{}.failed: a message group stops at its first failed message; name only that "
                                       "one, what follows it is released",
                                       where)};
  for (std::size_t i = 0; i < failed.size(); ++i)
    TRUNKLINE_TRY_VOID(read_failure(failed[i], fmt::format("{}.failed[{}]", where, i), *receipt, settlement));
  return settlement;
}

Result<void> SettleReader::read_failure(json::Value value, const std::string& where, const Receipt& receipt,
                                        Settlement& settlement) const {
  ObjectReader reader(value, where);
  reader.require("sequence");
  const std::uint64_t sequence = reader.whole("sequence", 1, INT64_MAX, 0);
  const auto found = std::find_if(receipt.messages.begin(), receipt.messages.end(),
                                  [&](const Receipt::Message& message) { return message.sequence.value == sequence; });
  const std::size_t index = static_cast<std::size_t>(found - receipt.messages.begin());
  auto fate = read_fate(reader, found == receipt.messages.end() ? 0 : found->receive_count);
  TRUNKLINE_TRY_VOID(reader.finish());
  if (!fate.ok()) return fate.error().with(where);
  if (found == receipt.messages.end())
    return {Errc::invalid, fmt::format("{}: event {} is not in this receipt", where, sequence)};
  if (settlement.fates[index].fate != engine::Fate::delivered)
    return {Errc::invalid, fmt::format("{}: event {} is there before", where, sequence)};
  settlement.fates[index] = std::move(*fate);
  for (std::size_t i = index + 1; fifo() && i < settlement.fates.size(); ++i)
    settlement.fates[i].fate = engine::Fate::release;
  return {};
}

Result<engine::MessageFate> SettleReader::read_fate(ObjectReader& reader, std::uint32_t receive_count) const {
  reader.require("fate");
  const std::string word = reader.text("fate", 16);
  const bool delayed = reader.has("delay_seconds");
  engine::MessageFate fate;
  fate.delay = reader.seconds("delay_seconds", base::Millis(0), kDelayMax, base::Millis(0));
  fate.error_class = reader.text("error_class", 64);
  fate.error_detail = reader.text("error", kErrorBytesMax);
  fate.attempts = receive_count;
  if (word == "retry") {
    fate.fate = engine::Fate::retry;
  } else if (word == "dead_letter") {
    fate.fate = fifo() && consumer_.spec.park_on_max_receive ? engine::Fate::park : engine::Fate::skip;
  } else if (word == "release") {
    fate.fate = engine::Fate::release;
  } else {
    return {Errc::invalid, fmt::format("fate '{}' is none of retry, dead_letter, release", word)};
  }
  if (delayed && fate.fate != engine::Fate::retry) return {Errc::invalid, "delay_seconds is for the fate retry only"};
  if (fate.error_class.empty() && fate.fate != engine::Fate::release) fate.error_class = "client";
  return fate;
}

// What is outstanding of one settle call. Lives on the queue's loop until all receipts are answered.
struct Settling {
  CallPtr call;
  std::vector<Settlement> settlements;
  std::vector<Result<void>> results;
  std::size_t open = 0;
};

// The status is that of the first receipt that failed, so that a client which looks at nothing else notices.
void answer_settle(Settling& settling) {
  std::optional<Errc> first_error;
  std::string out;
  json::Writer writer(out);
  writer.begin_object().key("results").begin_array();
  for (std::size_t i = 0; i < settling.results.size(); ++i) {
    const Result<void>& result = settling.results[i];
    writer.begin_object()
        .member("receipt", settling.settlements[i].receipt)
        .member("settled", result.ok())
        .key("error");
    if (result.ok()) {
      writer.null();
    } else {
      writer.begin_object().member("code", base::name(result.error().code)).member("message", result.error().detail);
      writer.end_object();
      if (!first_error) first_error = result.error().code;
    }
    writer.end_object();
  }
  writer.end_array();
  if (first_error) {
    const auto failed = std::count_if(settling.results.begin(), settling.results.end(),
                                      [](const Result<void>& result) { return !result.ok(); });
    writer.key("error").begin_object().member("code", base::name(*first_error));
    writer.member("message", fmt::format("{} of {} receipts were not settled", failed, settling.results.size()));
    writer.member("hint", "results says which and why; their messages come again").end_object();
  }
  writer.end_object();
  settling.call->answer(std::move(out), first_error ? base::http_status(*first_error) : 200);
}

// A lease that is not there any more is a conflict, not a path that was not found.
Result<void> as_settle_result(Result<void> result) {
  if (result.ok() || result.error().code != Errc::not_found) return result;
  return {Errc::conflict, result.error().detail};
}

}  // namespace

// Nothing watches the connection while a receive waits: when the client goes away meanwhile, the messages are leased to
// nobody and come again at the visibility timeout. The same holds for an answer that could not be written.
void post_receive(CallPtr call) {
  const auto consumer = pulled_consumer(*call);
  if (!consumer) return;
  const auto limits = read_limits(call->request.body);
  if (!limits.ok()) return call->fail(limits.error());
  if (consumer->paused)
    return call->fail({Errc::conflict, fmt::format("consumer '{}' is paused", consumer->name)},
                      "trunkline resume " + consumer->name);
  engine::Engine& engine = call->hub.engine();
  auto receiving = std::make_shared<Receiving>(Receiving{std::move(call), engine, *consumer, *limits});
  engine.loop_of(consumer->queue).post([receiving = std::move(receiving)] { receive(receiving); });
}

void post_settle(CallPtr call) {
  const auto consumer = pulled_consumer(*call);
  if (!consumer) return;
  auto settlements = SettleReader(*consumer).read(call->request.body);
  if (!settlements.ok()) return call->fail(settlements.error(), "nothing was settled");
  auto settling = std::make_shared<Settling>();  // shared by the receipts' callbacks
  engine::Engine& engine = call->hub.engine();
  settling->call = std::move(call);
  settling->settlements = std::move(*settlements);
  settling->results.resize(settling->settlements.size());
  settling->open = settling->settlements.size();
  engine.loop_of(consumer->queue).post([&engine, queue = consumer->queue, settling] {
    for (std::size_t i = 0; i < settling->settlements.size(); ++i) {
      Settlement& settlement = settling->settlements[i];
      engine.settle(queue, settlement.lease, std::move(settlement.fates), [settling, i](Result<void> result) {
        settling->results[i] = as_settle_result(std::move(result));
        if (--settling->open == 0) answer_settle(*settling);
      });
    }
  });
}

}  // namespace trunkline::api
