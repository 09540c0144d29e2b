#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "board/facts.hpp"
#include "board/id_text.hpp"

namespace trunkline::board {

// When something was said: business time, then place in the log. The later one wins.
struct Stamp {
  Time at = 0;
  std::uint64_t sequence = 0;
  auto operator<=>(const Stamp&) const = default;
};

enum class State : std::uint8_t {
  gone,      // nobody is in it any more, or nothing is known that would show it
  ivr,       // the customer alone: in a flow, leaving a voicemail, being dialled
  waiting,   // in a queue
  alerting,  // an agent's line rings
  connected,
  hold,
  wrapup,  // the customer has left, the last agent's after-call work is not done
};
std::string_view name(State state);

// What is shown of a conversation.
struct ConversationView {
  State state = State::gone;
  Time since = 0;
  std::string_view queue;
  std::string_view agent;
  bool operator==(const ConversationView&) const = default;
};

// One conversation, folded from what its events say of its sessions. What it holds depends on the set of facts alone,
// not on their order or how often each came: times only grow apart (earliest start, latest end), everything else goes
// by stamps.
class Conversation {
 public:
  struct Session {
    IdText id;
    IdText user;
    IdText queue;
    IdText answered_by;
    Stamp user_stamp;
    Stamp queue_stamp;
    Stamp phase_stamp;
    Time started = 0;
    Time ended = 0;
    Time phase_since = 0;
    Time after_call_done = 0;
    Role role = Role::customer;
    Phase phase = Phase::none;
    WaitEnd wait_end = WaitEnd::unsaid;
    bool interacted = false;
    bool consult_left = false;
  };
  // A conference of thirty parties; of more the session that ended first makes room.
  static constexpr std::size_t kSessionsMax = 32;

  // Texts of at most IdText::kBytesMax bytes.
  void merge(const SessionFact& fact, std::uint64_t sequence);

  static constexpr Time kNow = std::numeric_limits<Time>::max();
  // What was to be seen at that moment. Views hold until the next merge.
  ConversationView view(Time moment = kNow) const;
  // What is to be seen of one agent in it; gone where the agent has no part (any more).
  ConversationView view_of(std::string_view user) const;

  // Of the earliest event that said it; lower case.
  const std::string& media() const { return media_; }
  const std::string& direction() const { return direction_; }
  const std::vector<Session>& sessions() const { return sessions_; }
  const Session* find(Role role, std::string_view session) const;

  // Version and content; false where the bytes are not what encode wrote.
  void encode(std::string& out) const;
  bool decode(base::ByteReader& in);

 private:
  Session& session(Role role, std::string_view id);
  ConversationView with_agent(Time moment, std::string_view only_user = {}) const;
  ConversationView after_call(Time moment, Time customer_left) const;
  ConversationView agent_view(const Session& session, Time moment) const;

  std::vector<Session> sessions_;
  std::string media_;
  std::string direction_;
  Stamp media_stamp_{kNow, 0};
  Stamp direction_stamp_{kNow, 0};
};

}  // namespace trunkline::board
