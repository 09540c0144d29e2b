#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "net/http_client.hpp"
#include "net/io_loop.hpp"

namespace trunkline::lambda {

struct Invocation {
  std::string id;
  base::WallTime deadline{};
  std::string function_arn;
  std::string trace_id;  // may be empty
  std::string payload;
};

// Lambda takes 6 MB of a synchronous invocation, 1 MB of an asynchronous one, and its answers likewise.
inline constexpr std::size_t kPayloadMax = 8 << 20;

// What an answer to `next` says. Errc::invalid: it has no id, or no deadline.
base::Result<Invocation> read_invocation(net::ClientResponse response);

// {"errorMessage":…,"errorType":…,"stackTrace":[]}
std::string error_body(std::string_view type, std::string_view message);

// The custom runtime's side of Lambda ("Using the Lambda runtime API for custom runtimes", version 2018-06-01). Every call
// waits for its answer: on the program's main thread, never on a loop. Nothing is tried again, since Lambda starts a runtime
// that has ended anew. Errc::unavailable: the runtime is to end.
class RuntimeApi {
 public:
  // `address`: host:port, of AWS_LAMBDA_RUNTIME_API. The loop must have been started, and outlive it.
  RuntimeApi(net::IoLoop& loop, std::string_view address);
  ~RuntimeApi();
  RuntimeApi(const RuntimeApi&) = delete;
  RuntimeApi& operator=(const RuntimeApi&) = delete;

  base::Result<Invocation> next();  // as long as it takes; the process may be frozen meanwhile
  base::Result<void> respond(const Invocation& invocation, std::string body);
  base::Result<void> fail(const Invocation& invocation, std::string_view type, std::string_view message);
  // Before the first next(): the function cannot start.
  base::Result<void> init_error(std::string_view type, std::string_view message);

 private:
  base::Result<net::ClientResponse> send(net::ClientRequest request);
  base::Result<void> post(const std::string& path, std::string body, std::string_view error_type);

  net::IoLoop& loop_;
  const std::string base_;
  std::unique_ptr<net::HttpClient> client_;  // the loop's
};

}  // namespace trunkline::lambda
