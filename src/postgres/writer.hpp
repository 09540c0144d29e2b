#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/function.hpp"
#include "base/loop.hpp"
#include "postgres/connection.hpp"
#include "postgres/failure.hpp"
#include "postgres/interrupt.hpp"
#include "postgres/table.hpp"

namespace trunkline::postgres {

struct WriterOptions {
  ConnectOptions connect;
  Table table;
  bool create = true;                               // makes schema and table where they are missing
  std::size_t connections = 4;                      // at most; each has a thread, made when it is first needed
  base::Millis timeout = std::chrono::seconds(30);  // from write() to its callback, connecting included
};

// What a look at the target has found.
struct Found {
  std::string version;
  bool table_exists = false;  // then it was written to, without a row
  bool may_create = false;
};

// Brings rows into a table over a few connections, each write as one transaction: all of its rows are on the server's
// disk when it is done, or none. Written again they change nothing. A write that finds its idle connection broken is done
// over a new one, since nothing of it can have happened that the second try does not make good.
//
// Loop thread only, but that it may be made before the loop runs. It starts no thread before the first write. The
// destructor ends what is under way (callbacks of that come, with Failure::Kind::cancelled; those of writes that no thread
// has begun do not) and waits for the threads, at most for a look-up of a name.
class Writer {
 public:
  // The loop must outlive it.
  Writer(base::Loop& loop, WriterOptions options);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // `rows` are a CopyText's. The callback runs later on the loop, exactly once: nothing means written. The caller bounds
  // how many are under way.
  using Callback = base::UniqueFunction<void(std::optional<Failure>)>;
  void write(std::string rows, Callback done);
  // Connects, looks, and makes nothing.
  using Look = std::variant<Found, Failure>;
  void look(base::UniqueFunction<void(Look)> done);

 private:
  struct Job {
    std::string rows;
    Callback done;
    base::UniqueFunction<void(Look)> looked;  // instead
    base::MonoTime deadline;
  };
  using Failed = Connection::Failed;

  void add(Job job);
  void run();
  void carry_out(Connection& connection, Job job);
  Failed write_rows(Connection& connection, const std::string& rows, base::MonoTime deadline) const;
  Failed prepare(Connection& connection, base::MonoTime deadline) const;
  Failed check_columns(Connection& connection, base::MonoTime deadline) const;
  Look look_at(Connection& connection, base::MonoTime deadline) const;

  base::Loop& loop_;
  const WriterOptions options_;
  const std::string write_sql_;
  Interrupt interrupt_;

  std::mutex mutex_;      // of the next three; taken once a batch
  std::deque<Job> jobs_;  // bounded by the callers
  std::size_t idle_ = 0;  // threads that wait
  bool stopping_ = false;
  std::condition_variable wake_;
  std::vector<std::thread> threads_;
};

}  // namespace trunkline::postgres
