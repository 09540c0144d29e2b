#include "sqs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <iterator>
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

// SendMessageBatch's body, of which only the times change.
class Batch {
 public:
  Batch(const std::string& queue, std::size_t bytes, std::uint32_t count) : body_("{" + queue + ",\"Entries\":[") {
    const std::string text(std::max(bytes, kDigits), 'x');
    for (std::uint32_t i = 0; i < count; ++i) {
      fmt::format_to(std::back_inserter(body_), R"({}{{"Id":"{}","MessageBody":")", i == 0 ? "" : ",", i);
      places_.push_back(body_.size());
      body_ += text + "\"}";
    }
    body_ += "]}";
  }
  // Each message begins with when it was sent.
  const std::string& of(std::int64_t start) {
    const std::string digits = fmt::format("{:0{}}", start, kDigits);
    for (const std::size_t place : places_) body_.replace(place, kDigits, digits);
    return body_;
  }
  static constexpr std::size_t kDigits = 20;

 private:
  std::string body_;
  std::vector<std::size_t> places_;
};

using Times = std::vector<std::int64_t>;  // nanoseconds

class Run {
 public:
  explicit Run(const SqsOptions& options)
      : options_(options), queue_(fmt::format(R"("QueueUrl":"{}")", options.queue_url)) {}

  SqsResult run() {
    CallLoop senders(options_.port, options_.senders);
    CallLoop receivers(options_.port, options_.receivers);
    begun_ = now_nanoseconds();
    end_ = begun_ + static_cast<std::int64_t>(options_.seconds * kSecond);
    std::thread receiver([&] { receive(receivers); });
    std::thread sender([&] { send(senders); });
    sender.join();
    sending_.store(false);
    receiver.join();
    result_.sent = sent_.load();
    result_.deleted = deleted_;
    result_.seconds = static_cast<double>(last_ - begun_) / kSecond;
    return std::move(result_);
  }

 private:
  static constexpr double kSecond = 1e9;
  enum class State : std::uint8_t { idle, receiving, removing, finished };

  void send(CallLoop& loop) {
    Batch batch(queue_, options_.bytes, options_.batch);
    Times start(loop.size()), times;
    std::vector<bool> busy(loop.size());
    const double gap = options_.rate > 0 ? kSecond * options_.batch * options_.senders / options_.rate : 0;
    std::vector<double> due(loop.size());
    for (std::size_t i = 0; i < due.size(); ++i)
      due[i] = static_cast<double>(begun_) + gap * static_cast<double>(i) / options_.senders;
    for (std::size_t open = 0;;) {
      std::int64_t next = end_;
      for (std::size_t i = 0; i < loop.size(); ++i) {
        const std::int64_t now = now_nanoseconds();
        if (busy[i] || now >= end_) continue;
        if (due[i] > static_cast<double>(now)) {
          next = std::min(next, static_cast<std::int64_t>(due[i]));
          continue;
        }
        start[i] = gap > 0 ? static_cast<std::int64_t>(due[i]) : now;
        due[i] += gap;
        loop.at(i).send(headers_of("SendMessageBatch"), batch.of(start[i]));
        busy[i] = true;
        ++open;
      }
      if (open == 0 && now_nanoseconds() >= end_) break;
      for (const std::size_t i : loop.wait(next < end_ ? next : now_nanoseconds() + kPatience)) {
        const CallConnection& connection = loop.at(i);
        if (!connection.good() || count_of(connection.answer(), "\"MD5OfMessageBody\"") != options_.batch)
          return fail(connection.answer());
        times.push_back(now_nanoseconds() - start[i]);
        sent_.fetch_add(options_.batch);
        busy[i] = false;
        --open;
      }
      if (failed_.load()) return;
    }
    add(times, result_.send);
  }

  void receive(CallLoop& loop) {
    const std::string ask =
        fmt::format(R"({{{},"MaxNumberOfMessages":{},"WaitTimeSeconds":1}})", queue_, options_.batch);
    std::vector<State> states(loop.size(), State::idle);
    std::vector<std::size_t> counts(loop.size());
    Times start(loop.size()), receives, removes, deliveries;
    for (std::size_t open = loop.size(); open > 0;) {
      for (std::size_t i = 0; i < loop.size(); ++i) {
        if (states[i] != State::idle) continue;
        const bool all = !sending_.load() && deleted_ >= sent_.load();
        states[i] = all ? State::finished : State::receiving;
        open -= all ? 1 : 0;
        start[i] = now_nanoseconds();
        if (!all) loop.at(i).send(headers_of("ReceiveMessage"), ask);
      }
      if (open == 0) break;
      for (const std::size_t i : loop.wait(now_nanoseconds() + kPatience)) {
        CallConnection& connection = loop.at(i);
        const std::int64_t now = now_nanoseconds();
        if (states[i] == State::receiving) {
          if (!connection.good()) return fail(connection.answer());
          const std::string body = deletes(connection.answer(), now, deliveries, counts[i]);
          states[i] = counts[i] == 0 ? State::idle : State::removing;
          if (counts[i] == 0) continue;
          receives.push_back(now - start[i]);
          start[i] = now;
          connection.send(headers_of("DeleteMessageBatch"), body);
        } else {
          if (!connection.good() || count_of(connection.answer(), "\"Id\"") != counts[i] ||
              connection.answer().find("\"SenderFault\"") != std::string_view::npos)
            return fail(connection.answer());
          removes.push_back(now - start[i]);
          deleted_ += counts[i];
          last_ = now;
          states[i] = State::idle;
        }
      }
      if (failed_.load()) return;
    }
    add(receives, result_.receive);
    add(removes, result_.remove);
    add(deliveries, result_.delivery);
  }

  std::string deletes(std::string_view answer, std::int64_t taken, Times& deliveries, std::size_t& count) const {
    static constexpr std::string_view kHandle = "\"ReceiptHandle\":\"", kBody = "\"Body\":\"";
    std::string body = "{" + queue_ + ",\"Entries\":[";
    count = 0;
    for (std::size_t at = answer.find(kHandle); at != std::string_view::npos; at = answer.find(kHandle, at + 1)) {
      const std::size_t begin = at + kHandle.size();
      fmt::format_to(std::back_inserter(body), R"({}{{"Id":"{}","ReceiptHandle":"{}"}})", count == 0 ? "" : ",", count,
                     answer.substr(begin, answer.find('"', begin) - begin));
      ++count;
    }
    for (std::size_t at = answer.find(kBody); at != std::string_view::npos; at = answer.find(kBody, at + 1)) {
      const std::string_view digits = answer.substr(at + kBody.size(), Batch::kDigits);
      std::int64_t sent = 0;
      std::from_chars(digits.data(), digits.data() + digits.size(), sent);
      deliveries.push_back(taken - sent);
    }
    return body + "]}";
  }

  static void add(const Times& times, sim::Histogram& into) {
    for (const std::int64_t time : times) into.add(std::chrono::microseconds(time / 1'000));
  }
  void fail(std::string_view why) {
    const std::scoped_lock lock(mutex_);
    if (!failed_.exchange(true)) result_.error = why.substr(0, 300);
  }

  // Of a wait, then it looks whether the other thread has failed.
  static constexpr std::int64_t kPatience = 100'000'000;
  const SqsOptions options_;
  const std::string queue_;
  std::int64_t begun_ = 0, end_ = 0;
  std::atomic<bool> sending_{true}, failed_{false};
  std::atomic<std::uint64_t> sent_{0};
  std::uint64_t deleted_ = 0;  // the receiver's, as is last_
  std::int64_t last_ = 0;
  std::mutex mutex_;  // guards result_.error
  SqsResult result_;
};

}  // namespace

SqsResult run_sqs(const SqsOptions& options) {
  return Run(options).run();
}

}  // namespace trunkline::bench
