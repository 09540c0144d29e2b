#include <array>

#include "config/oauth_rows.hpp"
#include "config/option.hpp"
#include "config/reach_rows.hpp"

namespace trunkline::config {
namespace {

constexpr std::int64_t kSecond = 1'000;
constexpr std::int64_t kDay = 86'400 * kSecond;

template <class Scope, StateCodes Scope::* Member, auto Field>
void assign_codes(Scope& scope, Value value) {
  detail::store(scope.*Member.*Field, std::move(value));
}

template <class Scope>
constexpr auto codes_rows() {
  return std::array{
      Row<Scope>{{.path = "codes",
                  .type = Type::text,
                  .required = true,
                  .reloadable = true,
                  .help = "CSV file of state codes with the columns presence, routing, reason and code; the first row "
                          "that fits is taken, `*` fits everything."},
                 assign_codes<Scope, &Scope::codes, &StateCodes::file>},
      Row<Scope>{{.path = "otherwise",
                  .type = Type::text,
                  .fallback = "UNKNOWN",
                  .reloadable = true,
                  .help = "The code of a state that no row fits."},
                 assign_codes<Scope, &Scope::codes, &StateCodes::otherwise>},
  };
}

constexpr std::array kAdherenceOwn = {
    Row<AdherenceSink>{{.path = "url",
                        .type = Type::text,
                        .required = true,
                        .reloadable = true,
                        .help = "Where to POST, a template: `https://wfm.example/Rta/State/Batch`."},
                       assign<&AdherenceSink::url>},
    Row<AdherenceSink>{{.path = "body",
                        .type = Type::text,
                        .reloadable = true,
                        .help = "The body, a template of JSON. None: that of `Rta/State/Batch`, which takes "
                                "`vars.authentication_key` and `vars.source_id`."},
                       assign<&AdherenceSink::body>},
    Row<AdherenceSink>{{.path = "state",
                        .type = Type::text,
                        .reloadable = true,
                        .help = "One state in the body, a template of JSON. None: `UserCode` and `StateCode`, which is "
                                "cut to 25 characters."},
                       assign<&AdherenceSink::state>},
    Row<AdherenceSink>{{.path = "snapshot_every",
                        .type = Type::duration,
                        .fallback = "15m",
                        .min = 0,
                        .max = kDay,
                        .reloadable = true,
                        .help = "How often the states of all agents are sent, at the start too. 0: never."},
                       assign<&AdherenceSink::snapshot_every>},
    Row<AdherenceSink>{{.path = "headers",
                        .type = Type::headers,
                        .reloadable = true,
                        .help = "Headers of every request; values are templates."},
                       assign<&AdherenceSink::headers>},
    Row<AdherenceSink>{{.path = "vars",
                        .type = Type::headers,
                        .reloadable = true,
                        .help = "Values for templates, `{{vars.name}}`; may be references."},
                       assign<&AdherenceSink::vars>},
    Row<AdherenceSink>{
        {.path = "user", .type = Type::text, .reloadable = true, .help = "With `password`: Basic authorization."},
        assign<&AdherenceSink::user>},
    Row<AdherenceSink>{{.path = "password", .type = Type::secret, .reloadable = true, .help = "See `user`."},
                       assign<&AdherenceSink::password>},
};
constexpr auto kAdherence = joined(
    joined(joined(codes_rows<AdherenceSink>(), kAdherenceOwn), oauth_rows<AdherenceSink, &AdherenceSink::oauth>()),
    reach_rows<AdherenceSink, &AdherenceSink::reach>());

constexpr std::array kAdherenceFilesOwn = {
    Row<AdherenceFilesSink>{{.path = "directory",
                             .type = Type::text,
                             .required = true,
                             .reloadable = true,
                             .help = "Where the files are made, and the journal of the open interval."},
                            assign<&AdherenceFilesSink::directory>},
    Row<AdherenceFilesSink>{{.path = "name",
                             .type = Type::text,
                             .fallback = "agents",
                             .reloadable = true,
                             .help = "What the names of the files begin with: `agents-20260302T140000Z-changes.csv`."},
                            assign<&AdherenceFilesSink::name>},
    Row<AdherenceFilesSink>{{.path = "format",
                             .type = Type::choice,
                             .fallback = "csv",
                             .choices = "csv|jsonl",
                             .reloadable = true,
                             .help = "CSV (RFC 4180) with a first row of names, or JSON Lines."},
                            assign<&AdherenceFilesSink::format>},
    Row<AdherenceFilesSink>{
        {.path = "interval",
         .type = Type::duration,
         .fallback = "15m",
         .min = kSecond,
         .max = kDay,
         .reloadable = true,
         .help = "Of what time a file is. It divides a day; intervals begin at its multiples, UTC."},
        assign<&AdherenceFilesSink::interval>},
    Row<AdherenceFilesSink>{{.path = "grace",
                             .type = Type::duration,
                             .fallback = "2m",
                             .min = 0,
                             .max = 6 * 3'600 * kSecond,
                             .reloadable = true,
                             .help = "How long behind the end of an interval its events are waited for. What comes "
                                     "later is in the `-late` file of the interval in which it comes."},
                            assign<&AdherenceFilesSink::grace>},
    Row<AdherenceFilesSink>{{.path = "keep",
                             .type = Type::duration,
                             .fallback = "31d",
                             .min = kSecond,
                             .max = 3'660 * kDay,
                             .reloadable = true,
                             .help = "Files of intervals that are older are removed."},
                            assign<&AdherenceFilesSink::keep>},
};
constexpr auto kAdherenceFiles = joined(codes_rows<AdherenceFilesSink>(), kAdherenceFilesOwn);

}  // namespace

Table<AdherenceSink> adherence_sink_table() {
  return kAdherence;
}
Table<AdherenceFilesSink> adherence_files_sink_table() {
  return kAdherenceFiles;
}

}  // namespace trunkline::config
