#include "postgres/connection.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "postgres/table.hpp"

namespace trunkline::postgres {
namespace {

using Kind = Failure::Kind;

constexpr std::size_t kChunkBytes = 64 << 10;
// What a server says is kept to this length; it likes to repeat values.
constexpr std::size_t kMessageBytesMax = 900;
// Of answers that are read: names of columns, at most PostgreSQL's 1,600.
constexpr int kRowsMax = 2'000;

struct Clear {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Answer = std::unique_ptr<PGresult, Clear>;

std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kMessageBytesMax)) out += c == '\n' || c == '\r' || c == '\t' ? ' ' : c;
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

std::string field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text == nullptr ? std::string() : std::string(text);
}

// "COPY trunkline_staging, line 3, column event": the words are in the server's language, the number is not.
std::optional<std::size_t> row_of(const std::string& context) {
  const std::size_t name = context.find(kStaging);
  if (name == std::string::npos) return std::nullopt;
  const std::size_t digit = context.find_first_of("0123456789\n", name + kStaging.size());
  if (digit == std::string::npos) return std::nullopt;
  std::size_t line = 0;
  const auto [end, error] = std::from_chars(context.data() + digit, context.data() + context.size(), line);
  if (error != std::errc() || line == 0) return std::nullopt;
  return line - 1;
}

Failure failure_of(const PGresult* result) {
  Failure failure;
  failure.kind = Kind::server;
  failure.sqlstate = field(result, PG_DIAG_SQLSTATE);
  failure.message = one_line(field(result, PG_DIAG_MESSAGE_PRIMARY));
  if (const std::string more = one_line(field(result, PG_DIAG_MESSAGE_DETAIL)); !more.empty())
    failure.message += "; " + more;
  failure.row = row_of(field(result, PG_DIAG_CONTEXT));
  return failure;
}

void ignore_notice(void*, const PGresult*) {}

const char* name(ConnectOptions::Tls tls) {
  switch (tls) {
    case ConnectOptions::Tls::verify_full:
      return "verify-full";
    case ConnectOptions::Tls::verify_ca:
      return "verify-ca";
    case ConnectOptions::Tls::off:
      return "disable";
  }
  return "verify-full";
}

// What is not named here has libpq's default. Names without a value are left out.
std::vector<std::pair<const char*, std::string>> parameters(const ConnectOptions& o) {
  std::vector<std::pair<const char*, std::string>> all = {
      {"host", o.host},
      {"port", std::to_string(o.port)},
      {"dbname", o.database},
      {"user", o.user},
      {"password", o.password},
      {"sslmode", name(o.tls)},
      {"sslcert", o.certificate_file},
      {"sslkey", o.key_file},
      {"gssencmode", "disable"},
      {"application_name", "trunkline"},
      {"client_encoding", "UTF8"},
      {"target_session_attrs", "read-write"},
      {"keepalives_idle", "30"},
      {"keepalives_interval", "10"},
      {"keepalives_count", "3"},
  };
  if (o.tls != ConnectOptions::Tls::off)
    all.emplace_back("sslrootcert", o.ca_file.empty() ? "/etc/ssl/certs/ca-certificates.crt" : o.ca_file);
  std::erase_if(all, [](const auto& each) { return each.second.empty(); });
  return all;
}

// A transaction whose hub has vanished must not keep its locks for hours. Without the commit on disk, an event would be
// settled here and lost there.
std::string session_sql(const ConnectOptions& o) {
  return fmt::format(
      "SET standard_conforming_strings = on; SET statement_timeout = {0}; SET idle_in_transaction_session_timeout = "
      "{0}; "
      "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
      o.statement_timeout.count());
}

}  // namespace

void Connection::close() {
  if (connection_ != nullptr) PQfinish(connection_);
  connection_ = nullptr;
}

Failure Connection::closed(Kind kind, std::string message) {
  close();
  Failure failure;
  failure.kind = kind;
  failure.message = std::move(message);
  return failure;
}

Failure Connection::broken() {
  return closed(Kind::unreachable, one_line(PQerrorMessage(connection_)));
}

Connection::Waited Connection::wait(short events, base::MonoTime deadline) const {
  const auto left = std::chrono::ceil<base::Millis>(deadline - std::chrono::steady_clock::now());
  if (left.count() <= 0) return Waited::late;
  std::array<pollfd, 2> fds = {pollfd{PQsocket(connection_), events, 0}, pollfd{interrupt_.fd(), POLLIN, 0}};
  // A signal, or a wait of more than a day, is a wake-up: the caller looks again.
  ::poll(fds.data(), fds.size(), static_cast<int>(std::min<base::Millis::rep>(left.count(), 86'400'000)));
  return fds[1].revents != 0 ? Waited::interrupted : Waited::ready;
}

Connection::Failed Connection::wait_for(short events, base::MonoTime deadline) {
  switch (wait(events, deadline)) {
    case Waited::ready:
      return std::nullopt;
    case Waited::late:
      return closed(Kind::timeout, "no answer in time");
    case Waited::interrupted:
      return closed(Kind::cancelled, "the sink has ended");
  }
  return std::nullopt;
}

Connection::Failed Connection::open(const ConnectOptions& options, base::MonoTime deadline) {
  const auto given = parameters(options);
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  for (const auto& [keyword, value] : given) {
    keywords.push_back(keyword);
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  deadline = std::min(deadline, std::chrono::steady_clock::now() + options.connect_timeout);
  connection_ = PQconnectStartParams(keywords.data(), values.data(), 0);
  if (connection_ == nullptr) return closed(Kind::unreachable, "out of memory");
  if (PQstatus(connection_) == CONNECTION_BAD) return broken();
  PQsetNoticeReceiver(connection_, ignore_notice, nullptr);
  for (PostgresPollingStatusType next = PGRES_POLLING_WRITING; next != PGRES_POLLING_OK;) {
    if (next == PGRES_POLLING_FAILED) return broken();
    if (PQsocket(connection_) < 0) return broken();
    const Waited waited = wait(next == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline);
    if (waited == Waited::late)
      return closed(Kind::unreachable, fmt::format("no connection within {} ms", options.connect_timeout.count()));
    if (waited == Waited::interrupted) return closed(Kind::cancelled, "the sink has ended");
    next = PQconnectPoll(connection_);
  }
  if (PQsetnonblocking(connection_, 1) != 0) return broken();
  Failed failed = run(session_sql(options), deadline);
  if (failed) close();
  return failed;
}

Connection::Failed Connection::flush(base::MonoTime deadline) {
  for (;;) {
    const int unsent = PQflush(connection_);
    if (unsent < 0) return broken();
    if (unsent == 0) return std::nullopt;
    // The server may wait with reading until what it has written is read.
    if (Failed failed = wait_for(POLLIN | POLLOUT, deadline)) return failed;
    if (PQconsumeInput(connection_) == 0) return broken();
  }
}

Connection::Failed Connection::send(const std::string& sql, base::MonoTime deadline) {
  if (PQsendQuery(connection_, sql.c_str()) == 0) return broken();
  return flush(deadline);
}

Connection::Failed Connection::feed(std::string_view data, base::MonoTime deadline) {
  while (!data.empty()) {
    const std::string_view chunk = data.substr(0, kChunkBytes);
    if (PQputCopyData(connection_, chunk.data(), static_cast<int>(chunk.size())) <= 0) return broken();
    data.remove_prefix(chunk.size());
    // Without this libpq keeps it all in its own memory.
    if (Failed failed = flush(deadline)) return failed;
  }
  if (PQputCopyEnd(connection_, nullptr) <= 0) return broken();
  return flush(deadline);
}

// Reads answers to the end; the first failure counts. Done only when the server says that it is ready for the next
// query, and in no transaction: the answer to the last statement alone would not tell of the commit.
Connection::Failed Connection::finish(std::optional<std::string_view> data, base::MonoTime deadline, Rows* rows) {
  Failed failed;
  for (;;) {
    while (PQisBusy(connection_) != 0) {
      if (Failed waited = wait_for(POLLIN, deadline)) return waited;
      if (PQconsumeInput(connection_) == 0) {
        Failure lost = broken();
        if (failed) lost.sqlstate = failed->sqlstate;
        return lost;
      }
    }
    const Answer answer(PQgetResult(connection_));
    if (!answer) break;
    const ExecStatusType status = PQresultStatus(answer.get());
    if (status == PGRES_COPY_IN && data) {
      if (Failed unsent = feed(*data, deadline)) return unsent;
      data.reset();
      continue;
    }
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH)
      return closed(Kind::unreachable, "the server wants to copy, which nobody has asked for");
    if (status == PGRES_TUPLES_OK && rows != nullptr) {
      rows->clear();
      for (int row = 0; row < std::min(PQntuples(answer.get()), kRowsMax); ++row) {
        std::vector<std::string>& values = rows->emplace_back();
        for (int at = 0; at < PQnfields(answer.get()); ++at) values.emplace_back(PQgetvalue(answer.get(), row, at));
      }
    }
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY && !failed)
      failed = failure_of(answer.get());
  }
  const bool lost = PQstatus(connection_) != CONNECTION_OK;
  if (failed && !failed->sqlstate.empty()) {
    if (lost || PQtransactionStatus(connection_) != PQTRANS_IDLE) close();
    if (lost) failed->kind = Kind::unreachable;
    return failed;
  }
  if (failed || lost || PQtransactionStatus(connection_) != PQTRANS_IDLE) return broken();
  return std::nullopt;
}

Connection::Failed Connection::run(const std::string& sql, base::MonoTime deadline, Rows* rows) {
  if (Failed failed = send(sql, deadline)) return failed;
  return finish(std::nullopt, deadline, rows);
}

Connection::Failed Connection::copy(const std::string& sql, std::string_view data, base::MonoTime deadline) {
  if (Failed failed = send(sql, deadline)) return failed;
  return finish(data, deadline, nullptr);
}

}  // namespace trunkline::postgres
