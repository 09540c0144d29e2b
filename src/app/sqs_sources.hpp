#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "config/config.hpp"
#include "engine/engine.hpp"
#include "net/io_loop.hpp"
#include "source/sqs_source.hpp"

namespace trunkline::app {

// Where a queue is and what requests to it are signed for: by the configuration, else by its URL, the environment and the
// shared files of AWS. The error says what to set.
struct SqsPlace {
  std::string region;
  std::string endpoint;
};
base::Result<SqsPlace> sqs_place(const config::Source& source);

// On the loop.
base::Result<source::SqsClient> sqs_client(const config::Source& source, net::IoLoop& loop);

// Asks for the queue's attributes: what is in it, and what of its settings loses events. On the loop; the client must
// live until the answer.
void probe_queue(const config::Source& source, source::SqsClient& client,
                 base::UniqueFunction<void(base::Result<std::string>)> done);

// The sources of kind sqs, each on one of the loops. Made, changed and stopped on one thread that is none of them.
class SqsSources {
 public:
  using Decode = std::function<source::Ingest::Decoded(net::IoLoop& loop, std::string_view body,
                                                       const std::string& source, bool first)>;
  using Count = std::function<void(const std::string& source, std::uint64_t stored, std::uint64_t failed)>;

  // Engine, loops and what the functions use must outlive it.
  SqsSources(engine::Engine& engine, std::vector<net::IoLoop*> loops, Decode decode, Count count);
  ~SqsSources();  // after stop()

  base::Result<void> start(const config::Config& config);
  // What was received is stored and deleted first, within that time.
  void stop(base::Millis within);

 private:
  struct Running {
    net::IoLoop* loop;
    std::shared_ptr<source::SqsSource> source;  // shared with tasks on the loop; destroyed there
  };

  engine::Engine& engine_;
  const std::vector<net::IoLoop*> loops_;
  const Decode decode_;
  const Count count_;
  std::vector<Running> running_;
};

}  // namespace trunkline::app
