#include "tap/tap.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"
#include "json/writer.hpp"
#include "mapping/record.hpp"
#include "source/router.hpp"

namespace trunkline::tap {
namespace {

// Over the rate for seconds on end, the report comes once a second and not with every commit.
constexpr base::Millis kSampledEvery = std::chrono::seconds(1);
// What may go at once: a fifth of a second's worth, so that a burst is shown and a second still has room for the rest.
constexpr double kBurstShare = 0.2;

void write_if_known(json::Writer& writer, std::string_view name, const std::string& value) {
  if (!value.empty()) writer.member(name, value);
}

// A line break ends a field of a server-sent event. JSON has none but as white space between tokens.
void append_in_one_line(std::string& out, std::string_view json) {
  for (const char c : json) {
    if (c != '\n' && c != '\r') out.push_back(c);
  }
}

}  // namespace

void write_event(std::string& out, const engine::Record& record, const ConsumerNames& names, bool with_body) {
  const event::Event& event = record.event;
  json::Writer writer(out);
  writer.begin_object().member("sequence", record.sequence.value);
  writer.member("accepted_at", base::format_time(record.accepted_at)).member("source", record.source_name);
  writer.member("type", event.event_type).member("category", event.category).member("topic", event.topic_name);
  writer.key("consumers").begin_array();
  for (const ConsumerName& name : names) {
    if (std::ranges::binary_search(record.routes, name.queue)) writer.string(name.name);
  }
  writer.end_array().member("conflict", record.conflict);
  write_if_known(writer, "envelope_id", event.envelope_id);
  write_if_known(writer, "org_id", event.org_id);
  write_if_known(writer, "conversation_id", event.conversation_id);
  write_if_known(writer, "user_id", event.user_id);
  write_if_known(writer, "queue_id", event.queue_id);
  write_if_known(writer, "media_type", event.media_type);
  if (with_body) {
    std::string body;
    body.reserve(event.raw.size());
    append_in_one_line(body, event.raw);
    writer.key("event").raw(body);
  }
  writer.end_object();
}

Tap::Tap(TapOptions options, std::shared_ptr<net::HttpStream> stream, base::Sequence after, const ConsumerNames& names,
         base::MonoTime now)
    : options_(std::move(options)),
      stream_(std::move(stream)),
      after_(after),
      index_({{0, options_.policy}}),
      tokens_(std::max(1.0, options_.rate * kBurstShare)),
      refilled_(now),
      written_(now),
      sampled_told_(now) {
  set_names(names);
  pending_ = fmt::format("event: open\ndata: {{\"after\":{}}}\n\n", after_.value);
}

Tap::~Tap() {
  stream_->close();
}

void Tap::set_names(const ConsumerNames& names) {
  queues_.clear();
  for (const ConsumerName& name : names) {
    if (std::ranges::find(options_.consumers, name.name) != options_.consumers.end()) queues_.push_back(name.queue);
  }
}

bool Tap::wanted(const engine::Record& record) {
  if (!options_.categories.empty() &&
      std::ranges::find(options_.categories, record.event.category) == options_.categories.end())
    return false;
  if (!options_.consumers.empty() && std::ranges::none_of(queues_, [&](base::QueueId queue) {
        return std::ranges::binary_search(record.routes, queue);
      }))
    return false;
  if (options_.policy.accepts_everything()) return true;
  const source::EventMessage message(record.event);
  return !index_.match(message.message(), index_scratch_).empty();
}

bool Tap::take_token(base::MonoTime now) {
  if (options_.rate <= 0) return true;
  const double elapsed = std::chrono::duration<double>(now - refilled_).count();
  tokens_ = std::min(std::max(1.0, options_.rate * kBurstShare), tokens_ + elapsed * options_.rate);
  refilled_ = now;
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

void Tap::offer(const engine::Record& record, const ConsumerNames& names, base::MonoTime now) {
  if (record.sequence <= after_ || !wanted(record)) return;
  if (!take_token(now)) {
    ++left_out_;
    ++left_out_total_;
    return;
  }
  const std::size_t waiting = stream_->unfetched() + pending_.size();
  // What is certain not to fit is not even rendered.
  if (dropped_ > 0 || waiting >= kUnfetchedMax) {
    ++dropped_;
    ++dropped_total_;
    return;
  }
  scratch_ = fmt::format("event: event\nid: {}\ndata: ", record.sequence.value);
  if (options_.view) {
    write_event(scratch_, *mapping::shown(record, *options_.view, view_scratch_), names, options_.with_body);
  } else {
    write_event(scratch_, record, names, options_.with_body);
  }
  scratch_ += "\n\n";
  if (waiting > 0 && waiting + scratch_.size() > kUnfetchedMax) {
    ++dropped_;
    ++dropped_total_;
    return;
  }
  pending_ += scratch_;
}

void Tap::report(std::string_view event, std::string_view member, std::uint64_t& count, std::uint64_t total) {
  pending_ += fmt::format("event: {}\ndata: {{\"{}\":{},\"total\":{}}}\n\n", event, member, count, total);
  count = 0;
}

bool Tap::flush(base::MonoTime now) {
  // A listener that has caught up by half is told what it lost, before anything newer.
  if (dropped_ > 0 && stream_->unfetched() + pending_.size() <= kUnfetchedMax / 2)
    report("dropped", "dropped", dropped_, dropped_total_);
  if (left_out_ > 0 && now - sampled_told_ >= kSampledEvery && dropped_ == 0) {
    report("sampled", "left_out", left_out_, left_out_total_);
    sampled_told_ = now;
  }
  if (pending_.empty() && now - written_ >= kSilenceMax) pending_ = ": alive\n\n";
  if (pending_.empty()) return true;
  written_ = now;
  const bool there = stream_->write(pending_);
  pending_.clear();
  return there;
}

}  // namespace trunkline::tap
