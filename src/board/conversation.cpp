#include "board/conversation.hpp"

#include <algorithm>
#include <array>

namespace trunkline::board {
namespace {

constexpr std::array<std::string_view, 7> kStates = {"gone",      "ivr",  "waiting", "alerting",
                                                     "connected", "hold", "wrapup"};

constexpr std::uint8_t kVersion = 2;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  return out;
}

void set_later(IdText& value, Stamp& stamp, std::string_view said, const Stamp& now) {
  if (said.empty() || now <= stamp) return;
  value = said;
  stamp = now;
}
void set_earlier(std::string& value, Stamp& stamp, std::string_view said, const Stamp& now) {
  if (said.empty() || now >= stamp) return;
  value = lower(said);
  stamp = now;
}

bool began(const Conversation::Session& session, Time moment) {
  return session.started != 0 && session.started <= moment;
}
bool is_over(const Conversation::Session& session, Time moment) {
  return session.ended != 0 && session.ended <= moment;
}
bool is_active(const Conversation::Session& session, Time moment) {
  return began(session, moment) && !is_over(session, moment);
}

int rank(State state) {
  if (state == State::connected || state == State::hold) return 3;
  if (state == State::alerting) return 2;
  return state == State::wrapup ? 1 : 0;
}

}  // namespace

std::string_view name(State state) {
  return kStates[static_cast<std::size_t>(state)];
}

const Conversation::Session* Conversation::find(Role role, std::string_view id) const {
  for (const Session& session : sessions_) {
    if (session.role == role && session.id == id) return &session;
  }
  return nullptr;
}

Conversation::Session& Conversation::session(Role role, std::string_view id) {
  if (const Session* known = find(role, id)) return const_cast<Session&>(*known);
  if (sessions_.size() >= kSessionsMax) {
    const auto first_ended = std::min_element(sessions_.begin(), sessions_.end(), [](const auto& a, const auto& b) {
      return (a.ended != 0 ? a.ended : kNow) < (b.ended != 0 ? b.ended : kNow);
    });
    sessions_.erase(first_ended);
  }
  Session& added = sessions_.emplace_back();
  added.role = role;
  added.id = id;
  return added;
}

void Conversation::merge(const SessionFact& fact, std::uint64_t sequence) {
  const Stamp stamp{fact.at, sequence};
  set_earlier(media_, media_stamp_, fact.media, stamp);
  set_earlier(direction_, direction_stamp_, fact.direction, stamp);
  if (fact.session.empty()) return;
  Session& s = session(fact.role, fact.session);
  set_later(s.user, s.user_stamp, fact.user, stamp);
  set_later(s.queue, s.queue_stamp, fact.queue, stamp);
  if (fact.started != 0) s.started = s.started == 0 ? fact.started : std::min(s.started, fact.started);
  s.ended = std::max(s.ended, fact.ended);
  if (const Stamp said{fact.phase_at, sequence}; fact.phase != Phase::none && said > s.phase_stamp) {
    s.phase = fact.phase;
    s.phase_since = fact.phase_since;
    s.phase_stamp = said;
  }
  if (fact.answered_by > s.answered_by.view()) s.answered_by = fact.answered_by;
  s.wait_end = std::max(s.wait_end, fact.wait_end);
  s.interacted |= fact.interacted;
  s.consult_left |= fact.consult_left;
  s.after_call_done = std::max(s.after_call_done, fact.after_call_done);
}

// Detail events do not say that an agent has answered: the queue's session does when it ends, the one who asked for a
// consultation by leaving, and for a call that an agent dialled the customer by coming.
ConversationView Conversation::agent_view(const Session& agent, Time moment) const {
  ConversationView view{State::alerting, agent.started, agent.queue, agent.user};
  Time said = agent.started;
  const auto connect = [&](Time at) {
    if (at == 0 || at > moment || at < said) return;
    view.state = State::connected;
    view.since = said = at;
  };
  for (const Session& other : sessions_) {
    if (other.role == Role::queue && other.answered_by == agent.user && !agent.user.empty()) connect(other.ended);
    if (other.role == Role::agent && other.id != agent.id && other.consult_left) connect(other.ended);
    if (other.role == Role::customer && agent.queue.empty() && direction_ == "outbound" && other.started != 0)
      connect(std::max(other.started, agent.started));
  }
  if (agent.phase == Phase::none || agent.phase_stamp.at > moment || agent.phase_stamp.at < said) return view;
  view.since = agent.phase_since;
  if (agent.phase == Phase::alerting) view.state = State::alerting;
  if (agent.phase == Phase::connected) view.state = State::connected;
  if (agent.phase == Phase::hold) view.state = State::hold;
  if (agent.phase == Phase::wrapup) view.state = State::wrapup;
  return view;
}

// The agent who is furthest with the customer, of several the one who came last.
ConversationView Conversation::with_agent(Time moment, std::string_view only_user) const {
  ConversationView best;
  for (const Session& session : sessions_) {
    if (session.role != Role::agent || !is_active(session, moment)) continue;
    if (!only_user.empty() && session.user != only_user) continue;
    const ConversationView view = agent_view(session, moment);
    const auto better = [](const ConversationView& a, const ConversationView& b) {
      if (rank(a.state) != rank(b.state)) return rank(a.state) > rank(b.state);
      return a.since != b.since ? a.since > b.since : a.agent > b.agent;
    };
    if (best.state == State::gone || better(view, best)) best = view;
  }
  return best;
}

// After-call work of the agent who was last with the customer.
ConversationView Conversation::after_call(Time moment, Time customer_left) const {
  const Session* last = nullptr;
  Time last_time = 0;
  for (const Session& session : sessions_) {
    if (session.role != Role::agent || !began(session, moment)) continue;
    const ConversationView was = agent_view(session, moment);
    if (!session.interacted && rank(was.state) != 3) continue;
    const Time end = is_over(session, moment) ? session.ended : std::max(session.started, customer_left);
    if (last != nullptr && (end < last_time || (end == last_time && session.id <= last->id))) continue;
    last = &session;
    last_time = end;
  }
  if (last == nullptr) return {};
  // A code may be given during the call, too.
  if (last->after_call_done != 0 && last->after_call_done <= moment && last->after_call_done >= last_time) return {};
  return {State::wrapup, last_time, last->queue, last->user};
}

ConversationView Conversation::view(Time moment) const {
  Time customer_left = 0;
  Time customer_came = 0;
  bool customer_known = false;
  bool customer_there = false;
  const Session* waiting = nullptr;
  const Session* alone = nullptr;  // in a flow or a mailbox
  Time last_end = 0;
  for (const Session& session : sessions_) {
    const bool active = is_active(session, moment);
    if (is_over(session, moment)) last_end = std::max(last_end, session.ended);
    if (session.role == Role::customer) {
      customer_known |= active || is_over(session, moment);
      customer_there |= active;
      if (active) customer_came = std::max(customer_came, session.started);
      if (is_over(session, moment)) customer_left = std::max(customer_left, session.ended);
    }
    if (!active) continue;
    const Session*& place = session.role == Role::queue ? waiting : alone;
    if (session.role == Role::customer || session.role == Role::agent) continue;
    if (place == nullptr || session.started > place->started ||
        (session.started == place->started && session.id > place->id))
      place = &session;
  }
  if (customer_known && !customer_there) return after_call(moment, customer_left);
  const ConversationView agent = with_agent(moment);
  if (rank(agent.state) >= 2) return agent;
  if (waiting != nullptr) return {State::waiting, waiting->started, waiting->queue, {}};
  if (alone != nullptr) return {State::ivr, alone->started, alone->queue, {}};
  if (agent.state == State::wrapup) return agent;
  if (customer_there) return {State::ivr, std::max(customer_came, last_end), {}, {}};
  return after_call(moment, 0);
}

ConversationView Conversation::view_of(std::string_view user) const {
  const ConversationView whole = view();
  if (whole.agent == user) return whole;
  // Whoever is left when the customer has gone is on the way out.
  if (whole.state == State::gone || whole.state == State::wrapup) return {};
  return with_agent(kNow, user);
}

// ---- bytes

namespace {

void put_stamp(std::string& out, const Stamp& stamp) {
  base::put_varint(out, static_cast<std::uint64_t>(stamp.at));
  base::put_varint(out, stamp.sequence);
}
Time read_time(base::ByteReader& in) {
  return static_cast<Time>(in.varint());
}
// One that is too long is taken for the end of the bytes.
std::string_view read_id(base::ByteReader& in) {
  const std::string_view text = in.string();
  return text.size() <= IdText::kBytesMax ? text : in.take(in.left() + 1);
}
Stamp read_stamp(base::ByteReader& in) {
  const Time at = read_time(in);
  return {at, in.varint()};
}

}  // namespace

void Conversation::encode(std::string& out) const {
  out.push_back(static_cast<char>(kVersion));
  base::put_string(out, media_);
  put_stamp(out, media_stamp_);
  base::put_string(out, direction_);
  put_stamp(out, direction_stamp_);
  base::put_varint(out, sessions_.size());
  for (const Session& s : sessions_) {
    out.push_back(static_cast<char>(s.role));
    base::put_string(out, s.id);
    base::put_string(out, s.user);
    put_stamp(out, s.user_stamp);
    base::put_string(out, s.queue);
    put_stamp(out, s.queue_stamp);
    base::put_varint(out, static_cast<std::uint64_t>(s.started));
    base::put_varint(out, static_cast<std::uint64_t>(s.ended));
    put_stamp(out, s.phase_stamp);
    out.push_back(static_cast<char>(s.phase));
    base::put_varint(out, static_cast<std::uint64_t>(s.phase_since));
    base::put_string(out, s.answered_by);
    out.push_back(static_cast<char>(s.wait_end));
    out.push_back(static_cast<char>((s.interacted ? 1 : 0) | (s.consult_left ? 2 : 0)));
    base::put_varint(out, static_cast<std::uint64_t>(s.after_call_done));
  }
}

bool Conversation::decode(base::ByteReader& in) {
  if (in.u8() != kVersion) return false;
  media_ = in.string();
  media_stamp_ = read_stamp(in);
  direction_ = in.string();
  direction_stamp_ = read_stamp(in);
  const std::uint64_t count = in.varint();
  if (count > kSessionsMax) return false;
  sessions_.clear();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    Session& s = sessions_.emplace_back();
    const std::uint8_t role = in.u8();
    if (role > static_cast<std::uint8_t>(Role::voicemail)) return false;
    s.role = static_cast<Role>(role);
    s.id = read_id(in);
    s.user = read_id(in);
    s.user_stamp = read_stamp(in);
    s.queue = read_id(in);
    s.queue_stamp = read_stamp(in);
    s.started = read_time(in);
    s.ended = read_time(in);
    s.phase_stamp = read_stamp(in);
    const std::uint8_t phase = in.u8();
    if (phase > static_cast<std::uint8_t>(Phase::wrapup)) return false;
    s.phase = static_cast<Phase>(phase);
    s.phase_since = read_time(in);
    s.answered_by = read_id(in);
    const std::uint8_t wait_end = in.u8();
    if (wait_end > static_cast<std::uint8_t>(WaitEnd::answered)) return false;
    s.wait_end = static_cast<WaitEnd>(wait_end);
    const std::uint8_t flags = in.u8();
    s.interacted = (flags & 1) != 0;
    s.consult_left = (flags & 2) != 0;
    s.after_call_done = read_time(in);
  }
  return in.ok();
}

}  // namespace trunkline::board
