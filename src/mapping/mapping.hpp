#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "json/document.hpp"
#include "mapping/hidden.hpp"
#include "mapping/matcher.hpp"
#include "mapping/reshape.hpp"
#include "mapping/rules.hpp"
#include "mapping/walk.hpp"

namespace trunkline::mapping {

// Of which event a body is.
struct Subject {
  std::string_view topic_name;
  std::string_view event_type;  // the topic's pattern
  std::string_view category;
  bool flat = false;  // of the form without an envelope and without eventBody
};

// Buffers for apply(). One per thread.
struct Scratch {
  json::Document document;
  json::Document again;
  Walk walk;
  std::vector<std::uint8_t> active;
};

struct MappingOptions {
  // The shipped list of personal data is concealed (personal.hpp), before everything else.
  bool protect = false;
  // In order. Each a rule as a JSON object (rules.hpp), or a JSON text: the name of a ready mapping.
  std::vector<std::string> items{};
  std::string key{};  // of hashes and tokens
};

// What of an event a consumer gets: compiled once, immutable, on any thread.
//
// A value leaves as the last rule says that names it or what it stands in; where a select holds, only what is selected.
// Then members are renamed and moved, constants set, and where a `make` holds, the last one makes a new object of all
// that. Bytes that no rule names stay as they are, unless something moves, is set or made.
class Mapping {
 public:
  struct Fault {
    std::size_t item = 0;  // of MappingOptions::items
    std::string text;      // for people
  };
  using Compiled = std::variant<std::shared_ptr<const Mapping>, Fault>;  // shared by threads, immutable
  static Compiled compile(MappingOptions options);

  // The event's JSON as the consumer gets it. An error: it must not leave at all, Errc::too_large where it is nested
  // deeper than kDepthMax, else Errc::invalid. `hidden`, where given, is told what was concealed.
  base::Result<std::string> apply(std::string_view body, const Subject& subject, Scratch& scratch,
                                  Hidden* hidden = nullptr) const;
  // What becomes of a member at the event's top that the hub adds to it; nothing: it is not added.
  std::optional<std::string> member(std::string_view name, std::string_view value, const Subject& subject) const;

  // What holds for a topic, for people, in the order of the rules; what a later one with the same path replaces is not
  // there.
  struct Line {
    std::string path;
    std::string what;  // "mask", "drop", "rename to x", …
    std::string by;    // "privacy: phone", "mapping rule 2"
  };
  std::vector<Line> lines(const Subject& subject) const;

  bool protects() const { return protects_; }
  bool makes(const Subject& subject) const;
  // Twelve hexadecimal digits that say what was compiled, key included: the same is the same mapping.
  const std::string& version() const { return version_; }
  // What the version is a hash of: the list of personal data where it protects, every rule, a print of the key.
  const std::string& text() const { return text_; }

  // An event of Genesys has about ten levels; each costs a level of recursion.
  static constexpr std::size_t kDepthMax = 200;
  static constexpr std::size_t kRulesMax = 1'000;
  static constexpr std::size_t kPathsMax = 10'000;

 private:
  struct Compiled1 {
    Rule rule;
    std::string by;
    std::uint32_t scope = 0;
    std::optional<Template> make{};
  };
  Mapping() = default;
  void add_protection();
  base::Result<void> add_item(std::string_view item, std::size_t number);
  base::Result<void> add_text(std::string_view rule, std::string by);
  base::Result<void> add(Rule rule, std::string by);
  bool holds(const Scope& scope, const Subject& subject) const;
  void activate(const Subject& subject, std::vector<std::uint8_t>& active) const;
  WalkRules walk_rules(const Subject& subject, const std::vector<std::uint8_t>& active) const;
  base::Result<std::string> reshape(std::string body, Scratch& scratch) const;

  std::vector<Compiled1> rules_;
  std::vector<Scope> scopes_;
  std::vector<std::string> names_;
  std::size_t paths_ = 0;
  Matcher matcher_;
  std::string key_;
  std::string text_;
  std::string version_;
  bool protects_ = false;
};

}  // namespace trunkline::mapping
