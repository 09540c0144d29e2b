#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cli/commands.hpp"
#include "cli/server_sent_events.hpp"
#include "json/document.hpp"
#include "net/http_client.hpp"
#include "net/io_loop.hpp"

namespace trunkline::cli {

// An answer whose body was parsed; the value lives as long as this.
class Answer {
 public:
  explicit Answer(std::string body) : body_(std::make_unique<std::string>(std::move(body))) {}

  const std::string& body() const { return *body_; }
  bool parse();
  json::Value root() const { return *root_; }  // after parse() has returned true

 private:
  std::unique_ptr<std::string> body_;  // stays where it is when the answer is moved
  json::Document document_;
  std::optional<json::Value> root_;
};

// Asks the hub and waits for the answer. Failures are said on `err` with the way out; then the exit code is in
// exit_code().
class Client {
 public:
  Client(const Connection& connection, const Terminal& terminal);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  std::optional<Answer> get(const std::string& target) { return ask("GET", target, {}); }
  std::optional<Answer> post(const std::string& target, const std::string& body) { return ask("POST", target, body); }
  // For an answer that takes longer than a minute.
  void wait_at_most(base::Millis time) { timeout_ = time; }
  // An answer of this status, too, is one; status() tells which it was.
  std::optional<Answer> post_or(int status, const std::string& target, const std::string& body) {
    return ask("POST", target, body, status);
  }
  int status() const { return status_; }
  std::optional<Answer> remove(const std::string& target) { return ask("DELETE", target, {}); }
  // Reads server-sent events until `take` returns false (true is returned) or the answer ends or is refused (said; then
  // false). `take` runs on another thread, while the caller waits.
  bool follow(const std::string& target, const std::function<bool(const ServerSentEvent&)>& take);
  int exit_code() const { return exit_code_; }

 private:
  net::ClientRequest request(const std::string& method, const std::string& target) const;
  base::Result<net::ClientResponse> exchange(net::ClientRequest request);
  std::optional<Answer> ask(const std::string& method, const std::string& target, const std::string& body,
                            int also = 200);
  std::optional<Answer> fail(int code, const std::string& message, const std::string& hint);
  std::optional<Answer> refuse(const net::ClientResponse& response);

  const std::string url_;
  const std::string authorization_;
  const Terminal& terminal_;
  net::IoLoop loop_;
  std::unique_ptr<net::HttpClient> http_;
  base::Millis timeout_ = std::chrono::seconds(60);
  int exit_code_ = exit_ok;
  int status_ = 0;  // of the last answer
};

// "trunkline: MESSAGE", and the hint on a line of its own.
void complain(const Terminal& terminal, const std::string& message, const std::string& hint = {});

// All of the file, or of the terminal's input for "-"; nothing when it cannot be read.
std::optional<std::string> read_input(const std::string& file, const Terminal& terminal);

// Whether the person says yes. Nobody there to be asked: says that --yes is needed.
bool confirm(const Terminal& terminal, const std::string& question);

}  // namespace trunkline::cli
