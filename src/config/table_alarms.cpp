#include <array>

#include "config/option.hpp"

namespace trunkline::config {
namespace {

constexpr std::int64_t kSecond = 1000;
constexpr std::int64_t kHour = 3600 * kSecond;
constexpr std::int64_t kDay = 24 * kHour;

template <auto Field>
constexpr Row<Alarms> time_row(std::string_view path, std::string_view fallback, std::string_view help) {
  return {{.path = path,
           .type = Type::duration,
           .fallback = fallback,
           .min = 0,
           .max = 3650 * kDay,
           .reloadable = true,
           .help = help},
          assign<Field>};
}
template <auto Field>
constexpr Row<Alarms> count_row(std::string_view path, std::string_view fallback, std::string_view unit,
                                std::string_view help) {
  return {{.path = path,
           .type = Type::count,
           .fallback = fallback,
           .min = 0,
           .max = 1'000'000'000,
           .unit = unit,
           .reloadable = true,
           .help = help},
          assign<Field>};
}

constexpr std::array kAlarms = {
    time_row<&Alarms::oldest_age>("oldest_age", "15m", "Of every consumer: its oldest waiting event is older."),
    time_row<&Alarms::time_to_expiry>("time_to_expiry", "1d",
                                      "Of every consumer: its oldest waiting event expires within this time; within a "
                                      "quarter of `max_wait` where that is less."),
    count_row<&Alarms::blocked_lanes>("blocked_lanes", "100", "lanes",
                                      "Of every consumer: as many lanes back off or are parked."),
    count_row<&Alarms::failed_deliveries>("failed_deliveries", "1", "events",
                                          "Of every consumer: as many events were parked, dead-lettered or dropped "
                                          "within `window`."),
    count_row<&Alarms::expired>("expired", "1", "events", "Of every consumer: as many events expired within `window`."),
    time_row<&Alarms::breaker_open>("breaker_open", "5m", "Of every consumer: its downstream has been out for longer."),
    Row<Alarms>{{.path = "budget_percent",
                 .type = Type::count,
                 .fallback = "90",
                 .min = 0,
                 .max = 100,
                 .unit = "percent",
                 .reloadable = true,
                 .help = "Of every consumer with a `budget`: as much of it is used."},
                assign<&Alarms::budget_percent>},
    time_row<&Alarms::refusing>("refusing", "1m", "The hub has refused events (`/readyz` says 503) for longer."),
    Row<Alarms>{{.path = "disk_percent",
                 .type = Type::count,
                 .fallback = "85",
                 .min = 0,
                 .max = 100,
                 .unit = "percent",
                 .reloadable = true,
                 .help = "The store takes as much of `store.disk_budget`."},
                assign<&Alarms::disk_percent>},
    count_row<&Alarms::quarantined>("quarantined", "10", "inputs",
                                    "As many inputs came into the quarantine within `window`."),
    count_row<&Alarms::conflicts>("conflicts", "10", "events",
                                  "As many events had a known identity and another body within `window`."),
    count_row<&Alarms::refused_credentials>("refused_credentials", "10", "requests",
                                            "As many requests to sources had no valid credential within `window`: a "
                                            "sender gives up some day."),
    time_row<&Alarms::certificate_expiry>("certificate_expiry", "14d",
                                          "The certificate in `tls.cert` ends within this time."),
    Row<Alarms>{{.path = "source_silence",
                 .type = Type::boolean,
                 .fallback = "true",
                 .reloadable = true,
                 .help = "A source is silent against its usual hour of the week, once that is known; see "
                         "[operations.md](operations.md#alarms). `silent_after` of a source says it by the clock."},
                assign<&Alarms::source_silence>},
    Row<Alarms>{{.path = "window",
                 .type = Type::duration,
                 .fallback = "1h",
                 .min = kSecond,
                 .max = kDay,
                 .reloadable = true,
                 .help = "What is counted is counted over this time."},
                assign<&Alarms::window>},
    Row<Alarms>{{.path = "resolve_after",
                 .type = Type::duration,
                 .fallback = "1m",
                 .min = 0,
                 .max = kDay,
                 .reloadable = true,
                 .help = "An alarm ends when it has been clearly below its limit (a fifth) for so long."},
                assign<&Alarms::resolve_after>},
};

constexpr std::array kWebhook = {
    Row<AlarmWebhook>{{.path = "url",
                       .type = Type::url,
                       .required = true,
                       .reloadable = true,
                       .help = "Where alarms are POSTed, when they begin and when they end."},
                      assign<&AlarmWebhook::url>},
    Row<AlarmWebhook>{{.path = "secret",
                       .type = Type::secrets,
                       .reloadable = true,
                       .help = "Signs by Standard Webhooks. One, or a list while the receiver changes over."},
                      assign<&AlarmWebhook::secrets>},
    Row<AlarmWebhook>{{.path = "headers",
                       .type = Type::headers,
                       .reloadable = true,
                       .help = "Headers of every request; values may be references."},
                      assign<&AlarmWebhook::headers>},
    Row<AlarmWebhook>{{.path = "timeout",
                       .type = Type::duration,
                       .fallback = "15s",
                       .min = 100,
                       .max = 300 * kSecond,
                       .reloadable = true,
                       .help = "For the whole exchange."},
                      assign<&AlarmWebhook::timeout>},
    Row<AlarmWebhook>{{.path = "allow_loopback",
                       .type = Type::boolean,
                       .fallback = "false",
                       .reloadable = true,
                       .help = "May call this machine. Addresses are checked after name resolution, at each connect."},
                      assign<&AlarmWebhook::allow_loopback>},
    Row<AlarmWebhook>{{.path = "allow_private",
                       .type = Type::boolean,
                       .fallback = "false",
                       .reloadable = true,
                       .help = "May call private networks (RFC 1918, fc00::/7, 100.64.0.0/10)."},
                      assign<&AlarmWebhook::allow_private>},
    Row<AlarmWebhook>{{.path = "allowed_cidrs",
                       .type = Type::cidrs,
                       .reloadable = true,
                       .help = "Networks that may always be called: `[10.1.0.0/16]`."},
                      assign<&AlarmWebhook::allowed_cidrs>},
    Row<AlarmWebhook>{{.path = "tls.ca",
                       .type = Type::text,
                       .reloadable = true,
                       .help = "PEM file of the CAs that the receiver is verified against, instead of the system's."},
                      assign<&AlarmWebhook::tls_ca>},
};

constexpr std::array kMaintenance = {
    Row<MaintenanceWindow>{{.path = "days",
                            .type = Type::texts,
                            .reloadable = true,
                            .help = "On which it begins: `[mon, tue, wed, thu, fri, sat, sun]`. None: every day."},
                           assign<&MaintenanceWindow::days>},
    Row<MaintenanceWindow>{{.path = "from",
                            .type = Type::text,
                            .required = true,
                            .reloadable = true,
                            .help = "`HH:MM`, 00:00 to 23:59, in quotes."},
                           assign<&MaintenanceWindow::from>},
    Row<MaintenanceWindow>{{.path = "to",
                            .type = Type::text,
                            .required = true,
                            .reloadable = true,
                            .help = "`HH:MM` to 24:00. Not after `from`: on the next day."},
                           assign<&MaintenanceWindow::to>},
    Row<MaintenanceWindow>{{.path = "timezone",
                            .type = Type::text,
                            .fallback = "UTC",
                            .reloadable = true,
                            .help = "`UTC`, an offset (`+02:00`), or `local`: the zone of the process (`TZ`, "
                                    "/etc/localtime) with its summer time."},
                           assign<&MaintenanceWindow::timezone>},
};

}  // namespace

Table<Alarms> alarms_table() {
  return kAlarms;
}
Table<AlarmWebhook> alarm_webhook_table() {
  return kWebhook;
}
Table<MaintenanceWindow> maintenance_table() {
  return kMaintenance;
}

}  // namespace trunkline::config
