#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <set>
#include <utility>

#include "aws_engine/answers.hpp"
#include "aws_engine/codec.hpp"
#include "aws_engine/outbox.hpp"
#include "base/hash.hpp"
#include "base/log.hpp"

// Outbox's way of an event to a topic: a round looks for earlier events, sends to young queues, then publishes.
namespace trunkline::aws_engine {
namespace {

using base::Errc;
using base::Error;
using base::Millis;
using base::Result;
using event::Order;

constexpr std::size_t kBatchMax = 10;            // entries of PublishBatch and SendMessageBatch
constexpr std::size_t kBatchBytesMax = 262'144;  // of them in all
constexpr std::size_t kPagesMax = 20;            // of a mebibyte, of a shard that is behind
constexpr Millis kHeldDelay = std::chrono::milliseconds(20);

std::size_t size_of(const engine::Record& record) {
  return record.event.raw.size() + 2'048;
}

// "7=https://… 12=https://…", as event_entry() writes it.
std::map<base::QueueId, std::string> young_queues(std::string_view text) {
  std::map<base::QueueId, std::string> all;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string_view word = text.substr(at, end - at);
    base::QueueId queue;
    const auto read = std::from_chars(word.data(), word.data() + word.size(), queue.value);
    const std::size_t equals = word.find('=');
    if (read.ec == std::errc() && equals != std::string_view::npos) all.emplace(queue, word.substr(equals + 1));
    at = end + 1;
  }
  return all;
}

std::string publish_batch(std::size_t index, std::string_view name) {
  return fmt::format("PublishBatchRequestEntries.member.{}.{}", index + 1, name);
}

}  // namespace

void Outbox::to_topic(const OutgoingPtr& out) {
  const auto topic = event::parse_order(out->entry.text("e_topic"));
  if (!topic || *topic == Order::none) {
    base::log::error("an entry of the outbox names no topic; it is left", "entry", id_of(out->entry));
    return given_up(out);
  }
  out->young = young_queues(out->entry.text("e_young"));
  std::vector<Pipeline>& pipelines = pipelines_[*topic];
  if (pipelines.empty()) {
    for (std::size_t shard = 0; shard < kOutboxShards; ++shard) pipelines.push_back({*topic, shard});
  }
  Pipeline& pipeline = *pipeline_of(out);
  pipeline.waiting.emplace(out->entry.text("sk"), out);
  pump(pipeline);
}

// Null where it goes to no topic.
Outbox::Pipeline* Outbox::pipeline_of(const OutgoingPtr& out) {
  const auto topic = event::parse_order(out->entry.text("e_topic"));
  const auto found = topic && out->record ? pipelines_.find(*topic) : pipelines_.end();
  if (found == pipelines_.end()) return nullptr;
  return &found->second[base::hash64(topic_group(*out->record, *topic)) % kOutboxShards];
}

// One of each group at most: a batch may fail in part, and the next of a group must not overtake.
Outbox::Batch Outbox::take_batch(Pipeline& pipeline) {
  Batch batch;
  std::set<std::string> groups;
  std::size_t bytes = 0;
  std::size_t looked_at = 0;
  for (auto at = pipeline.waiting.begin(); at != pipeline.waiting.end();) {
    if (batch.size() == kBatchMax || ++looked_at > 10 * kBatchMax) break;
    const std::size_t size = size_of(*at->second->record);
    const bool first = groups.insert(at->second->entry.text("e_group")).second;
    if (!first || (!batch.empty() && bytes + size > kBatchBytesMax)) {
      ++at;
      continue;
    }
    bytes += size;
    batch.push_back(std::move(at->second));
    at = pipeline.waiting.erase(at);
  }
  return batch;
}

void Outbox::pump(Pipeline& pipeline) {
  if (!pipeline.busy) {
    for (const std::string& id : std::exchange(pipeline.deleted, {})) pending_.erase(id);
  }
  if (pipeline.busy || pipeline.waiting.empty()) return;
  pipeline.busy = true;
  auto round = std::make_shared<Round>();
  round->pipeline = &pipeline;
  round->batch = take_batch(pipeline);
  look_ahead(round, std::nullopt);
}

void Outbox::look_ahead(const RoundPtr& round, std::optional<Item> start) {
  const Pipeline& pipeline = *round->pipeline;
  QueryRequest query{outbox_pk(event::name(pipeline.topic), pipeline.shard),
                     {},
                     {},
                     1'000,
                     false,
                     std::move(start),
                     "e_group IN (",
                     {}};
  for (std::size_t i = 0; i < round->batch.size(); ++i) {
    const std::string name = fmt::format(":g{}", i);
    query.filter += (i == 0 ? "" : ", ") + name;
    query.values.text(name, round->batch[i]->entry.text("e_group"));
    query.to = std::max(query.to, round->batch[i]->entry.text("sk"));
  }
  query.filter += ')';
  cloud_.call(Service::dynamodb, "Query", query_request(cloud_.table(), query),
              [this, round](const Result<std::string>& body) {
                auto page = body.ok() ? read_page(*body) : Result<QueryPage>(body.error());
                if (page.ok() && page->next && ++round->pages >= kPagesMax)
                  page = Error{Errc::overloaded, "too many events wait to be published"};
                if (!page.ok()) {
                  round->error = page.error().detail;
                  std::ranges::move(round->batch, std::back_inserter(round->failed));
                  round->batch.clear();
                  return end_round(round);
                }
                for (Item& earlier : page->items) look_at(*round, std::move(earlier));
                if (page->next && !round->batch.empty()) return look_ahead(round, std::move(page->next));
                send_directly(round);
              });
}

// The first of a group that has not been said goes first.
void Outbox::look_at(Round& round, Item earlier) {
  const auto known = pending_.find(id_of(earlier));
  if (known != pending_.end() && known->second == Stage::said) return;
  const std::string group = earlier.text("e_group");
  if (!round.seen.insert(group).second) return;
  const auto later =
      std::ranges::find_if(round.batch, [&](const OutgoingPtr& out) { return out->entry.text("e_group") == group; });
  if (later == round.batch.end() || (*later)->entry.text("sk") <= earlier.text("sk")) return;
  round.held.push_back(std::move(*later));
  round.batch.erase(later);
  // Beyond the bound of what is in memory, too, or those that wait for it would fill that for ever: one of a group.
  if (known == pending_.end()) add(std::move(earlier), {});
}

// To one queue after the other what it does not have yet.
void Outbox::send_directly(const RoundPtr& round) {
  base::QueueId queue;
  std::string url;
  Batch to_it;
  for (const OutgoingPtr& out : round->batch) {
    for (const auto& [each, its_url] : out->young) {
      if (out->sent_to.contains(each) || (!url.empty() && each != queue)) continue;
      queue = each;
      url = its_url;
      to_it.push_back(out);
    }
  }
  if (url.empty()) return publish(round);
  std::string body;
  json::Writer json(body);
  json.begin_object().member("QueueUrl", url).key("Entries").begin_array();
  for (std::size_t i = 0; i < to_it.size(); ++i) {
    const engine::Record& record = *to_it[i]->record;
    const MessageText text = message_text(record);
    json.begin_object().member("Id", std::to_string(i)).member("MessageBody", text.body);
    if (url.ends_with(".fifo")) {
      json.member("MessageGroupId", to_it[i]->entry.text("e_group"));
      json.member("MessageDeduplicationId", hex(record.sequence.value));
    }
    json.key("MessageAttributes").begin_object().key("trunkline").begin_object();
    json.member("DataType", "String").member("StringValue", text.head).end_object().end_object().end_object();
  }
  json.end_array().end_object();
  cloud_.call(Service::sqs, "SendMessageBatch", std::move(body),
              [this, round, queue, to_it = std::move(to_it)](const Result<std::string>& answer) {
                sent_directly(round, queue, to_it, answer);
              });
}

void Outbox::sent_directly(const RoundPtr& round, base::QueueId queue, const Batch& to_it,
                           const Result<std::string>& answer) {
  const bool removed = !answer.ok() && answer.error().code == Errc::not_found;
  const EntryIds ids = answer.ok() ? sent_ids(*answer) : EntryIds();
  for (std::size_t i = 0; i < to_it.size(); ++i) {
    if (removed || ids.contains(std::to_string(i))) {
      to_it[i]->sent_to.insert(queue);
      continue;
    }
    round->error = answer.ok() ? "a queue took a batch in part" : answer.error().detail;
    std::erase(round->batch, to_it[i]);
    round->failed.push_back(to_it[i]);
  }
  send_directly(round);
}

void Outbox::publish(const RoundPtr& round) {
  std::erase_if(round->batch, [this](const OutgoingPtr& out) {
    if (out->entry.number("e_publish") != 0) return false;
    said(out);
    return true;
  });
  if (round->batch.empty()) return end_round(round);
  const std::string arn = topic_arn_(round->pipeline->topic);
  if (arn.empty()) return published(round, Error{Errc::unavailable, "the topic is not known here yet"});
  Form form = {{"TopicArn", arn}};
  for (std::size_t i = 0; i < round->batch.size(); ++i) {
    const engine::Record& record = *round->batch[i]->record;
    std::set<base::QueueId> young;
    for (const auto& [queue, url] : round->batch[i]->young) young.insert(queue);
    MessageText text = message_text(record, young);
    form.emplace_back(publish_batch(i, "Id"), std::to_string(i));
    form.emplace_back(publish_batch(i, "Message"), std::move(text.body));
    form.emplace_back(publish_batch(i, "MessageGroupId"), round->batch[i]->entry.text("e_group"));
    form.emplace_back(publish_batch(i, "MessageDeduplicationId"), hex(record.sequence.value));
    const auto attribute = [&](int number, std::string_view name, std::string_view type, std::string value) {
      const std::string entry = publish_batch(i, fmt::format("MessageAttributes.entry.{}.", number));
      form.emplace_back(entry + "Name", name);
      form.emplace_back(entry + "Value.DataType", type);
      form.emplace_back(entry + "Value.StringValue", std::move(value));
    };
    attribute(1, "routes", "String.Array", std::move(text.routes));
    attribute(2, "trunkline", "String", std::move(text.head));
  }
  cloud_.query_sns("PublishBatch", form,
                   [this, round](const Result<std::string>& answer) { published(round, answer); });
}

void Outbox::published(const RoundPtr& round, const Result<std::string>& answer) {
  const EntryIds ids = answer.ok() ? published_ids(*answer) : EntryIds();
  for (std::size_t i = 0; i < round->batch.size(); ++i) {
    if (ids.contains(std::to_string(i))) {
      said(round->batch[i]);
    } else {
      round->failed.push_back(round->batch[i]);
      round->error = answer.ok() ? "a topic took a batch in part" : answer.error().detail;
    }
  }
  end_round(round);
}

void Outbox::end_round(const RoundPtr& round) {
  Pipeline& pipeline = *round->pipeline;
  pipeline.failures = round->failed.empty() ? 0 : pipeline.failures + 1;
  if (pipeline.failures == 1 || pipeline.failures == kOutboxFailuresMax) {
    base::log::warn("events cannot be published; they wait in the table", "topic", event::name(pipeline.topic),
                    "events", round->failed.size(), "error", round->error);
  }
  const bool give_up = pipeline.failures >= kOutboxFailuresMax;
  if (give_up) pipeline.failures = 0;
  for (const OutgoingPtr& out : round->failed) {
    if (give_up) {
      given_up(out);
    } else {
      pipeline.waiting.emplace(out->entry.text("sk"), out);
    }
  }
  for (const OutgoingPtr& out : round->held) pipeline.waiting.emplace(out->entry.text("sk"), out);
  const auto go_on = [this, &pipeline] {
    pipeline.busy = false;
    pump(pipeline);
  };
  if (pipeline.failures > 0) {
    cloud_.loop().after(outbox_delay(pipeline.failures), go_on);
  } else if (!round->held.empty()) {
    cloud_.loop().after(kHeldDelay, go_on);  // what goes first is on its way here
  } else {
    cloud_.loop().post(go_on);
  }
}

}  // namespace trunkline::aws_engine
