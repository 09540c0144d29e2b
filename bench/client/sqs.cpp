#include "sqs.hpp"

#include <fmt/format.h>

#include <atomic>
#include <charconv>
#include <ctime>
#include <mutex>
#include <thread>
#include <vector>

#include "connection.hpp"
#include "load.hpp"

namespace trunkline::bench {
namespace {

std::string headers_of(std::string_view operation) {
  return fmt::format("Content-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AmazonSQS.{}\r\n", operation);
}

std::size_t count_of(std::string_view text, std::string_view word) {
  std::size_t count = 0;
  for (std::size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + word.size())) ++count;
  return count;
}

class Run {
 public:
  explicit Run(const SqsOptions& options)
      : options_(options), queue_(fmt::format(R"("QueueUrl":"{}")", options.queue_url)) {}

  SqsResult run() {
    begun_ = now_nanoseconds();
    std::vector<std::thread> senders, receivers;
    for (std::uint32_t i = 0; i < options_.receivers; ++i) receivers.emplace_back([this] { receive(); });
    for (std::uint32_t i = 0; i < options_.senders; ++i) senders.emplace_back([this, i] { send(i); });
    for (std::thread& thread : senders) thread.join();
    sending_.store(false);
    for (std::thread& thread : receivers) thread.join();
    result_.sent = sent_.load();
    result_.deleted = deleted_.load();
    result_.seconds = static_cast<double>(last_.load() - begun_) / 1e9;
    return std::move(result_);
  }

 private:
  using Times = std::vector<std::int64_t>;  // nanoseconds

  void send(std::uint32_t number) {
    CallConnection connection(options_.port);
    Times times;
    std::string answer;
    const auto end = begun_ + static_cast<std::int64_t>(options_.seconds * 1e9);
    const double gap = options_.rate > 0 ? 1e9 * options_.batch * options_.senders / options_.rate : 0;
    double due = static_cast<double>(begun_) + gap * number / options_.senders;
    for (std::int64_t now = begun_; now < end; now = now_nanoseconds(), due += gap) {
      if (gap > 0) wait_until(static_cast<std::int64_t>(due));
      const std::int64_t start = gap > 0 ? static_cast<std::int64_t>(due) : now_nanoseconds();
      if (!connection.call(headers_of("SendMessageBatch"), batch_from(start), answer) ||
          count_of(answer, "\"MD5OfMessageBody\"") != options_.batch)
        return fail(answer);
      times.push_back(now_nanoseconds() - start);
      sent_.fetch_add(options_.batch);
    }
    merge(times, result_.send);
  }

  // The body begins with when it was sent.
  std::string batch_from(std::int64_t start) const {
    std::string body = "{" + queue_ + ",\"Entries\":[";
    std::string text = fmt::format("{:020}", start);
    text.resize(std::max(options_.bytes, text.size()), 'x');
    for (std::uint32_t i = 0; i < options_.batch; ++i)
      fmt::format_to(std::back_inserter(body), R"({}{{"Id":"{}","MessageBody":"{}"}})", i == 0 ? "" : ",", i, text);
    return body + "]}";
  }

  void receive() {
    CallConnection connection(options_.port);
    Times receives, removes, deliveries;
    std::string answer, removed;
    const std::string ask =
        fmt::format(R"({{{},"MaxNumberOfMessages":{},"WaitTimeSeconds":1}})", queue_, options_.batch);
    while (!failed_.load() && (sending_.load() || deleted_.load() < sent_.load())) {
      const std::int64_t start = now_nanoseconds();
      if (!connection.call(headers_of("ReceiveMessage"), ask, answer)) return fail(answer);
      const std::int64_t taken = now_nanoseconds();
      std::size_t count = 0;
      const std::string body = deletes(answer, taken, deliveries, count);
      if (count == 0) continue;
      receives.push_back(taken - start);
      if (!connection.call(headers_of("DeleteMessageBatch"), body, removed) || count_of(removed, "\"Id\"") != count ||
          removed.find("\"SenderFault\"") != std::string::npos)
        return fail(removed);
      last_.store(now_nanoseconds());
      removes.push_back(last_.load() - taken);
      deleted_.fetch_add(count);
    }
    merge(receives, result_.receive);
    merge(removes, result_.remove);
    merge(deliveries, result_.delivery);
  }

  std::string deletes(const std::string& answer, std::int64_t taken, Times& deliveries, std::size_t& count) const {
    static constexpr std::string_view kHandle = "\"ReceiptHandle\":\"", kBody = "\"Body\":\"";
    std::string body = "{" + queue_ + ",\"Entries\":[";
    for (std::size_t at = answer.find(kHandle); at != std::string::npos; at = answer.find(kHandle, at + 1)) {
      const std::size_t begin = at + kHandle.size();
      fmt::format_to(std::back_inserter(body), R"({}{{"Id":"{}","ReceiptHandle":"{}"}})", count == 0 ? "" : ",", count,
                     std::string_view(answer).substr(begin, answer.find('"', begin) - begin));
      ++count;
    }
    for (std::size_t at = answer.find(kBody); at != std::string::npos; at = answer.find(kBody, at + 1)) {
      std::int64_t sent = 0;
      std::from_chars(answer.data() + at + kBody.size(),
                      answer.data() + std::min(at + kBody.size() + 20, answer.size()), sent);
      deliveries.push_back(taken - sent);
    }
    return body + "]}";
  }

  static void wait_until(std::int64_t due) {
    const std::int64_t left = due - now_nanoseconds();
    if (left <= 0) return;
    const timespec pause{left / 1'000'000'000, left % 1'000'000'000};
    ::nanosleep(&pause, nullptr);
  }
  void merge(const Times& times, sim::Histogram& into) {
    const std::scoped_lock lock(mutex_);
    for (const std::int64_t time : times) into.add(std::chrono::microseconds(time / 1'000));
  }
  void fail(const std::string& why) {
    const std::scoped_lock lock(mutex_);
    if (!failed_.exchange(true)) result_.error = why.substr(0, 300);
  }

  const SqsOptions options_;
  const std::string queue_;
  std::int64_t begun_ = 0;
  std::atomic<bool> sending_{true}, failed_{false};
  std::atomic<std::uint64_t> sent_{0}, deleted_{0};
  std::atomic<std::int64_t> last_{0};
  std::mutex mutex_;  // guards result_
  SqsResult result_;
};

}  // namespace

SqsResult run_sqs(const SqsOptions& options) {
  return Run(options).run();
}

}  // namespace trunkline::bench
