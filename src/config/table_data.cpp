#include <array>

#include "config/option.hpp"
#include "config/target_rows.hpp"

// Sinks of databases and of other systems that programs read from.
namespace trunkline::config {
namespace {

using Pg = PostgresSink;
constexpr std::array kPostgres = {
    Row<Pg>{
        {.path = "host",
         .type = Type::text,
         .required = true,
         .reloadable = true,
         .help = "The server: `db.example`; the directory of a Unix socket; or several with commas, of which the first "
                 "that takes writes is used."},
        assign<&Pg::host>},
    Row<Pg>{{.path = "port",
             .type = Type::count,
             .fallback = "5432",
             .min = 1,
             .max = 65'535,
             .reloadable = true,
             .help = "Of the server."},
            assign<&Pg::port>},
    Row<Pg>{{.path = "database", .type = Type::text, .required = true, .reloadable = true, .help = "Its database."},
            assign<&Pg::database>},
    Row<Pg>{{.path = "user", .type = Type::text, .required = true, .reloadable = true, .help = "The role."},
            assign<&Pg::user>},
    Row<Pg>{
        {.path = "password", .type = Type::secret, .reloadable = true, .help = "Of `user`, where one is asked for."},
        assign<&Pg::password>},
    Row<Pg>{{.path = "schema",
             .type = Type::text,
             .fallback = "trunkline",
             .reloadable = true,
             .help = "Where the table is."},
            assign<&Pg::schema>},
    Row<Pg>{{.path = "table", .type = Type::text, .fallback = "events", .reloadable = true, .help = "Its name."},
            assign<&Pg::table>},
    Row<Pg>{{.path = "create",
             .type = Type::boolean,
             .fallback = "true",
             .reloadable = true,
             .help = "Makes schema, table and indexes where they are missing."},
            assign<&Pg::create>},
    Row<Pg>{{.path = "body",
             .type = Type::choice,
             .fallback = "enriched",
             .choices = "enriched|raw",
             .reloadable = true,
             .help = "The event with what the hub found in it, or as it came."},
            assign<&Pg::body>},
    Row<Pg>{{.path = "connections",
             .type = Type::count,
             .fallback = "4",
             .min = 1,
             .max = 64,
             .unit = "connections",
             .reloadable = true,
             .help = "At most; each writes one batch at a time, so `concurrency` is bounded by it. Made when needed."},
            assign<&Pg::connections>},
    Row<Pg>{
        {.path = "tls.mode",
         .type = Type::choice,
         .fallback = "verify-full",
         .choices = "verify-full|verify-ca|off",
         .reloadable = true,
         .help = "The server's certificate and its name, its certificate alone, or no TLS. A Unix socket has none."},
        assign<&Pg::tls>},
    timeout_row<Pg>(),
    connect_timeout_row<Pg>(),
    ca_row<Pg>(),
    cert_row<Pg>(),
    key_row<Pg>(),
};

}  // namespace

Table<PostgresSink> postgres_sink_table() {
  return kPostgres;
}

}  // namespace trunkline::config
