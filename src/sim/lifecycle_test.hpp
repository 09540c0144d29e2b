#pragma once

#include <map>
#include <set>
#include <string>

#include "json/document.hpp"
#include "sim/event_text.hpp"

namespace trunkline::sim {

// Knows which order of a conversation's events Genesys can send, told from the events' bytes alone. add() and finish()
// answer the first thing that is wrong, or nothing.
class LifecycleChecker {
 public:
  std::string add(const GeneratedEvent& event) {
    const auto parsed = document_.parse(event.raw);
    if (!parsed.ok()) return "not JSON: " + parsed.error().detail;
    const json::Value detail = *parsed->find("detail");
    const json::Value body = *detail.find("eventBody");
    const std::string id(body.string_at("conversationId"));
    const std::string type(parsed->string_at("detail-type"));
    const std::string wrong = check(conversations_[id], type, body);
    return wrong.empty() ? "" : type + " of " + id + ": " + wrong;
  }

  std::string finish() const {
    for (const auto& [id, c] : conversations_) {
      if (!c.open.empty()) return id + " ends with an open " + c.open.begin()->second;
      if (!c.assigned.empty()) return id + " has an evaluation that was never released";
    }
    return "";
  }
  std::size_t conversations() const { return conversations_.size(); }
  const std::map<std::string, std::size_t>& seen() const { return seen_; }

 private:
  struct Conversation {
    std::int64_t last = 0;
    bool begun = false;
    bool customer_ended = false;
    std::map<std::string, std::string> open;        // session -> party
    std::map<std::string, std::string> open_users;  // user -> session
    std::set<std::string> closed_users;             // sessions without their after-call work
    std::set<std::string> used;                     // sessions
    std::set<std::string> assigned;
  };

  std::string check(Conversation& c, const std::string& type, const json::Value& body) {
    constexpr std::string_view kDetail = "v2.detail.events.conversation.{id}.";
    if (type == "v2.quality.evaluations") return evaluation(c, body);
    if (type.ends_with(".sentiment")) return c.customer_ended ? "" : "before the customer left";
    if (!type.starts_with(kDetail)) return "";
    const std::string what = type.substr(kDetail.size());
    ++seen_[what];
    const std::int64_t at = body.find("eventTime")->integer().value_or(0);
    if (at < c.last) return "eventTime goes back";
    c.last = at;
    const bool may_begin = what == "customer.start" || what == "outbound" || what == "user.start";
    if (!c.begun && !may_begin) return "first event";
    c.begun = true;
    return step(c, what, body);
  }

  std::string step(Conversation& c, const std::string& what, const json::Value& body) {
    const std::string session(body.string_at("sessionId"));
    const std::string user(body.string_at("userId"));
    const std::size_t dot = what.find('.');
    const std::string party = what.substr(0, dot);
    const std::string phase = dot == std::string::npos ? "" : what.substr(dot + 1);
    if (phase == "start") {
      if (!c.used.insert(session).second) return "a session starts twice";
      c.open[session] = party;
      if (party == "user" && !c.open_users.emplace(user, session).second) return "a user is there twice";
      return "";
    }
    if (phase == "outcome") return c.open.contains(session) ? "" : "outside of its flow";
    if (phase == "end") return end(c, party, session, body);
    if (what == "acw" || what == "wrapup") {
      if (!c.closed_users.contains(session)) return "after-call work of a session that has not just ended";
      if (what == "acw") c.closed_users.erase(session);
      return "";
    }
    if (what == "contact" || what == "attributes") return c.open.empty() ? "after everybody left" : "";
    return what == "outbound" ? "" : "unknown event";
  }

  std::string end(Conversation& c, const std::string& party, const std::string& session, const json::Value& body) {
    const auto found = c.open.find(session);
    if (found == c.open.end() || found->second != party) return "ends what is not open";
    c.open.erase(found);
    if (party == "customer") c.customer_ended = true;
    if (party == "user") {
      const std::string user(body.string_at("userId"));
      if (c.open_users[user] != session) return "another user's session";
      c.open_users.erase(user);
      c.closed_users.insert(session);
      ++seen_["user.end " + std::string(body.string_at("disconnectType"))];
    }
    if (party == "acd") {
      const std::string outcome(body.string_at("acdOutcome"));
      ++seen_["acd.end " + outcome];
      const bool answered = c.open_users.contains(std::string(body.string_at("answeredUserId")));
      if (outcome == "ANSWERED" && !answered) return "answered by a user who is not there";
    }
    return "";
  }

  std::string evaluation(Conversation& c, const json::Value& body) {
    const std::string id(body.string_at("id"));
    if (!c.customer_ended) return "before the customer left";
    if (body.string_at("eventType") == "ASSIGNED") return c.assigned.insert(id).second ? "" : "assigned twice";
    return c.assigned.erase(id) == 1 ? "" : "released, but not assigned";
  }

  json::Document document_;
  std::map<std::string, Conversation> conversations_;
  std::map<std::string, std::size_t> seen_;
};

}  // namespace trunkline::sim
