#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aws_engine/item.hpp"
#include "aws_engine/keys.hpp"
#include "aws_engine/services.hpp"
#include "base/function.hpp"
#include "base/loop.hpp"
#include "base/result.hpp"

namespace trunkline::aws_engine {

// A callback for another loop. Given up without an answer, it gets Errc::cancelled: everything that is under way when the
// engine stops is destroyed, and nobody waits for ever.
template <class T>
class Reply {
 public:
  using Callback = base::UniqueFunction<void(base::Result<T>)>;
  Reply(base::Loop& loop, Callback done) : loop_(&loop), done_(std::move(done)) {}
  Reply(Reply&& other) noexcept : loop_(other.loop_), done_(std::exchange(other.done_, {})) {}
  Reply& operator=(Reply&&) = delete;
  ~Reply() { (*this)(base::Error{base::Errc::cancelled, "the engine has stopped"}); }

  void operator()(base::Result<T> result) {
    if (!done_) return;
    loop_->post([done = std::exchange(done_, {}), result = std::move(result)]() mutable { done(std::move(result)); });
  }

 private:
  base::Loop* loop_;
  Callback done_;
};

base::Error error_of(const aws::Failure& failure, std::string_view operation);

// The one table and the queues, in the engine's words. Loop thread only, but for the _wait functions, which are for every
// other thread. Errc::conflict: a condition did not hold.
class Cloud {
 public:
  Cloud(Services& services, base::Loop& loop, std::string table)
      : services_(services), loop_(loop), table_(std::move(table)) {}

  using Done = base::UniqueFunction<void(base::Result<void>)>;
  using ItemDone = base::UniqueFunction<void(base::Result<Item>)>;
  using ItemsDone = base::UniqueFunction<void(base::Result<std::vector<Item>>)>;
  using BodyDone = base::UniqueFunction<void(base::Result<std::string>)>;

  void call(Service service, std::string_view operation, std::string body, BodyDone done,
            base::Millis timeout = std::chrono::seconds(10));
  void query_sns(std::string_view action, const Form& form, BodyDone done);
  void write(const Write& write, ItemDone done);  // an update answers the item as it is now
  void transact(const std::vector<Write>& writes, Done done);
  void get(std::vector<Item> keys, ItemsDone done);  // at most 100; absent ones are not among the items

  // Receipt handles. Ten of a queue are one call, whoever has named them: those that wait for more to come wait for 5 ms.
  void remove_messages(const std::string& url, std::vector<std::string> handles, Done done);
  struct Visibility {
    std::string handle;
    std::int64_t seconds = 0;
  };
  // One after the other in their order, each answered before the next: what is behind in a lane is given back first.
  void change_visibility(const std::string& url, std::vector<Visibility> changes, Done done);
  // Ten at a time, in no order; what does not come through is tried by the next round, or comes when SQS shows it.
  void prolong(const std::string& url, std::vector<Visibility> changes, base::Task done = {});

  base::Result<std::string> call_wait(Service service, std::string_view operation, std::string body);
  base::Result<std::string> query_sns_wait(std::string_view action, Form form);
  base::Result<Item> write_wait(const Write& write);
  base::Result<void> transact_wait(const std::vector<Write>& writes);
  base::Result<std::optional<Item>> get_wait(const Item& key);
  base::Result<QueryPage> query_wait(const QueryRequest& query);

  void stop() { stopped_ = true; }  // any thread: who waits gets Errc::cancelled
  base::Loop& loop() { return loop_; }
  const std::string& table() const { return table_; }

 private:
  // One remove_messages(), and a handle of it.
  struct Removal {
    std::size_t open = 0;
    base::Result<void> result{};
    Done done;
  };
  struct Removing {
    std::string handle;
    std::shared_ptr<Removal> of;
  };
  void remove_now(const std::string& url, std::vector<Removing>& waiting);

  base::Result<std::string> wait(std::string_view operation, base::UniqueFunction<void(BodyDone)> call);
  void get_more(std::vector<Item> keys, std::vector<Item> found, int tries, ItemsDone done);

  Services& services_;
  base::Loop& loop_;
  const std::string table_;
  std::map<std::string, std::vector<Removing>> removing_;  // by queue; fewer than ten of each, for 5 ms
  std::atomic<bool> stopped_{false};
};

}  // namespace trunkline::aws_engine
