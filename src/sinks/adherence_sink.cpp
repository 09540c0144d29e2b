#include "sinks/adherence_sink.hpp"

#include <fmt/format.h>

#include <set>

#include "base/log.hpp"
#include "base/text.hpp"
#include "json/document.hpp"
#include "json/writer.hpp"
#include "sinks/credentials.hpp"
#include "sinks/detail.hpp"
#include "sinks/http_endpoint.hpp"
#include "sinks/http_verdict.hpp"
#include "sinks/webhook_sink.hpp"

namespace trunkline::sinks {
namespace {

using base::Errc;
using base::Millis;
using base::Result;
using delivery::BatchVerdict;
using delivery::EventVerdict;
using delivery::Verdict;

constexpr std::size_t kHeadersMax = 32;
constexpr Millis kLookEvery = std::chrono::seconds(1);
constexpr Millis kRestoreAfter{500};  // a settle is on disk after 50 ms
constexpr Millis kSnapshotAgain = std::chrono::minutes(1);
constexpr Millis kSnapshotLate = std::chrono::minutes(5);
constexpr Millis kCaughtUp = std::chrono::seconds(10);  // what waits for less is the work of the moment

std::string time_text(wfm::Time at) {
  return base::format_time(base::WallTime(Millis(at)));
}

void member(json::Writer& writer, std::string_view name, std::string_view text) {
  writer.key(name);
  if (text.empty()) {
    writer.null();
  } else {
    writer.string(text);
  }
}

}  // namespace

Result<AdherenceSink::Compiled> AdherenceSink::compile(const AdherenceOptions& o) {
  TRUNKLINE_TRY_VOID(validate_timeouts(o.connect_timeout, o.timeout));
  if (o.headers.size() > kHeadersMax) return {Errc::invalid, "at most 32 headers"};
  if (o.batch_messages_max < 1 || o.batch_messages_max > 10'000)
    return {Errc::invalid, "batch messages must be 1 to 10000"};
  const auto template_of = [&](std::string_view text, Template::Place place,
                               const std::string& what) -> Result<Template> {
    auto made = Template::compile(text, place, *o.names);
    if (!made.ok()) return made.error().with(what);
    return made;
  };
  Compiled made;
  for (const auto& [name, value] : o.headers) {
    TRUNKLINE_TRY(Template header, template_of(value, Template::Place::header, "header " + name));
    made.headers.emplace_back(name, std::move(header));
  }
  TRUNKLINE_TRY(made.url, template_of(o.url, Template::Place::url, "url"));
  if (!made.url.fixed_origin()) return {Errc::invalid, "url: scheme and host must not come from the event"};
  TRUNKLINE_TRY(made.body, template_of(o.body, Template::Place::json, "body"));
  TRUNKLINE_TRY(made.state, template_of(o.state, Template::Place::json, "state"));
  return made;
}

Result<std::unique_ptr<AdherenceSink>> AdherenceSink::make(AdherenceOptions options, Parts parts, base::Loop& loop) {
  TemplateNames names = options.names ? *options.names : TemplateNames();
  names.meta = {"states", "count", "snapshot", "id", "time", "attempt"};
  options.names = std::make_shared<const TemplateNames>(std::move(names));
  TRUNKLINE_TRY(Compiled compiled, compile(options));
  return std::unique_ptr<AdherenceSink>(
      new AdherenceSink(std::move(options), std::move(compiled), std::move(parts), loop));
}

AdherenceSink::AdherenceSink(AdherenceOptions options, Compiled compiled, Parts parts, base::Loop& loop)
    : options_(std::move(options)),
      compiled_(std::move(compiled)),
      parts_(std::move(parts)),
      loop_(loop),
      life_(std::make_shared<Life>()) {
  life_->self = this;
}

AdherenceSink::~AdherenceSink() {
  life_->self = nullptr;
  if (timer_ != 0) loop_.cancel(timer_);
}

const std::string& AdherenceSink::code_of(const wfm::AgentsNow::Agent& agent) const {
  return parts_.codes.code(agent.state.presence, agent.state.routing, agent.state.reason);
}

Result<std::string> AdherenceSink::state_of(const std::string& id, const wfm::AgentsNow::Agent& agent) const {
  std::string text;
  json::Writer writer(text);
  writer.begin_object().member("agent", id).member("code", code_of(agent));
  member(writer, "presence", agent.state.presence);
  member(writer, "routing", agent.state.routing);
  member(writer, "reason", agent.state.reason);
  writer.member("since", time_text(agent.since()));
  member(writer, "name", parts_.agents ? parts_.agents->find(id) : std::string_view());
  writer.end_object();
  json::Document document;
  TRUNKLINE_TRY(const json::Value event, document.parse(text));
  const TemplateNames::Table none;
  auto state = compiled_.state.render({event, none});
  if (!state.ok()) return state.error().with("state");
  return state;
}

Result<net::ClientRequest> AdherenceSink::request_of(const std::string& states, std::size_t count, bool snapshot,
                                                     std::string id, std::uint32_t attempt) const {
  const TemplateNames::Table meta = {{"states", "[" + states + "]"},
                                     {"count", std::to_string(count)},
                                     {"snapshot", snapshot ? "true" : "false"},
                                     {"id", std::move(id)},
                                     {"time", base::format_time(loop_.clock().wall())},
                                     {"attempt", std::to_string(attempt)}};
  json::Document document;
  TRUNKLINE_TRY(const json::Value none, document.parse("{}"));
  const TemplateValues values{none, meta};
  net::ClientRequest request;
  request.method = "POST";
  request.connect_timeout = options_.connect_timeout;
  request.timeout = options_.timeout;
  for (const auto& [name, value] : compiled_.headers) {
    auto text = value.render(values);
    if (!text.ok()) return text.error().with("header " + name);
    request.headers.emplace_back(name, std::move(*text));
  }
  auto url = compiled_.url.render(values);
  if (!url.ok()) return url.error().with("url");
  TRUNKLINE_TRY_VOID(validate_url(*url));
  request.url = std::move(*url);
  auto body = compiled_.body.render(values);
  if (!body.ok()) return body.error().with("body");
  request.body = std::move(*body);
  if (const auto valid = document.parse(request.body); !valid.ok()) return valid.error().with("body is no JSON");
  if (!net::find_header(request.headers, "Content-Type"))
    request.headers.emplace_back("Content-Type", "application/json");
  return request;
}

std::vector<std::string> AdherenceSink::secrets_of(const net::ClientRequest& request) const {
  std::vector<std::string> secrets = credentials(request.headers);
  for (const auto& [name, value] : options_.names->vars) {
    if (names_a_credential(name) && !value.empty()) secrets.push_back(value);
  }
  return secrets;
}

void AdherenceSink::save() {
  std::vector<engine::Engine::StateWrite> writes;
  for (auto& [id, bytes] : agents_.take_unstored()) writes.push_back({id, std::move(bytes)});
  if (!writes.empty()) parts_.store->save(std::move(writes));
}

void AdherenceSink::send(delivery::Batch batch, base::UniqueFunction<void(BatchVerdict)> done) {
  waiting_.push_back({std::move(batch), std::move(done)});
  go_on();
}

// The next batch, or the snapshot that is due.
void AdherenceSink::go_on() {
  if (busy_ || !restored_) return;
  if (waiting_.empty()) return look();
  Waiting next = std::move(waiting_.front());
  waiting_.pop_front();
  begin(std::move(next));
}

void AdherenceSink::begin(Waiting next) {
  std::set<std::string> touched;
  for (const engine::LeasedMessage& message : next.batch.messages) {
    for (const wfm::StateFact& fact : reader_.read(*message.record)) {
      agents_.apply(fact);
      touched.insert(fact.agent);
    }
  }
  Told told;
  std::string states;
  std::optional<base::Error> wrong;
  for (const std::string& id : touched) {
    const auto* agent = agents_.find(id);
    if (agent == nullptr || code_of(*agent) == agent->told) continue;
    auto state = state_of(id, *agent);
    if (!state.ok()) {
      wrong = state.error();
      break;
    }
    states += (states.empty() ? "" : ",") + *state;
    told.emplace_back(id, code_of(*agent));
  }
  auto request = request_of(states, told.size(), false, webhook_id(next.batch.messages), next.batch.attempt);
  if (!request.ok()) wrong = request.error();
  if (told.empty() || wrong) {
    if (!wrong) save();
    BatchVerdict verdict;
    verdict.events.resize(next.batch.messages.size());
    if (wrong) {
      // A template that gives nothing for one agent may give something for the others.
      verdict.refused = next.batch.messages.size() > 1;
      verdict.events.assign(1, {Verdict::rejected, {}, "template", detail_text(wrong->detail, {})});
    }
    busy_ = true;
    loop_.post([life = life_, done = std::move(next.done), verdict = std::move(verdict)]() mutable {
      done(std::move(verdict));
      if (life->self == nullptr) return;
      life->self->busy_ = false;
      life->self->go_on();
    });
    return;
  }
  busy_ = true;
  std::vector<std::string> secrets = secrets_of(*request);
  // The answer may come after this object has gone; then nobody waits for it either.
  parts_.sender->send(std::move(*request), [life = life_, next = std::move(next), told = std::move(told),
                                            secrets = std::move(secrets)](Result<net::ClientResponse> answer) mutable {
    if (life->self != nullptr) life->self->answered(std::move(next), told, secrets, answer);
  });
}

void AdherenceSink::answered(Waiting sent, const Told& told, const std::vector<std::string>& secrets,
                             const Result<net::ClientResponse>& answer) {
  BatchVerdict verdict = http_verdict(answer, sent.batch.messages.size(), loop_.clock().wall(), secrets);
  if (!options_.shadow && !verdict.refused && verdict.events.front().verdict == Verdict::delivered) {
    for (const auto& [id, code] : told) agents_.tell(id, code);
  }
  // Also of what was not taken: the state is the same when the event comes again.
  save();
  busy_ = false;
  const auto life = life_;
  sent.done(std::move(verdict));
  if (life->self != nullptr) go_on();
}

void AdherenceSink::rest(bool resting) {
  resting_ = resting;
  if (timer_ == 0) timer_ = loop_.after(kRestoreAfter, [this] { restore(); });
}

void AdherenceSink::restore() {
  const auto stored = parts_.store->load();
  if (!stored.ok()) {
    base::log::error("the states of agents cannot be read", "error", stored.error().detail);
    timer_ = loop_.after(kLookEvery, [this] { restore(); });
    return fail_waiting(stored.error());
  }
  std::size_t unknown = 0;
  for (const auto& [id, bytes] : *stored) {
    if (!agents_.restore(id, bytes)) ++unknown;
  }
  if (unknown > 0) base::log::warn("agents are not readable and begin anew with their next event", "agents", unknown);
  restored_ = true;
  // Who begins with nothing knows a few agents at first: a snapshot of them would log out all others.
  snapshot_at_ = loop_.clock().mono() + (agents_.size() > 0 ? Millis(0) : options_.snapshot_every);
  arm();
  go_on();
}

void AdherenceSink::fail_waiting(const base::Error& error) {
  std::deque<Waiting> waiting = std::move(waiting_);
  waiting_.clear();
  for (Waiting& each : waiting) {
    BatchVerdict verdict;
    verdict.events.assign(each.batch.messages.size(), {Verdict::unavailable, {}, "state", error.detail});
    each.done(std::move(verdict));
  }
}

void AdherenceSink::arm() {
  timer_ = loop_.after(kLookEvery, [this] {
    arm();
    look();
  });
}

void AdherenceSink::look() {
  const base::MonoTime now = loop_.clock().mono();
  if (options_.snapshot_every == Millis(0) || busy_ || resting_ || now < snapshot_at_ || agents_.size() == 0) return;
  const auto oldest = parts_.oldest_waiting ? parts_.oldest_waiting() : std::nullopt;
  const bool behind = oldest && loop_.clock().wall() - *oldest > kCaughtUp;
  if (behind && now < snapshot_at_ + kSnapshotLate) return;
  send_snapshot();
}

void AdherenceSink::send_snapshot() {
  const base::MonoTime now = loop_.clock().mono();
  snapshot_at_ = now + options_.snapshot_every;
  Told told;
  std::string states;
  std::optional<base::Error> wrong;
  agents_.each(loop_.clock().wall(), [&](const std::string& id, const wfm::AgentsNow::Agent& agent) {
    auto state = state_of(id, agent);
    if (!state.ok()) {
      wrong = state.error();
      return;
    }
    states += (states.empty() ? "" : ",") + *state;
    told.emplace_back(id, code_of(agent));
  });
  if (told.empty()) return;
  auto request = request_of(states, told.size(), true,
                            fmt::format("snapshot_{:x}", loop_.clock().wall().time_since_epoch().count()), 1);
  if (!request.ok()) wrong = request.error();
  if (wrong) {
    if (!snapshot_failed_) base::log::error("a snapshot of agents cannot be made", "error", wrong->detail);
    snapshot_failed_ = true;
    return;
  }
  busy_ = true;
  parts_.sender->send(std::move(*request),
                      [life = life_, told = std::move(told)](const Result<net::ClientResponse>& answer) {
                        if (life->self != nullptr) life->self->snapshot_answered(told, answer);
                      });
}

void AdherenceSink::snapshot_answered(const Told& told, const Result<net::ClientResponse>& answer) {
  const EventVerdict verdict = http_verdict(answer, 1, loop_.clock().wall()).events.front();
  if (verdict.verdict == Verdict::delivered) {
    for (const auto& [id, code] : told) {
      if (!options_.shadow) agents_.tell(id, code);
    }
    save();
  } else {
    snapshot_at_ = loop_.clock().mono() + std::min(kSnapshotAgain, options_.snapshot_every);
    // Without what the receiver says, which may quote what was sent.
    if (!snapshot_failed_) base::log::warn("a snapshot of agents was not taken", "class", verdict.error_class);
  }
  snapshot_failed_ = verdict.verdict != Verdict::delivered;
  busy_ = false;
  go_on();
}

void AdherenceSink::probe(base::UniqueFunction<void(Result<std::string>)> done) {
  auto made = request_of("", 0, false, "probe", 1);
  if (!made.ok()) return done(made.error());
  net::ClientRequest request;
  request.method = "OPTIONS";
  request.url = made->url;
  request.connect_timeout = options_.connect_timeout;
  request.timeout = options_.timeout;
  sinks::HttpSender& sender = *parts_.sender;
  sender.send(std::move(request), [url = made->url, codes = parts_.codes.size(),
                                   done = std::move(done)](Result<net::ClientResponse> answer) mutable {
    if (!answer.ok() && answer.error().detail.starts_with("oauth:")) return done(answer.error());
    if (!answer.ok()) return done(unreachable(url, answer.error()));
    done(fmt::format("{}; OPTIONS is answered {}; {} rows of codes", reachable(url), answer->status, codes));
  });
}

}  // namespace trunkline::sinks
