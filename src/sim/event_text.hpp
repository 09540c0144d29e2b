#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sim/random.hpp"

namespace trunkline::sim {

// Milliseconds since 1970, UTC, of the simulated clock. A plain number: the generator only adds and prints it.
using SimTime = std::int64_t;

enum class Fault : std::uint8_t { none, duplicate, republished, late, reordered, conflict, malformed };
std::string_view name(Fault fault);

// One event ready to be sent, with the ids that its lanes are made of (the first place that topics.tsv names for the
// topic).
struct GeneratedEvent {
  std::string raw;  // the bytes to send; of a malformed one anything
  std::string envelope_id;
  std::string topic_name;
  std::string org_id;
  std::string conversation_id;
  std::string user_id;
  std::string queue_id;
  SimTime published = 0;  // detail.timestamp
  Fault fault = Fault::none;

  void clear();
};

// "2026-03-02T14:00:00.064Z"; without milliseconds "2026-03-02T14:00:00Z".
void append_time(std::string& out, SimTime time, bool milliseconds = true);

// Writes members of JSON objects behind each other; the text given is JSON-safe ASCII or already escaped.
class Members {
 public:
  explicit Members(std::string& out) : out_(out) {}

  Members& text(std::string_view name, std::string_view value) {
    key(name);
    out_ += '"';
    out_ += value;
    out_ += '"';
    return *this;
  }
  Members& id(std::string_view name, const Id& value) {
    key(name);
    out_ += '"';
    append_id(out_, value);
    out_ += '"';
    return *this;
  }
  Members& number(std::string_view name, std::int64_t value);
  Members& fraction(std::string_view name, double value, int digits);
  Members& time(std::string_view name, SimTime value) {
    key(name);
    out_ += '"';
    append_time(out_, value);
    out_ += '"';
    return *this;
  }
  // Any JSON value as it stands.
  Members& json(std::string_view name, std::string_view value) {
    key(name);
    out_ += value;
    return *this;
  }
  // ["id"], or [] without one.
  Members& id_list(std::string_view name, const Id* value);
  Members& open(std::string_view name, char bracket = '{') {
    key(name);
    out_ += bracket;
    first_ = true;
    return *this;
  }
  Members& element() {
    if (!first_) out_ += ',';
    out_ += '{';
    first_ = true;
    return *this;
  }
  Members& close(char bracket = '}') {
    out_ += bracket;
    first_ = false;
    return *this;
  }
  std::string& out() { return out_; }

 private:
  void key(std::string_view name) {
    if (!first_) out_ += ',';
    first_ = false;
    out_ += '"';
    out_ += name;
    out_ += "\":";
  }
  std::string& out_;
  bool first_ = true;
};

// What stands in the envelope of every event of one integration.
struct Integration {
  Id org{};
  std::string suffix = "trunkline-sim";
  std::string account = "111122223333";
  std::string region = "us-east-1";
};

// The EventBridge envelope around one eventBody, members in the order of genesys.md section 1:
//   EventText text(event, integration, "v2.users.{id}.presence", {user}, envelope, published);
//   text.body().text("source", "PURECLOUD");
//   text.finish(correlation);
class EventText {
 public:
  // `pattern` holds one literal {id} for each of `fills`.
  EventText(GeneratedEvent& event, const Integration& integration, std::string_view pattern,
            std::string_view first_fill, std::string_view second_fill = {});
  // Opens the event: everything up to the members of eventBody.
  Members begin(const Id& envelope_id, SimTime published);
  void finish(const Id& correlation, std::string_view correlation_suffix = {});

 private:
  GeneratedEvent& event_;
  const Integration& integration_;
  std::string_view pattern_;
};

}  // namespace trunkline::sim
