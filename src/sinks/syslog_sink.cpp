#include "sinks/syslog_sink.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "mapping/cef.hpp"
#include "sinks/cef.hpp"
#include "sinks/http_endpoint.hpp"
#include "sinks/http_verdict.hpp"
#include "sinks/record_members.hpp"

namespace trunkline::sinks {
namespace {

using base::Errc;
using base::Result;
using delivery::BatchVerdict;
using delivery::EventVerdict;
using delivery::Verdict;

constexpr std::size_t kBatchMessagesMax = 10'000;
constexpr std::size_t kBatchBytesMax = 16 << 20;
constexpr std::size_t kMessageBytesMin = 2'048;  // what every receiver takes (RFC 5425 section 4.3.1)
constexpr std::size_t kMessageBytesMax = 16 << 20;

bool is_printable(std::string_view text, std::size_t bytes_max) {
  return text.size() <= bytes_max && std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F; });
}

// CEF counts the other way round, to 10.
int cef_severity(int severity) {
  constexpr std::array<int, 8> kSeverities = {10, 9, 8, 7, 6, 4, 3, 1};
  return kSeverities[static_cast<std::size_t>(std::clamp(severity, 0, 7))];
}

EventVerdict too_long(std::size_t bytes, std::size_t bytes_max) {
  return {Verdict::rejected,
          {},
          "syslog_too_long",
          fmt::format("its message has {} bytes, max_bytes is {}: raise it with the receiver's own bound, or truncate",
                      bytes, bytes_max)};
}

std::string flag(bool set) {
  return set ? "true" : "";
}

}  // namespace

Result<void> validate(const SyslogOptions& o) {
  if (!is_printable(o.host, 255)) return {Errc::invalid, "host must be at most 255 printable ASCII characters"};
  if (!is_printable(o.app_name, 48)) return {Errc::invalid, "app_name must be at most 48 printable ASCII characters"};
  if (!is_printable(o.data_id, 32) || o.data_id.find_first_of("=]\"") != std::string::npos)
    return {Errc::invalid, "data_id must be an SD-ID: at most 32 printable ASCII characters without =, ] and \""};
  const auto in_bounds = [](const SyslogPriority& p) {
    return p.facility >= 0 && p.facility <= 23 && p.severity >= 0 && p.severity <= 7;
  };
  if (!in_bounds(o.priority) || !std::ranges::all_of(o.by_category, [&](const auto& p) { return in_bounds(p.second); }))
    return {Errc::invalid, "facilities are 0 to 23, severities 0 to 7"};
  if (o.message_bytes_max < kMessageBytesMin || o.message_bytes_max > kMessageBytesMax)
    return {Errc::invalid, "max_bytes must be 2 KiB to 16 MiB"};
  if (o.batch_messages_max < 1 || o.batch_messages_max > kBatchMessagesMax)
    return {Errc::invalid, fmt::format("batch messages must be 1 to {}", kBatchMessagesMax)};
  if (o.batch_bytes_max < 1 || o.batch_bytes_max > kBatchBytesMax)
    return {Errc::invalid, "batch bytes must be 1 to 16 MiB"};
  return {};
}

Result<std::unique_ptr<SyslogSink>> SyslogSink::make(SyslogOptions options, Renderer renderer,
                                                     std::unique_ptr<StreamSender> sender, const base::Clock& clock) {
  TRUNKLINE_TRY_VOID(validate(options));
  Renderer body = renderer_for(options.body, std::move(renderer));
  return std::unique_ptr<SyslogSink>(new SyslogSink(std::move(options), std::move(body), std::move(sender), clock));
}

SyslogSink::SyslogSink(SyslogOptions options, Renderer renderer, std::unique_ptr<StreamSender> sender,
                       const base::Clock& clock)
    : options_(std::move(options)), renderer_(std::move(renderer)), sender_(std::move(sender)), clock_(clock) {}

delivery::SinkLimits SyslogSink::limits() const {
  return {options_.batch_messages_max, options_.batch_bytes_max};
}

std::string SyslogSink::message_of(const engine::LeasedMessage& message, const delivery::Batch& batch) const {
  const engine::Record& record = *message.record;
  const event::Event& event = record.event;
  const auto number = [](std::uint64_t value) { return value == 0 ? std::string() : fmt::format("{}", value); };
  const std::string sequence = number(record.sequence.value);
  const std::string lane = event::group_text(event, options_.order);
  const std::string gap = message.gap_before ? number(message.gap_before->value) : "";
  const std::string order = number(message.order);
  const std::string replay = message.replay ? number(message.replay->value) : "";
  const std::string redriven = flag(message.redriven);
  const std::string late = flag(message.late);
  const std::string edited = flag(message.edited);
  SyslogMessage out;
  out.priority = options_.priority;
  for (const auto& [category, priority] : options_.by_category) {
    if (category == event.category) out.priority = priority;
  }
  out.time = happened_at(record);
  out.host = options_.host;
  out.app_name = options_.app_name;
  out.message_id = event.category;
  out.data_id = options_.data_id;
  out.data = {{"sequence", sequence},
              {"consumer", batch.consumer},
              {"id", event.envelope_id},
              {"type", event.event_type},
              {"topic", event.topic_name},
              {"category", event.category},
              {"org", event.org_id},
              {"conversation", event.conversation_id},
              {"user", event.user_id},
              {"queue", event.queue_id},
              {"media", event.media_type},
              {"lane", lane},
              {"gapBefore", gap},
              {"redriven", redriven},
              {"order", order},
              {"late", late},
              {"edited", edited},
              {"replay", replay},
              {"mapping", batch.mapping}};
  std::string text = renderer_(record);
  to_one_line(text);
  if (options_.format == SyslogOptions::Format::cef) {
    // What a mapping has made for CEF is what the consumer is to have.
    auto made = batch.mapping.empty() ? Result<std::string>(Errc::unsupported, "not mapped") : mapping::cef_line(text);
    text = made.ok() ? std::move(*made) : cef_of(message, options_.version, cef_severity(out.priority.severity), lane);
    out.utf8_mark = false;  // receivers look for "CEF:" right behind the header
  }
  out.text = text;
  std::string whole = format_syslog(out);
  const bool has_room = whole.size() - text.size() < options_.message_bytes_max;
  if (options_.truncate && has_room) whole.resize(cut_utf8(whole, options_.message_bytes_max).size());
  return whole;
}

void SyslogSink::send(delivery::Batch batch, base::UniqueFunction<void(BatchVerdict)> done) {
  std::string frames;
  BatchVerdict verdict;
  const bool ordered = !batch.lanes.empty();
  std::set<std::uint32_t> cut;  // lanes that end in this batch; at most one for each of its events
  for (std::size_t i = 0; i < batch.messages.size(); ++i) {
    verdict.events.emplace_back();
    if (ordered && cut.contains(batch.lanes[i])) continue;  // delivery gives it again, behind the rejected one
    const std::string text = message_of(batch.messages[i], batch);
    if (text.size() > options_.message_bytes_max) {
      verdict.events.back() = too_long(text.size(), options_.message_bytes_max);
      if (ordered) cut.insert(batch.lanes[i]);
      continue;
    }
    append_frame(frames, text);
  }
  // Nothing of this object: the answer may come after it has gone.
  sender_->write(std::move(frames),
                 [verdict = std::move(verdict), clock = &clock_, done = std::move(done)](Result<void> written) mutable {
                   if (written.ok()) return done(std::move(verdict));
                   done(http_verdict(written.error(), verdict.events.size(), clock->wall()));
                 });
}

void SyslogSink::probe(base::UniqueFunction<void(Result<std::string>)> done) {
  sender_->write({}, [target = options_.target, done = std::move(done)](Result<void> written) mutable {
    if (!written.ok()) return done(unreachable(target, written.error()));
    done(fmt::format("{} takes connections{}", target,
                     target.starts_with("tls://") ? ", its certificate is valid" : ""));
  });
}

}  // namespace trunkline::sinks
