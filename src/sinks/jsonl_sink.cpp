#include "sinks/jsonl_sink.hpp"

#include <fmt/format.h>
#include <pthread.h>

#include <csignal>
#include <iterator>
#include <utility>

#include "json/canonical.hpp"
#include "sinks/file_verdict.hpp"

namespace trunkline::sinks {
namespace {

using base::Errc;
using delivery::BatchVerdict;
using delivery::EventVerdict;

}  // namespace

base::Result<std::unique_ptr<JsonlSink>> JsonlSink::make(JsonlSinkOptions options, Renderer renderer, base::Loop& loop,
                                                         std::unique_ptr<FileOps> ops) {
  TRUNKLINE_TRY_VOID(validate(options.file));
  if (options.batch_messages_max < 1 || options.batch_messages_max > 10'000)
    return {Errc::invalid, "batch messages must be 1 to 10000"};
  if (options.batch_bytes_max < 1 || options.batch_bytes_max > (64u << 20))
    return {Errc::invalid, "batch bytes must be 1 to 64 MiB"};
  Renderer body = renderer_for(options.body, std::move(renderer));
  return std::unique_ptr<JsonlSink>(new JsonlSink(std::move(options), std::move(body), loop, std::move(ops)));
}

JsonlSink::JsonlSink(JsonlSinkOptions options, Renderer renderer, base::Loop& loop, std::unique_ptr<FileOps> ops)
    : options_(std::move(options)),
      renderer_(std::move(renderer)),
      loop_(loop),
      ops_(std::move(ops)),
      file_(options_.file, *ops_) {
  // Signals belong to the program's main thread; a new thread takes over the mask of the one that starts it.
  sigset_t all;
  sigset_t former;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &former);
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &former, nullptr);
  pthread_setname_np(thread_.native_handle(), "jsonl");
}

JsonlSink::~JsonlSink() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
  if (probes_.empty()) return;
  loop_.post([probes = std::move(probes_)]() mutable {
    for (ProbeCallback& done : probes) done(base::Error{Errc::cancelled, "the sink has ended"});
  });
}

delivery::SinkLimits JsonlSink::limits() const {
  return {options_.batch_messages_max, options_.batch_bytes_max};
}

void JsonlSink::send(delivery::Batch batch, base::UniqueFunction<void(BatchVerdict)> done) {
  {
    const std::scoped_lock lock(mutex_);
    jobs_.push_back({std::move(batch), loop_.clock().wall(), std::move(done)});
  }
  wake_.notify_one();
}

void JsonlSink::probe(ProbeCallback done) {
  {
    const std::scoped_lock lock(mutex_);
    probes_.push_back(std::move(done));
  }
  wake_.notify_one();
}

void JsonlSink::run() {
  for (;;) {
    std::vector<Job> jobs;
    std::vector<ProbeCallback> probes;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !jobs_.empty() || !probes_.empty(); });
      if (stopping_) return;
      jobs.swap(jobs_);
      probes.swap(probes_);
    }
    if (!jobs.empty()) write(std::move(jobs));
    if (!probes.empty()) look(std::move(probes));
  }
}

void JsonlSink::look(std::vector<ProbeCallback> probes) {
  const base::Result<FileOps::Room> room = ops_->room(options_.file.directory);
  base::Result<std::string> found = room.ok() ? base::Result<std::string>(room_text(*room)) : room.error();
  loop_.post([probes = std::move(probes), found = std::move(found)]() mutable {
    for (ProbeCallback& done : probes) done(found);
  });
}

void JsonlSink::write(std::vector<Job> jobs) {
  std::string lines;
  for (const Job& job : jobs) append_lines(job.batch, lines);
  const EventVerdict verdict = file_verdict(file_.append(lines, jobs.back().now));
  loop_.post([jobs = std::move(jobs), verdict]() mutable {
    for (Job& job : jobs) {
      BatchVerdict answer;
      answer.events.assign(job.batch.messages.size(), verdict);
      job.done(std::move(answer));
    }
  });
}

void JsonlSink::append_lines(const delivery::Batch& batch, std::string& lines) const {
  for (const engine::LeasedMessage& message : batch.messages) {
    std::string line = renderer_(*message.record);
    if (options_.add_sequence)
      line = json::splice_members(line, fmt::format("\"_sequence\":{}", message.record->sequence.value));
    to_one_line(line);
    lines += line;
    lines += '\n';
  }
}

}  // namespace trunkline::sinks
