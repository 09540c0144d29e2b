#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "json/document.hpp"

namespace trunkline::sinks {

// What templates may name besides the event. Immutable once made, shared by the templates of one sink.
struct TemplateNames {
  using Table = std::map<std::string, std::string, std::less<>>;

  Table vars;                                        // {{vars.name}}
  std::map<std::string, Table, std::less<>> tables;  // of the filter map:"name"
  // {{meta.name}}: what a sink gives with each request; these are of one that sends events.
  std::vector<std::string> meta = {"id",        "sequence", "attempt", "consumer",
                                   "eventType", "category", "time",    "acceptedAt"};
};

// What a template is filled with.
struct TemplateValues {
  json::Value event;                 // {{event.…}}
  const TemplateNames::Table& meta;  // {{meta.name}}
};

// A text with expressions in double braces, compiled once:
//
//   {{ event.detail.eventBody.conversationId }}            a path: names, or "names in quotes", or places of a list
//   {{ event.detail.eventBody.mediaType | lower | default:"voice" }}
//   {{ "{{" }}                                              a text
//
//  default:"text"   where the value is missing          lower, upper       ASCII letters only
//  json             a JSON value, quotes included        truncate:25        to so many characters
//                   (missing: null)                      map:"table"        by a table; not in it: missing
//  urlencode        RFC 3986, all but unreserved         date:"iso"         also "date", "epoch", "epoch_ms"; of
//  raw              as it is, see below                                     milliseconds or RFC 3339
//
// A value that is missing or null and has neither `default` nor `json` is an error of the event. What an expression gives
// is made safe for where it stands, unless `json`, `urlencode` (in a URL) or `raw` comes last: in a URL it is encoded, in
// JSON escaped as the inside of a string, in a header a line break is an error. Objects and lists are their JSON text.
//
// At most 64 KiB, 256 expressions, 16 names and 8 filters in each. Reading from several threads is safe.
class Template {
 public:
  enum class Place : std::uint8_t { url, header, json, text };

  // `names` outlives the template. Errc::invalid begins with the place: "line 1, column 12: …".
  static base::Result<Template> compile(std::string_view text, Place place, const TemplateNames& names);

  // Errc::invalid: a value that is missing, or is not what a filter takes; names the expression, not the value.
  // Errc::too_large: beyond 4 MiB.
  base::Result<std::string> render(const TemplateValues& values) const;

  // Of a URL: scheme and host are given before the first `{{event` and `{{meta`, so no event says where it goes.
  bool fixed_origin() const;

  struct Filter {
    enum class Kind : std::uint8_t { fallback, json, urlencode, raw, lower, upper, truncate, map, date };
    Kind kind{};
    std::string argument;
    std::size_t number = 0;
  };
  struct Part {
    enum class Kind : std::uint8_t { literal, event, meta, vars };
    Kind kind = Kind::literal;
    std::string text;               // a literal, or the name in meta or vars
    std::vector<std::string> path;  // in the event
    std::vector<Filter> filters;
    std::string shown;  // "line 1, column 5: event.detail.x"
  };

 private:
  friend class TemplateParser;
  Place place_ = Place::text;
  const TemplateNames* names_ = nullptr;
  std::vector<Part> parts_;
};

}  // namespace trunkline::sinks
