#include "aws_engine/cloud.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <memory>

#include "base/crypto.hpp"

namespace trunkline::aws_engine {
namespace {

using base::Errc;
using base::Error;
using base::Result;

constexpr base::Millis kWaitMax = std::chrono::seconds(60);  // three tries of ten seconds and their delays
constexpr base::Millis kSnsTimeout = std::chrono::seconds(10);
constexpr int kBatchGetTries = 6;
constexpr std::size_t kSqsBatch = 10;
// Far below what a call takes, and enough for the settles of a batch, whose answers come one by one.
constexpr base::Millis kGather = std::chrono::milliseconds(5);

Result<std::string> body_of(aws::Reply reply, std::string_view operation) {
  if (reply.failure) return error_of(*reply.failure, operation);
  return std::move(reply.body);
}

bool same_key(const Item& a, const Item& b) {
  return a.text("pk") == b.text("pk") && a.text("sk") == b.text("sk");
}

}  // namespace

Error error_of(const aws::Failure& failure, std::string_view operation) {
  Error error{failure.errc, fmt::format("{}: {}", operation, failure.text())};
  if (failure.code == "ConditionalCheckFailedException" || failure.code == "TransactionCanceledException")
    error.code = Errc::conflict;
  if (failure.code == "TransactionInProgressException" || failure.code == "TransactionConflictException")
    error.code = Errc::unavailable;
  return error;
}

void Cloud::call(Service service, std::string_view operation, std::string body, BodyDone done, base::Millis timeout) {
  services_.call(service, operation, std::move(body), timeout,
                 [done = std::move(done), operation = std::string(operation)](aws::Reply reply) mutable {
                   done(body_of(std::move(reply), operation));
                 });
}

void Cloud::query_sns(std::string_view action, const Form& form, BodyDone done) {
  services_.query_sns(action, form, kSnsTimeout,
                      [done = std::move(done), action = std::string(action)](aws::Reply reply) mutable {
                        done(body_of(std::move(reply), action));
                      });
}

void Cloud::write(const Write& write, ItemDone done) {
  call(Service::dynamodb, operation_of(write), single_request(table_, write),
       [done = std::move(done)](Result<std::string> body) mutable {
         if (!body.ok()) return done(body.error());
         done(read_attributes(*body));
       });
}

void Cloud::transact(const std::vector<Write>& writes, Done done) {
  const std::string token = base::hex_encode(base::random_bytes(16));
  call(Service::dynamodb, "TransactWriteItems", transaction_request(table_, writes, token),
       [done = std::move(done)](Result<std::string> body) mutable {
         if (!body.ok()) return done(body.error());
         done(Result<void>());
       });
}

void Cloud::get(std::vector<Item> keys, ItemsDone done) {
  get_more(std::move(keys), {}, kBatchGetTries, std::move(done));
}

void Cloud::get_more(std::vector<Item> keys, std::vector<Item> found, int tries, ItemsDone done) {
  std::string request = batch_get_request(table_, keys);
  call(Service::dynamodb, "BatchGetItem", std::move(request),
       [this, keys = std::move(keys), found = std::move(found), tries,
        done = std::move(done)](Result<std::string> body) mutable {
         if (!body.ok()) return done(body.error());
         auto batch = read_batch(*body, table_);
         if (!batch.ok()) return done(batch.error());
         for (Item& item : batch->items) {
           std::erase_if(keys, [&](const Item& key) { return same_key(key, item); });
           found.push_back(std::move(item));
         }
         if (batch->complete || keys.empty()) return done(std::move(found));
         if (tries <= 1) return done(Error{Errc::overloaded, "BatchGetItem leaves keys out, again and again"});
         get_more(std::move(keys), std::move(found), tries - 1, std::move(done));
       });
}

void Cloud::remove_messages(const std::string& url, std::vector<std::string> handles, Done done) {
  if (handles.empty()) {
    loop_.post([done = std::move(done)]() mutable { done(Result<void>()); });
    return;
  }
  auto removal = std::make_shared<Removal>(Removal{handles.size(), {}, std::move(done)});
  std::vector<Removing>& waiting = removing_[url];
  const bool first = waiting.empty();
  for (std::string& handle : handles) {
    waiting.push_back({std::move(handle), removal});
    if (waiting.size() == kSqsBatch) remove_now(url, waiting);
  }
  if (waiting.empty()) {
    removing_.erase(url);
  } else if (first) {
    loop_.after(kGather, [this, url] {
      const auto found = removing_.find(url);
      if (found == removing_.end()) return;
      remove_now(url, found->second);
      removing_.erase(found);
    });
  }
}

void Cloud::remove_now(const std::string& url, std::vector<Removing>& waiting) {
  std::string body;
  json::Writer out(body);
  out.begin_object().member("QueueUrl", url).key("Entries").begin_array();
  for (std::size_t i = 0; i < waiting.size(); ++i)
    out.begin_object().member("Id", std::to_string(i)).member("ReceiptHandle", waiting[i].handle).end_object();
  out.end_array().end_object();
  call(Service::sqs, "DeleteMessageBatch", std::move(body),
       [removing = std::exchange(waiting, {})](const Result<std::string>& answer) {
         for (const Removing& each : removing) {
           if (!answer.ok()) each.of->result = answer.error();
           if (--each.of->open == 0) std::exchange(each.of->done, {})(each.of->result);
         }
       });
}

void Cloud::change_visibility(const std::string& url, std::vector<Visibility> changes, Done done) {
  if (changes.empty()) {
    loop_.post([done = std::move(done)]() mutable { done(Result<void>()); });
    return;
  }
  std::string body;
  json::Writer out(body);
  out.begin_object().member("QueueUrl", url).member("ReceiptHandle", changes.front().handle);
  out.member("VisibilityTimeout", changes.front().seconds).end_object();
  changes.erase(changes.begin());
  call(Service::sqs, "ChangeMessageVisibility", std::move(body),
       [this, url, changes = std::move(changes), done = std::move(done)](Result<std::string> answer) mutable {
         // The others are tried even so: each comes back by itself in the end.
         if (changes.empty()) return done(answer.ok() ? Result<void>() : Result<void>(answer.error()));
         change_visibility(url, std::move(changes), std::move(done));
       });
}

void Cloud::prolong(const std::string& url, std::vector<Visibility> changes, base::Task done) {
  const std::shared_ptr<void> all(nullptr, [done = std::make_shared<base::Task>(std::move(done))](void*) {
    if (*done) (*done)();
  });
  for (std::size_t begin = 0; begin < changes.size(); begin += kSqsBatch) {
    std::string body;
    json::Writer out(body);
    out.begin_object().member("QueueUrl", url).key("Entries").begin_array();
    for (std::size_t i = begin; i < std::min(begin + kSqsBatch, changes.size()); ++i) {
      out.begin_object().member("Id", std::to_string(i)).member("ReceiptHandle", changes[i].handle);
      out.member("VisibilityTimeout", changes[i].seconds).end_object();
    }
    out.end_array().end_object();
    call(Service::sqs, "ChangeMessageVisibilityBatch", std::move(body), [all](const Result<std::string>&) {});
  }
}

Result<std::string> Cloud::wait(std::string_view operation, base::UniqueFunction<void(BodyDone)> call) {
  auto promise = std::make_shared<std::promise<Result<std::string>>>();
  std::future<Result<std::string>> future = promise->get_future();
  loop_.post([call = std::move(call), promise = std::move(promise)]() mutable {
    call([promise = std::move(promise)](Result<std::string> result) { promise->set_value(std::move(result)); });
  });
  constexpr base::Millis kLook = std::chrono::milliseconds(20);  // for the stop
  for (base::Millis waited{0}; waited < kWaitMax && !stopped_; waited += kLook) {
    if (future.wait_for(kLook) == std::future_status::ready) return future.get();
  }
  if (stopped_) return {Errc::cancelled, "the engine has stopped"};
  return {Errc::timeout, fmt::format("{}: no answer", operation)};
}

Result<std::string> Cloud::call_wait(Service service, std::string_view operation, std::string body) {
  return wait(operation, [this, service, name = std::string(operation), body = std::move(body)](BodyDone done) mutable {
    call(service, name, std::move(body), std::move(done));
  });
}
Result<std::string> Cloud::query_sns_wait(std::string_view action, Form form) {
  return wait(action, [this, name = std::string(action), form = std::move(form)](BodyDone done) {
    query_sns(name, form, std::move(done));
  });
}
Result<Item> Cloud::write_wait(const Write& write) {
  TRUNKLINE_TRY(const std::string body,
                call_wait(Service::dynamodb, operation_of(write), single_request(table_, write)));
  return read_attributes(body);
}
Result<void> Cloud::transact_wait(const std::vector<Write>& writes) {
  const std::string token = base::hex_encode(base::random_bytes(16));
  const auto body = call_wait(Service::dynamodb, "TransactWriteItems", transaction_request(table_, writes, token));
  if (!body.ok()) return body.error();
  return {};
}
Result<std::optional<Item>> Cloud::get_wait(const Item& key) {
  TRUNKLINE_TRY(const std::string body, call_wait(Service::dynamodb, "GetItem", get_request(table_, key)));
  return read_item(body);
}
Result<QueryPage> Cloud::query_wait(const QueryRequest& query) {
  TRUNKLINE_TRY(const std::string body, call_wait(Service::dynamodb, "Query", query_request(table_, query)));
  return read_page(body);
}

}  // namespace trunkline::aws_engine
