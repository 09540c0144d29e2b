#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/loop.hpp"
#include "delivery/sink.hpp"
#include "sinks/file_worker.hpp"
#include "sinks/jsonl_file.hpp"
#include "sinks/render.hpp"

namespace trunkline::sinks {

struct JsonlSinkOptions {
  JsonlFileOptions file;
  Body body = Body::enriched;
  bool add_sequence = false;  // `_sequence`: the event's place in the hub's log, behind its last member
  // A thousand events of 1 KB to one fsync: the fsync is then a tenth of the work.
  std::size_t batch_messages_max = 1'000;
  std::size_t batch_bytes_max = 4 << 20;
};

// Appends events to a file, one line each (line breaks between an event's tokens become spaces); `delivered` is said
// after fsync. Files are written on a thread of its own, all batches that wait with one fsync. Any failure is
// `unavailable`, with the class "disk_full", "permission" or "io_error": no event is ever at fault. File I/O knows no
// time-out: a disk that hangs holds its batches in flight, and nothing else.
class JsonlSink final : public delivery::Sink {
 public:
  // The loop must outlive the sink. `renderer` makes enriched bodies, on the sink's thread.
  static base::Result<std::unique_ptr<JsonlSink>> make(
      JsonlSinkOptions options, Renderer renderer, base::Loop& loop,
      std::unique_ptr<FileOps> ops = std::make_unique<SystemFileOps>());
  // Waits for the write that is under way; batches behind it get no verdict, probes are answered Errc::cancelled.
  ~JsonlSink() override = default;

  delivery::SinkLimits limits() const override;
  void send(delivery::Batch batch, base::UniqueFunction<void(delivery::BatchVerdict)> done) override;
  // Whether the directory may be written to and how much room it has; makes nothing.
  void probe(base::UniqueFunction<void(base::Result<std::string>)> done) override;

 private:
  using Job = FileWorker::Job;

  JsonlSink(JsonlSinkOptions options, Renderer renderer, base::Loop& loop, std::unique_ptr<FileOps> ops);
  void write(std::vector<Job> jobs);
  void append_lines(const delivery::Batch& batch, std::string& lines) const;

  const JsonlSinkOptions options_;
  const Renderer renderer_;
  base::Loop& loop_;
  const std::unique_ptr<FileOps> ops_;
  JsonlFile file_;     // the worker's thread only
  FileWorker worker_;  // last: it uses the others
};

}  // namespace trunkline::sinks
