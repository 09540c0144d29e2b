#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "postgres/failure.hpp"
#include "postgres/interrupt.hpp"

struct pg_conn;
struct pg_result;

namespace trunkline::postgres {

struct ConnectOptions {
  std::string host;  // a name, an address, a directory of a Unix socket; or several with commas: the first that can be
                     // written to is taken
  std::uint16_t port = 5432;
  std::string database;
  std::string user;
  std::string password{};
  enum class Tls : std::uint8_t { verify_full, verify_ca, off };
  Tls tls = Tls::verify_full;  // of no meaning on a Unix socket
  std::string ca_file{};       // PEM; empty: Debian's bundle
  std::string certificate_file{};
  std::string key_file{};
  base::Millis connect_timeout = std::chrono::seconds(5);  // of all hosts together
  base::Millis statement_timeout = std::chrono::seconds(30);
};

// One session, driven by non-blocking libpq and poll(), so that each call ends by its deadline or when it is interrupted;
// but names are looked up by libpq, which waits for them. One thread. After a failure of another kind than `server` it is
// closed.
class Connection {
 public:
  // The interrupt must outlive it.
  explicit Connection(const Interrupt& interrupt) : interrupt_(interrupt) {}
  ~Connection() { close(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  using Rows = std::vector<std::vector<std::string>>;  // null is an empty text
  using Failed = std::optional<Failure>;               // nothing: done

  // Connects to a server that takes writes, and sets what the session relies on: UTF-8, time-outs, commits that are on
  // disk before they are answered. To be called on a closed one.
  Failed open(const ConnectOptions& options, base::MonoTime deadline);
  bool is_open() const { return connection_ != nullptr; }
  void close();

  // One or several statements, one transaction where they name no other. `rows` gets those of the last one that has any.
  Failed run(const std::string& sql, base::MonoTime deadline, Rows* rows = nullptr);
  // Statements of which one is COPY … FROM STDIN, which gets `data`.
  Failed copy(const std::string& sql, std::string_view data, base::MonoTime deadline);

 private:
  enum class Waited : std::uint8_t { ready, late, interrupted };
  Waited wait(short events, base::MonoTime deadline) const;
  Failed wait_for(short events, base::MonoTime deadline);
  Failed send(const std::string& sql, base::MonoTime deadline);
  Failed flush(base::MonoTime deadline);
  Failed feed(std::string_view data, base::MonoTime deadline);
  Failed finish(std::optional<std::string_view> data, base::MonoTime deadline, Rows* rows);
  Failure broken();
  Failure closed(Failure::Kind kind, std::string message);

  const Interrupt& interrupt_;
  pg_conn* connection_ = nullptr;
};

}  // namespace trunkline::postgres
