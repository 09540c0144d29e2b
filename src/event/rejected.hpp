#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace trunkline::event {

// Why an item is no event. The words are stable: they are stored in the quarantine and counted in metrics.
enum class Reason : std::uint8_t {
  empty_body,       // no bytes, or white space only
  invalid_utf8,     // the text is not UTF-8
  not_json,         // the text is not one JSON value
  too_deep,         // nested deeper than EventBridge allows
  too_nested,       // more wrappers inside one another than any sender makes
  empty_array,      // an array without an item
  too_many_items,   // more items in one payload than any sender batches
  wrong_type,       // an item that is no JSON object
  unknown_form,     // an object of none of the forms
  bare_event_body,  // only the eventBody of a notification: it names no topic
  missing_member,   // the envelope lacks a member that every real one has
  wrong_member,     // a member of the envelope has the wrong type or value
  control,          // heartbeat or channel control: understood, acknowledged, counted, never quarantined
};
std::string_view name(Reason reason);

// An item that was not accepted. A plain value.
struct Rejected {
  Reason reason = Reason::not_json;
  std::string detail;  // for people: which member, which byte
  // The item's own bytes, its batch removed: the array element with its wrapping, the record's body, or the whole
  // payload.
  std::string raw;

  bool is_control() const { return reason == Reason::control; }
};

}  // namespace trunkline::event
