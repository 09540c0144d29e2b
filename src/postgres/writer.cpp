#include "postgres/writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/thread.hpp"

namespace trunkline::postgres {
namespace {

using Kind = Failure::Kind;

// After these the session is as good as before: what was wrong was the row, or the moment. After all others a new one is
// made, which looks at the table anew and may find another server.
bool keeps_session(const Failure& failure) {
  constexpr std::array<std::string_view, 4> kClasses = {"22", "23", "40", "55"};
  return failure.kind == Kind::server && (failure.sqlstate == "57014" || std::ranges::any_of(kClasses, [&](auto each) {
                                            return failure.sqlstate.starts_with(each);
                                          }));
}

// As the server would say it.
Failure wrong(std::string sqlstate, std::string message) {
  Failure failure;
  failure.kind = Kind::server;
  failure.sqlstate = std::move(sqlstate);
  failure.message = std::move(message);
  return failure;
}

constexpr std::string_view kUndefinedTable = "42P01";
constexpr std::string_view kUndefinedColumn = "42703";
constexpr std::string_view kUnsupported = "0A000";

}  // namespace

Writer::Writer(base::Loop& loop, WriterOptions options)
    : loop_(loop), options_(std::move(options)), write_sql_(postgres::write_sql(options_.table)) {}

Writer::~Writer() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  interrupt_.raise();
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Writer::write(std::string rows, Callback done) {
  Job job;
  job.rows = std::move(rows);
  job.done = std::move(done);
  add(std::move(job));
}

void Writer::look(base::UniqueFunction<void(Look)> done) {
  Job job;
  job.looked = std::move(done);
  add(std::move(job));
}

void Writer::add(Job job) {
  job.deadline = std::chrono::steady_clock::now() + options_.timeout;
  bool needs_thread = false;
  {
    const std::scoped_lock lock(mutex_);
    jobs_.push_back(std::move(job));
    needs_thread = jobs_.size() > idle_;
  }
  wake_.notify_one();
  if (!needs_thread || threads_.size() >= options_.connections) return;
  threads_.push_back(base::start_thread("postgres", [this] { run(); }));
}

void Writer::run() {
  Connection connection(interrupt_);
  for (;;) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      ++idle_;
      wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      --idle_;
      if (stopping_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    carry_out(connection, std::move(job));
  }
}

void Writer::carry_out(Connection& connection, Job job) {
  if (job.looked) {
    loop_.post([looked = std::move(job.looked), found = look_at(connection, job.deadline)]() mutable {
      looked(std::move(found));
    });
    return;
  }
  const bool was_open = connection.is_open();
  Failed failed = write_rows(connection, job.rows, job.deadline);
  // The server, or what stands between, has closed it while nothing was sent.
  if (failed && failed->kind == Kind::unreachable && was_open) failed = write_rows(connection, job.rows, job.deadline);
  if (failed && !keeps_session(*failed)) connection.close();
  loop_.post([done = std::move(job.done), failed = std::move(failed)]() mutable { done(std::move(failed)); });
}

Writer::Failed Writer::write_rows(Connection& connection, const std::string& rows, base::MonoTime deadline) const {
  if (!connection.is_open()) {
    if (Failed failed = connection.open(options_.connect, deadline)) return failed;
    if (Failed failed = prepare(connection, deadline)) {
      connection.close();
      return failed;
    }
  }
  return connection.copy(write_sql_, rows, deadline);
}

Writer::Failed Writer::prepare(Connection& connection, base::MonoTime deadline) const {
  Connection::Rows looked;
  if (Failed failed = connection.run(look_sql(options_.table), deadline, &looked)) return failed;
  if (looked.empty() || looked[0].size() != 5) return wrong("XX000", "the server does not say what it is");
  if (looked[0][1] != "UTF8")
    return wrong(std::string(kUnsupported),
                 fmt::format("the database's encoding is {}, and events are UTF-8", looked[0][1]));
  if (looked[0][2] != "t") {
    if (!options_.create)
      return wrong(std::string(kUndefinedTable), fmt::format("the table {}.{} is not there, and 'create' is false",
                                                             options_.table.schema, options_.table.name));
    if (Failed failed = connection.run(create_sql(options_.table, looked[0][4] != "t"), deadline)) return failed;
  }
  if (Failed failed = check_columns(connection, deadline)) return failed;
  return connection.run(staging_sql(options_.table), deadline);
}

Writer::Failed Writer::check_columns(Connection& connection, base::MonoTime deadline) const {
  Connection::Rows there;
  if (Failed failed = connection.run(columns_sql(options_.table), deadline, &there)) return failed;
  std::vector<std::string> missing;
  for (const Column& column : options_.table.columns) {
    if (!std::ranges::any_of(there, [&](const auto& row) { return row[0] == column.name; }))
      missing.push_back(fmt::format("{} {}", column.name, column.type));
  }
  if (missing.empty()) return std::nullopt;
  return wrong(std::string(kUndefinedColumn),
               fmt::format("the table {}.{} is there, but lacks {}", options_.table.schema, options_.table.name,
                           fmt::join(missing, ", ")));
}

Writer::Look Writer::look_at(Connection& connection, base::MonoTime deadline) const {
  connection.close();
  Connection::Rows looked;
  if (Failed failed = connection.open(options_.connect, deadline)) return std::move(*failed);
  if (Failed failed = connection.run(look_sql(options_.table), deadline, &looked)) return std::move(*failed);
  if (looked.empty() || looked[0].size() != 5) return wrong("XX000", "the server does not say what it is");
  Found found{looked[0][0], looked[0][2] == "t", looked[0][3] == "t"};
  Failed failed;
  if (found.table_exists) {
    failed = prepare(connection, deadline);
    if (!failed) failed = connection.copy(write_sql_, {}, deadline);
  } else if (looked[0][1] != "UTF8") {
    failed = wrong(std::string(kUnsupported),
                   fmt::format("the database's encoding is {}, and events are UTF-8", looked[0][1]));
  }
  connection.close();
  if (failed) return std::move(*failed);
  return found;
}

}  // namespace trunkline::postgres
