#include "replay.hpp"

#include <fmt/format.h>

#include <atomic>
#include <ctime>
#include <deque>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <sstream>
#include <thread>
#include <vector>

#include "connection.hpp"
#include "load.hpp"

namespace trunkline::bench {
namespace {

constexpr std::string_view kHandle = "\"ReceiptHandle\":\"";
constexpr int kReceivesMax = 3;  // more for one delete; a FIFO queue gives nothing of a group that another one holds

struct Call {
  bool table = false;
  std::string operation, headers, body;
};

// The text from behind `mark` to the next quotation mark.
std::string_view quoted(std::string_view text, std::string_view mark, std::size_t from = 0) {
  const std::size_t found = text.find(mark, from);
  if (found == std::string_view::npos) return {};
  const std::size_t begin = found + mark.size();
  return text.substr(begin, text.find('"', begin) - begin);
}

std::vector<Call> read_calls(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<Call> calls;
  for (std::string line; std::getline(file, line);) {
    Call call;
    std::string service;
    std::size_t headers = 0, body = 0;
    if (!(std::istringstream(line) >> service >> call.operation >> headers >> body)) break;
    call.table = service == "dynamodb";
    call.headers.resize(headers);
    call.body.resize(body);
    file.read(call.headers.data(), static_cast<std::streamsize>(headers));
    file.read(call.body.data(), static_cast<std::streamsize>(body));
    static constexpr std::string_view kWait = "\"WaitTimeSeconds\":";
    if (const std::size_t at = call.body.find(kWait); at != std::string::npos && call.operation == "ReceiveMessage") {
      const std::size_t begin = at + kWait.size();
      call.body.replace(begin, call.body.find_first_of(",}", begin) - begin, "0");
    }
    calls.push_back(std::move(call));
  }
  return calls;
}

class Replay {
 public:
  explicit Replay(const ReplayOptions& options) : options_(options), calls_(read_calls(options.file)) {
    for (const Call& call : calls_) {
      if (call.operation == "ReceiveMessage") receive_of_[std::string(queue_of(call))] = &call;
    }
  }

  ReplayResult run() {
    const std::int64_t begun = now_nanoseconds();
    std::vector<std::thread> threads;
    for (std::uint32_t i = 0; i < options_.connections; ++i) threads.emplace_back([this] { work(); });
    for (std::thread& thread : threads) thread.join();
    result_.seconds = static_cast<double>(now_nanoseconds() - begun) / 1e9;
    timespec cpu{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    result_.cpu_seconds = static_cast<double>(cpu.tv_sec) + static_cast<double>(cpu.tv_nsec) / 1e9;
    return result_;
  }

 private:
  static std::string_view queue_of(const Call& call) { return quoted(call.body, "\"QueueUrl\":\""); }

  void work() {
    CallConnection table(options_.table_port), queues(options_.queues_port);
    std::string answer;
    std::uint64_t done = 0, refused = 0;
    for (std::size_t i = next_.fetch_add(1); i < calls_.size() && !failed_.load(); i = next_.fetch_add(1)) {
      const Call& call = calls_[i];
      CallConnection& connection = call.table ? table : queues;
      const bool removes = call.operation == "DeleteMessageBatch";
      const bool good = removes ? remove(queues, call, answer) : connection.call(call.headers, call.body, answer);
      if (!connection.answered()) return fail(answer);
      if (!good) ++refused;
      if (good && call.operation == "ReceiveMessage") keep(std::string(queue_of(call)), answer);
      ++done;
    }
    const std::scoped_lock lock(mutex_);
    result_.calls += done;
    result_.refused += refused;
  }

  void keep(const std::string& queue, std::string_view answer) {
    const std::scoped_lock lock(mutex_);
    for (std::size_t at = answer.find(kHandle); at != std::string_view::npos; at = answer.find(kHandle, at + 1))
      handles_[queue].emplace_back(quoted(answer, kHandle, at));
  }
  std::optional<std::string> take(const std::string& queue) {
    const std::scoped_lock lock(mutex_);
    std::deque<std::string>& known = handles_[queue];
    if (known.empty()) return std::nullopt;
    std::string handle = std::move(known.front());
    known.pop_front();
    return handle;
  }

  bool remove(CallConnection& queues, const Call& call, std::string& answer) {
    const std::string queue(queue_of(call));
    std::size_t wanted = 0;
    for (std::size_t at = call.body.find(kHandle); at != std::string::npos; at = call.body.find(kHandle, at + 1))
      ++wanted;
    std::string body = fmt::format(R"({{"QueueUrl":"{}","Entries":[)", queue);
    std::size_t count = 0;
    for (int receives = 0; count < wanted;) {
      if (const auto handle = take(queue)) {
        fmt::format_to(std::back_inserter(body), R"({}{{"Id":"{}","ReceiptHandle":"{}"}})", count == 0 ? "" : ",",
                       count, *handle);
        ++count;
        continue;
      }
      const auto receive = receive_of_.find(queue);
      if (receive == receive_of_.end() || ++receives > kReceivesMax) break;
      if (queues.call(receive->second->headers, receive->second->body, answer)) keep(queue, answer);
      if (!queues.answered()) return false;
      const std::scoped_lock lock(mutex_);
      ++result_.extra;
    }
    return count == 0 || queues.call(call.headers, body + "]}", answer);
  }

  void fail(const std::string& why) {
    const std::scoped_lock lock(mutex_);
    if (!failed_.exchange(true)) result_.error = why.substr(0, 300);
  }

  const ReplayOptions options_;
  const std::vector<Call> calls_;
  std::map<std::string, const Call*> receive_of_;  // by queue
  std::atomic<std::size_t> next_{0};
  std::atomic<bool> failed_{false};
  std::mutex mutex_;  // guards what follows
  std::map<std::string, std::deque<std::string>> handles_;
  ReplayResult result_;
};

}  // namespace

ReplayResult run_replay(const ReplayOptions& options) {
  return Replay(options).run();
}

}  // namespace trunkline::bench
