#pragma once

#include <memory>
#include <string>

#include "aws/environment.hpp"
#include "base/result.hpp"
#include "lambda/function.hpp"
#include "net/io_loop.hpp"

// What a configuration with `engine: aws` means to a function of Lambda.
namespace trunkline::app {

// Which function this process is.
struct LambdaHandler {
  bool ingest = true;
  std::string name{};  // of the consumer; of the source, where empty is the only one
};
// "ingest", "ingest:SOURCE", "consumer:NAME", as a function's handler is set. Errc::invalid.
base::Result<LambdaHandler> parse_handler(std::string_view text);

// The function, with its engine; stops when it is destroyed. The loop must have been started, and outlive it. Blocks; not
// on a loop. Every call of AWS that it makes is one of its start: the table, the registry of queues, the filter policies.
base::Result<std::unique_ptr<lambda::Function>> make_function(const LambdaHandler& handler, const std::string& config,
                                                              net::IoLoop& loop, const aws::Environment& environment);

}  // namespace trunkline::app
