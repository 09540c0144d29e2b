#include "sinks/jsonl_sink.hpp"

#include <fmt/format.h>

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
      file_(options_.file, *ops_),
      worker_("jsonl", loop, *ops_, options_.file.directory,
              [this](std::vector<Job> jobs) { write(std::move(jobs)); }) {}

delivery::SinkLimits JsonlSink::limits() const {
  return {options_.batch_messages_max, options_.batch_bytes_max};
}

void JsonlSink::send(delivery::Batch batch, base::UniqueFunction<void(BatchVerdict)> done) {
  worker_.send(std::move(batch), std::move(done));
}

void JsonlSink::probe(base::UniqueFunction<void(base::Result<std::string>)> done) {
  worker_.probe(std::move(done));
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
