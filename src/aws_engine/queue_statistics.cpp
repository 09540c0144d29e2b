#include "aws_engine/queue_statistics.hpp"

#include <algorithm>
#include <charconv>

namespace trunkline::aws_engine {
namespace {

using base::Result;

constexpr base::Millis kReadLately = std::chrono::seconds(10);
constexpr base::Millis kLettersEvery = std::chrono::seconds(5);  // a query reads them all
constexpr int kLetterPages = 10;                                 // of 1,000; more are not counted

std::uint64_t number(json::Value attributes, std::string_view name) {
  const std::string_view text = attributes.string_at(name);
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

engine::QueueStatistics StatisticsCache::get(const QueueInfo& queue) {
  const std::scoped_lock lock(mutex_);
  Entry& entry = entries_[queue.id];
  entry.url = queue.url;
  entry.asked = cloud_.loop().clock().mono();
  return entry.statistics;
}

void StatisticsCache::forget(base::QueueId queue) {
  const std::scoped_lock lock(mutex_);
  entries_.erase(queue);
}

void StatisticsCache::change(base::QueueId queue, const std::function<void(Entry&)>& how) {
  const std::scoped_lock lock(mutex_);
  if (const auto found = entries_.find(queue); found != entries_.end()) how(found->second);
}

void StatisticsCache::refresh(base::QueueId queue, const QueueCounts& counts) {
  const base::MonoTime now = cloud_.loop().clock().mono();
  std::string url;
  bool letters = false;
  change(queue, [&](Entry& entry) {
    entry.statistics.delivered = counts.delivered;
    entry.statistics.expired = counts.expired;
    entry.statistics.lanes = counts.lanes;
    entry.statistics.minute = counts.minute;
    entry.statistics.quarter = counts.quarter;
    if (entry.under_way || now - entry.asked > kReadLately) return;
    entry.under_way = true;
    url = entry.url;
    letters = entry.letters_at == base::MonoTime() || now - entry.letters_at > kLettersEvery;
    if (letters) entry.letters_at = now;
  });
  if (url.empty()) return;
  ask_sqs(queue, url);
  if (letters) count_letters(queue, std::nullopt, 0, 0, 0);
}

void StatisticsCache::ask_sqs(base::QueueId queue, const std::string& url) {
  std::string body;
  json::Writer out(body);
  out.begin_object().member("QueueUrl", url).key("AttributeNames").begin_array();
  out.string("ApproximateNumberOfMessages").string("ApproximateNumberOfMessagesNotVisible").end_array().end_object();
  cloud_.call(Service::sqs, "GetQueueAttributes", std::move(body), [this, queue](const Result<std::string>& answer) {
    change(queue, [](Entry& entry) { entry.under_way = false; });
    if (!answer.ok()) return;
    json::Document document;
    const auto parsed = document.parse(*answer);
    const auto attributes = parsed.ok() ? parsed->find("Attributes") : std::nullopt;
    if (!attributes) return;
    const std::uint64_t visible = number(*attributes, "ApproximateNumberOfMessages");
    const std::uint64_t hidden = number(*attributes, "ApproximateNumberOfMessagesNotVisible");
    // Hidden is what is in flight anywhere, what backs off, and parked heads; only the last are known apart.
    change(queue, [&](Entry& entry) {
      entry.statistics.waiting = visible;
      entry.statistics.in_flight = hidden - std::min(hidden, entry.statistics.parked);
    });
  });
}

void StatisticsCache::count_letters(base::QueueId queue, std::optional<Item> start, std::uint64_t parked,
                                    std::uint64_t skipped, int pages) {
  const QueryRequest query{dead_letter_pk(queue), {}, {}, 1'000, false, std::move(start), {}, {}};
  cloud_.call(Service::dynamodb, "Query", query_request(cloud_.table(), query),
              [this, queue, parked, skipped, pages](const Result<std::string>& body) mutable {
                const auto page = body.ok() ? read_page(*body) : Result<QueryPage>(body.error());
                if (!page.ok()) return;
                for (const Item& letter : page->items) ++(letter.number("e_parked") != 0 ? parked : skipped);
                if (page->next && pages + 1 < kLetterPages)
                  return count_letters(queue, page->next, parked, skipped, pages + 1);
                change(queue, [&](Entry& entry) {
                  entry.statistics.parked = parked;
                  entry.statistics.dead_letters = skipped;
                });
              });
}

}  // namespace trunkline::aws_engine
