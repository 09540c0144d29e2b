#include "aws_engine/outbox.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "aws_engine/codec.hpp"
#include "aws_engine/records.hpp"
#include "base/crypto.hpp"
#include "base/hash.hpp"
#include "base/log.hpp"

namespace trunkline::aws_engine {
namespace {

using base::Result;
using event::Order;

constexpr std::size_t kSweepMax = 100;  // entries of a shard at a time
constexpr base::Millis kDrainLook = std::chrono::milliseconds(10);
constexpr std::string_view kToQueues = "one";  // TO of what goes to one queue
constexpr std::array kTopics = {Order::conversation, Order::agent, Order::queue, Order::topic};

Item entry_of(const std::string& pk, base::Sequence sequence, std::string_view kind, std::string_view suffix) {
  Item entry(pk, hex(sequence.value) + std::string(suffix));
  entry.text("e_kind", kind).number("e_seq", sequence.value);
  return entry;
}

std::string queue_pk(base::Sequence sequence) {
  return outbox_pk(kToQueues, std::hash<base::Sequence>{}(sequence) >> 32 & (kOutboxShards - 1));
}

}  // namespace

std::string topic_group(const engine::Record& record, Order topic) {
  return event::group_text(record.event, topic);
}

base::Millis outbox_delay(std::uint32_t failures) {
  return std::min<base::Millis>(base::Millis(100) * (1 << std::min(failures, 6U)), std::chrono::seconds(5));
}

Outbox::Outbox(Cloud& cloud, OutboxOptions options, TopicArn topic_arn)
    : cloud_(cloud), options_(options), topic_arn_(std::move(topic_arn)) {}

Item Outbox::event_entry(const engine::Record& record, const Target& target, std::uint64_t ends) {
  const std::string group = topic_group(record, target.topic);
  Item entry =
      entry_of(outbox_pk(event::name(target.topic), base::hash64(group) % kOutboxShards), record.sequence, "event", "");
  entry.text("e_topic", event::name(target.topic)).text("e_group", message_group_id(group)).number("e_ends", ends);
  entry.number("e_publish", target.publish ? 1 : 0);
  std::string young;
  for (const Queue& queue : target.young)
    young += fmt::format("{}{}={}", young.empty() ? "" : " ", queue.id.value, queue.url);
  if (!young.empty()) entry.text("e_young", young);
  return entry;
}

Item Outbox::queue_entry(base::Sequence sequence, const Queue& queue) {
  // What SQS de-duplicates by: the same for every repeat of this entry, another one for the next redrive.
  const std::string unique = base::hex_encode(base::random_bytes(8));
  Item entry = entry_of(queue_pk(sequence), sequence, "queue", fmt::format("#{}#{}", queue.id.value, unique));
  entry.text("e_url", queue.url).text("e_order", event::name(queue.order));
  entry.text("e_dedup", fmt::format("{}-{}", hex(sequence.value), unique));
  return entry;
}

Item Outbox::visible_entry(base::Sequence sequence, const Queue& queue, std::string_view handle) {
  Item entry = entry_of(queue_pk(sequence), sequence, "visible", fmt::format("#{}#v", queue.id.value));
  entry.text("e_url", queue.url).text("e_handle", handle);
  return entry;
}

void Outbox::take(Item entry, engine::RecordPtr record) {
  if (!full()) add(std::move(entry), std::move(record));  // else the sweep finds it
}

void Outbox::add(Item entry, engine::RecordPtr record) {
  if (!pending_.emplace(id_of(entry), Stage::waiting).second) return;
  auto out = std::make_shared<Outgoing>(Outgoing{std::move(entry), std::move(record)});
  if (out->record || out->entry.text("e_kind") == "visible") return begin(out);
  load_record(cloud_, {out->entry.number("e_seq")}, [this, out](Result<engine::RecordPtr> found) {
    if (!found.ok()) {
      base::log::warn("an event that waits to be published cannot be read", "error", found.error().detail);
      return given_up(out);
    }
    if (!*found) {
      base::log::error("an event that waits to be published is gone", "entry", out->entry.text("sk"));
      return said(out);
    }
    out->record = std::move(*found);
    begin(out);
  });
}

void Outbox::begin(const OutgoingPtr& out) {
  const std::string kind = out->entry.text("e_kind");
  if (kind == "event") return to_topic(out);
  if (kind == "queue") return to_queue(out, 0);
  if (kind == "visible") return make_visible(out);
  base::log::error("an entry of the outbox is not known to this version; it is left", "kind", kind);
  given_up(out);
}

void Outbox::to_queue(const OutgoingPtr& out, std::uint32_t failures) {
  const engine::Record& record = *out->record;
  const Order order = event::parse_order(out->entry.text("e_order")).value_or(Order::none);
  const MessageText text = message_text(record);
  std::string body;
  json::Writer json(body);
  json.begin_object().member("QueueUrl", out->entry.text("e_url")).member("MessageBody", text.body);
  if (order != Order::none) {
    json.member("MessageGroupId", message_group_id(event::group_text(record.event, order)));
    json.member("MessageDeduplicationId", out->entry.text("e_dedup"));
  }
  json.key("MessageAttributes").begin_object().key("trunkline").begin_object();
  json.member("DataType", "String").member("StringValue", text.head).end_object().end_object().end_object();
  cloud_.call(Service::sqs, "SendMessage", std::move(body), [this, out, failures](const Result<std::string>& answer) {
    if (answer.ok()) return said(out);
    if (answer.error().code == base::Errc::not_found) return said(out);  // the queue was removed
    if (failures >= kOutboxFailuresMax) return given_up(out);
    cloud_.loop().after(outbox_delay(failures), [this, out, failures] { to_queue(out, failures + 1); });
  });
}

// A handle that has ended: the message is visible already, or somebody else has it.
void Outbox::make_visible(const OutgoingPtr& out) {
  cloud_.change_visibility(
      out->entry.text("e_url"), {{out->entry.text("e_handle"), 0}}, [this, out](const Result<void>& answer) {
        if (answer.ok() || answer.error().code == base::Errc::invalid || answer.error().code == base::Errc::not_found)
          return said(out);
        given_up(out);
      });
}

void Outbox::said(const OutgoingPtr& out) {
  const std::string id = id_of(out->entry);
  pending_[id] = Stage::said;
  const Item key(out->entry.text("pk"), out->entry.text("sk"));
  cloud_.write({WriteKind::remove, key, {}, {}, {}}, [this, id, out](const Result<Item>& answer) {
    if (!answer.ok()) base::log::warn("an entry of the outbox stays and is said again", "error", answer.error().detail);
    Pipeline* pipeline = pipeline_of(out);
    if (pipeline != nullptr && pipeline->busy) {
      pipeline->deleted.push_back(id);
    } else {
      pending_.erase(id);
    }
  });
}

void Outbox::given_up(const OutgoingPtr& out) {
  pending_.erase(id_of(out->entry));
}

void Outbox::start() {
  cloud_.loop().after(options_.sweep_interval, [this] { sweep(); });
}

void Outbox::drain(base::Task done) {
  if (pending_.empty()) return done();
  cloud_.loop().after(kDrainLook, [this, done = std::move(done)]() mutable { drain(std::move(done)); });
}

std::vector<std::string> Outbox::shards() const {
  std::vector<std::string_view> targets = {kToQueues};
  for (const Order topic : kTopics) {
    if (!topic_arn_(topic).empty()) targets.push_back(event::name(topic));
  }
  std::vector<std::string> all;
  for (const std::string_view target : targets) {
    for (std::size_t shard = 0; shard < kOutboxShards; ++shard) all.push_back(outbox_pk(target, shard));
  }
  return all;
}

// Every shard in turn, whoever wrote it: one shard a time, so that all workers look at all of them.
void Outbox::sweep() {
  const std::vector<std::string> all = shards();
  next_swept_ = (next_swept_ + 1) % all.size();
  sweep_shard(all[next_swept_]);
  const auto pause = options_.sweep_interval / static_cast<std::int64_t>(all.size());
  cloud_.loop().after(std::max<base::Millis>(pause, base::Millis(20)), [this] { sweep(); });
}

void Outbox::sweep_all(base::Task done) {
  const std::shared_ptr<void> round(nullptr,
                                    [done = std::make_shared<base::Task>(std::move(done))](void*) { (*done)(); });
  for (const std::string& shard : shards()) sweep_shard(shard, round);
}

void Outbox::sweep_shard(const std::string& pk, const std::shared_ptr<void>& round) {
  if (full()) return;
  const base::WallTime until = cloud_.loop().clock().wall() - options_.sweep_age;
  QueryRequest query{pk, {}, hex(Sequences::first_of(until).value), kSweepMax, false, {}, {}, {}};
  cloud_.call(Service::dynamodb, "Query", query_request(cloud_.table(), query),
              [this, round](const Result<std::string>& body) {
                if (!body.ok()) return;  // the next round
                auto page = read_page(*body);
                if (!page.ok()) return;
                for (Item& entry : page->items) take(std::move(entry));
              });
}

}  // namespace trunkline::aws_engine
