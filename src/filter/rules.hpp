#pragma once

#include <optional>
#include <string>
#include <string_view>

// The rules on which AWS's documentation, its recorded answers, its open rule engine (aws/event-ruler, "the engine"
// below) and the emulators disagree, or which nothing confirms for SNS: one function each, with the choice made here.
// SNS's own recorded error texts are the engine's, so that the engine decides where nothing better is known.
namespace trunkline::filter::rules {

// {"anything-but": [...]} against a field with several values. The numeric documentation page, the engine and
// LocalStack: enough that one value lies outside; one sentence of the string page and moto: none may be listed. Choice:
// one is enough.
template <class Values, class Outside>
bool anything_but_holds(const Values& values, Outside outside) {
  for (const auto& value : values) {
    if (outside(value)) return true;
  }
  return false;
}

// {"exists": true} against null or "". The documentation asks for a value that is neither, the engine takes every leaf.
// Choice: every leaf. (An object, an empty array and an empty object are no leaves: all agree.)
inline bool leaf_exists(bool /*is_null*/, bool /*is_empty_string*/) {
  return true;
}

// A message without any attribute against a policy with keys, {"exists": false} among them. The engine and LocalStack
// evaluate it; the documentation says that at least one attribute must be present, and SNS has a metric of its own for
// what it rejects here (NumberOfNotificationsFilteredOut-NoMessageAttributes). Choice: rejected.
inline bool rejects_message_without_attributes() {
  return true;
}

// A Binary attribute, or one with a type of the sender's own making ("Number.int"). The documentation: only String,
// String.Array and Number are compared, Binary counts as absent; LocalStack compares the rest as text. Choice: absent.
inline bool compares_type(std::string_view data_type) {
  return data_type == "String" || data_type == "String.Array" || data_type == "Number";
}

// A String.Array that holds a bare scalar ("100", "true", "\"a\""). Nobody documents it; moto, "the correct behaviour":
// an array of one. Choice: an array of one.
inline bool bare_scalar_is_array() {
  return true;
}

// What may stand in {"anything-but": {...}}. prefix is documented, wildcard is in the current documentation, suffix was
// refused by AWS in 2024-05 (recorded), while the engine's version 2 takes suffix and equals-ignore-case, too. Choice:
// what is documented and not recorded as refused.
inline bool accepts_inside_anything_but(std::string_view match_type) {
  return match_type == "prefix" || match_type == "wildcard";
}

// {"anything-but": {"prefix": ["a", "b"]}}: only the engine's version 2 speaks of lists there. Choice: accepted.
inline bool accepts_list_inside_anything_but() {
  return true;
}

// {"prefix": {"equals-ignore-case": "a"}}, the same for suffix: in the engine, not in SNS's documentation. Choice:
// accepted.
inline bool accepts_ignore_case_inside_prefix() {
  return true;
}

// A /32 or /128. The engine refuses masks that leave no host bits; nothing is recorded of SNS. Choice: as the engine.
std::optional<std::string> refused_mask(int family, int mask_bits);

// Numbers outside -10^9 … 10^9 or with more than five decimals. The documentation excludes them, old AWS answered 500,
// LocalStack notes that AWS takes them. Choice: taken, and compared exactly.
inline bool accepts_number(std::string_view /*text*/) {
  return true;
}

// "$or" that is not an array of two or more objects free of reserved names. The documentation: then it is an ordinary
// key; the engine's newer compiler refuses it. Choice: an ordinary key.
inline bool malformed_or_is_a_key() {
  return true;
}

// Reserved names (the engine's Constants): an object that uses one inside "$or" makes "$or" an ordinary key.
bool is_reserved_inside_or(std::string_view key);

// What counts towards the limit of five keys. Recorded: the top-level ones; a former page said leaf keys. Choice: top
// level.
inline bool counts_leaf_keys() {
  return false;
}

}  // namespace trunkline::filter::rules
