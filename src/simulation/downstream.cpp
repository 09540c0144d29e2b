#include "simulation/downstream.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "base/check.hpp"
#include "sinks/hec_sink.hpp"
#include "sinks/webhook_sink.hpp"

namespace trunkline::simulation {
namespace {

using base::Errc;
using base::Millis;
using delivery::Verdict;

constexpr double kSomeItems = 0.3;
constexpr std::string_view kAfterBad = "after_bad";

std::uint64_t number_in(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// The lines of a body; a body without a line break is one line.
std::vector<std::string_view> lines_of(std::string_view body) {
  std::vector<std::string_view> lines;
  while (!body.empty()) {
    const std::size_t end = std::min(body.find('\n'), body.size());
    lines.push_back(body.substr(0, end));
    body.remove_prefix(std::min(end + 1, body.size()));
  }
  return lines;
}

std::vector<Arrived> webhook_events(const net::ClientRequest& request) {
  std::vector<Arrived> events;
  std::string_view sequences = net::find_header(request.headers, "trunkline-sequence").value_or("");
  for (const std::string_view line : lines_of(request.body)) {
    events.push_back({number_in(sequences), std::string(line)});
    sequences.remove_prefix(std::min(sequences.find(',') + 1, sequences.size()));
  }
  return events;
}

std::vector<Arrived> hec_events(const net::ClientRequest& request) {
  constexpr std::string_view kMark = R"("trunkline_sequence":")";
  constexpr std::string_view kEvent = R"("event":)";
  std::vector<Arrived> events;
  for (const std::string_view line : lines_of(request.body)) {
    const std::size_t mark = line.find(kMark);
    const std::size_t event = line.find(kEvent);
    if (mark == std::string_view::npos || event == std::string_view::npos) continue;
    std::string_view bytes = line.substr(event + kEvent.size());
    bytes.remove_suffix(1);
    events.push_back({number_in(line.substr(mark + kMark.size())), std::string(bytes)});
  }
  return events;
}

base::Result<net::ClientResponse> http_answer(const Course& course, SinkKind kind) {
  if (course.end == Course::End::no_connection) return {Errc::unavailable, "connection refused"};
  if (course.end == Course::End::no_answer) return {Errc::timeout, "no answer in time"};
  net::ClientResponse response;
  response.status = course.status;
  if (course.retry_after)
    response.headers.emplace_back("Retry-After", std::to_string(course.retry_after->count() / 1000));
  const auto bad = std::find(course.bad.begin(), course.bad.end(), true);
  const bool refuses = course.status == 200 && bad != course.bad.end();
  if (refuses) response.status = 400;
  if (kind != SinkKind::hec) return response;
  response.body = R"({"text":"Success","code":0})";
  if (course.status != 200) response.body = "a proxy's page";
  if (refuses)
    response.body =
        fmt::format(R"({{"text":"Invalid data format","code":6,"invalid-event-number":{}}})", bad - course.bad.begin());
  return response;
}

}  // namespace

// ---- Downstream

void Downstream::begin(Kind kind, Millis span, std::uint64_t salt) {
  states_.push_back({kind, world_.clock().mono() + span, salt});
}

void Downstream::mark_bad(Course& course, const std::vector<Arrived>& events, std::optional<Kind> state) {
  course.bad.assign(events.size(), state == Kind::every_item_fails);
  course.cut.assign(events.size(), false);
  for (std::size_t i = 0; i < events.size(); ++i) {
    const EventKey key = key_of(events[i].bytes).value_or(EventKey{});
    for (const State& each : states_) {
      if (each.kind != Kind::poison) continue;
      Random poison(each.salt ^ key.number, "poison");
      if (poison.below(100) < poison_percent_) course.bad[i] = true;
    }
    if (state == Kind::some_items_fail && random_.chance(kSomeItems)) course.bad[i] = true;
  }
  std::set<std::string> failed;
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (events[i].lane.empty()) continue;
    course.cut[i] = !course.bad[i] && failed.contains(events[i].lane);
    if (course.bad[i]) failed.insert(events[i].lane);
  }
}

Course Downstream::decide(const std::vector<Arrived>& events, Millis timeout) {
  std::erase_if(states_, [this](const State& state) { return state.until <= world_.clock().mono(); });
  std::optional<Kind> state;
  for (const State& each : states_) {
    if (each.kind != Kind::poison) state = each.kind;
  }
  Course course;
  course.arrives = Millis(random_.between(1, 10));
  course.ends = course.arrives + Millis(random_.between(1, 10)) + answers_after_;
  const std::uint64_t dice = random_.next();
  mark_bad(course, events, state);
  switch (state.value_or(Kind::publish)) {
    case Kind::refused:
      course.end = Course::End::no_connection;
      course.takes = false;
      break;
    case Kind::hang:
      course.end = Course::End::no_answer;
      course.takes = dice % 4 == 0;
      course.ends = timeout;
      break;
    case Kind::answers_503:
    case Kind::answers_401:
      course.status = *state == Kind::answers_503 ? 503 : 401;
      course.takes = false;
      if (dice % 3 == 0) course.retry_after = std::chrono::seconds(1 + dice % 20);
      break;
    case Kind::busy:
      course.status = 429;
      course.takes = false;
      if (dice % 3 != 0) course.retry_after = std::chrono::seconds(1 + dice % 30);
      break;
    case Kind::slow:
      // Longer than some time-outs: then it is taken after the hub has given up.
      course.arrives = Millis(1'000 + dice % 24'000);
      course.ends = course.arrives + Millis(1);
      break;
    case Kind::lost_answer:
      course.end = Course::End::no_connection;
      break;
    default:
      break;
  }
  if (course.ends > timeout) {
    course.end = Course::End::no_answer;
    course.ends = timeout;
  }
  return course;
}

void Downstream::request(std::vector<Arrived> events, bool all_or_nothing, Millis timeout,
                         std::function<void(const Course&)> done) {
  Course course = decide(events, timeout);
  most_open_ = std::max(most_open_, ++open_);
  const bool any_bad = std::find(course.bad.begin(), course.bad.end(), true) != course.bad.end();
  if (all_or_nothing && any_bad) course.takes = false;
  if (course.takes) {
    world_.after(course.arrives, [this, events = std::move(events), course] {
      for (std::size_t i = 0; i < events.size(); ++i) {
        if (!course.bad[i] && !course.cut[i]) oracle_.took(index_, events[i].sequence, events[i].bytes);
      }
    });
  }
  // After the taking, where both are at the same time.
  world_.after(course.ends, [this, course, done = std::move(done)] {
    --open_;
    done(course);
  });
}

// ---- Calls

void Calls::call(std::vector<Arrived> events, bool all_or_nothing, Millis timeout,
                 base::UniqueFunction<void(const Course&)> done) {
  const std::uint64_t id = next_++;
  open_.emplace(id, std::move(done));
  downstream_.request(std::move(events), all_or_nothing, timeout,
                      [this, weak = std::weak_ptr(life_), id, &hub = hub_](const Course& course) {
                        if (weak.expired()) return;
                        hub.post([this, weak, id, course] {
                          if (weak.expired()) return;
                          auto node = open_.extract(id);
                          if (!node.empty()) node.mapped()(course);
                        });
                      });
}

// ---- sinks

void SimulatedSender::send(net::ClientRequest request, net::ClientCallback done) {
  std::vector<Arrived> events = kind_ == SinkKind::hec ? hec_events(request) : webhook_events(request);
  calls_.call(
      std::move(events), true, request.timeout,
      [kind = kind_, done = std::move(done)](const Course& course) mutable { done(http_answer(course, kind)); });
}

void BulkSink::send(delivery::Batch batch, base::UniqueFunction<void(delivery::BatchVerdict)> done) {
  std::vector<Arrived> events;
  for (const engine::LeasedMessage& message : batch.messages) {
    events.push_back(
        {message.record->sequence.value, message.record->event.raw, event::group_text(message.record->event, order_)});
  }
  const std::size_t count = events.size();
  calls_.call(std::move(events), false, std::chrono::seconds(20),
              [count, done = std::move(done)](const Course& course) mutable {
                delivery::BatchVerdict verdict;
                delivery::EventVerdict each;
                each.after = course.retry_after;
                if (course.end != Course::End::answer || (course.status != 200 && course.status != 429)) {
                  each.verdict = Verdict::unavailable;
                  each.error_class = fmt::format("http_{}", course.status);
                } else if (course.status == 429) {
                  each.verdict = Verdict::retry;
                  each.error_class = "http_429";
                }
                verdict.events.assign(count, each);
                for (std::size_t i = 0; i < count && each.verdict == Verdict::delivered; ++i) {
                  if (course.bad[i]) verdict.events[i] = {Verdict::rejected, {}, "item_400", "this item"};
                  if (course.cut[i])
                    verdict.events[i] = {Verdict::retry, {}, std::string(kAfterBad), "behind a bad one"};
                }
                done(std::move(verdict));
              });
}

void WitnessSink::send(delivery::Batch batch, base::UniqueFunction<void(delivery::BatchVerdict)> done) {
  struct Sent {
    std::uint64_t sequence;
    bool replayed;
  };
  std::vector<Sent> sent;
  const std::uint64_t flight = oracle_.flight_begins(consumer_, batch.messages);
  for (const engine::LeasedMessage& message : batch.messages) {
    oracle_.sent(consumer_, message);
    sent.push_back({message.record->sequence.value, message.replay.has_value()});
  }
  sink_->send(std::move(batch),
              [this, flight, sent = std::move(sent), done = std::move(done)](delivery::BatchVerdict verdict) mutable {
                oracle_.flight_ends(consumer_, flight);
                const bool alone = verdict.refused && sent.size() == 1;
                for (std::size_t i = 0; i < sent.size() && (alone || !verdict.refused); ++i) {
                  if (sent[i].replayed) continue;
                  if (!alone && (i >= verdict.events.size() || verdict.events[i].error_class == kAfterBad)) continue;
                  oracle_.verdict(consumer_, sent[i].sequence, alone ? Verdict::rejected : verdict.events[i].verdict);
                }
                done(std::move(verdict));
              });
}

std::unique_ptr<delivery::Sink> make_sink(const ConsumerPlan& plan, std::uint32_t index, Downstream& downstream,
                                          SimulatedLoop& hub, Oracle& oracle) {
  std::unique_ptr<delivery::Sink> sink;
  const auto sender = [&] { return std::make_unique<SimulatedSender>(downstream, hub, plan.sink); };
  if (plan.sink == SinkKind::bulk) {
    sink = std::make_unique<BulkSink>(downstream, hub, plan.order);
  } else if (plan.sink == SinkKind::hec) {
    sinks::HecOptions options;
    options.url = "http://splunk.example:8088";
    options.token = "token";
    options.consumer = plan.name;
    options.order = plan.order;
    options.body = sinks::Body::raw;
    options.gzip = false;
    sink = sinks::HecSink::make(std::move(options), sinks::render_raw, sender(), hub.clock()).value();
  } else {
    sinks::WebhookOptions options;
    options.url = "http://crm.example/hook";
    options.layout =
        plan.sink == SinkKind::webhook ? sinks::WebhookOptions::Layout::single : sinks::WebhookOptions::Layout::ndjson;
    options.body = sinks::Body::raw;
    sink = sinks::WebhookSink::make(std::move(options), sinks::render_raw, sender(), hub.clock()).value();
  }
  return std::make_unique<WitnessSink>(std::move(sink), index, oracle);
}

}  // namespace trunkline::simulation
