#pragma once

#include <array>

#include "config/option.hpp"

namespace trunkline::config {

template <auto Member, auto Field, class Scope>
void assign_reach(Scope& scope, Value value) {
  detail::store(scope.*Member.*Field, std::move(value));
}

// The rows of a Reach member, for sinks of systems in the Internet. Put them behind the sink's own with joined().
template <class Scope, Reach Scope::* Member>
constexpr auto reach_rows() {
  constexpr std::int64_t kTimeoutMax = 300'000;
  return std::array{
      Row<Scope>{{.path = "timeout",
                  .type = Type::duration,
                  .fallback = "30s",
                  .min = 100,
                  .max = kTimeoutMax,
                  .reloadable = true,
                  .help = "For the whole exchange."},
                 assign_reach<Member, &Reach::timeout>},
      Row<Scope>{{.path = "connect_timeout",
                  .type = Type::duration,
                  .fallback = "5s",
                  .min = 100,
                  .max = kTimeoutMax,
                  .reloadable = true,
                  .help = "For the connection, TLS included; never longer than `timeout`."},
                 assign_reach<Member, &Reach::connect_timeout>},
      Row<Scope>{{.path = "allow_loopback",
                  .type = Type::boolean,
                  .fallback = "false",
                  .reloadable = true,
                  .help = "May call this machine. Addresses are checked after name resolution, at each connect."},
                 assign_reach<Member, &Reach::allow_loopback>},
      Row<Scope>{{.path = "allow_private",
                  .type = Type::boolean,
                  .fallback = "false",
                  .reloadable = true,
                  .help = "May call private networks (RFC 1918, fc00::/7, 100.64.0.0/10)."},
                 assign_reach<Member, &Reach::allow_private>},
      Row<Scope>{{.path = "allowed_cidrs",
                  .type = Type::cidrs,
                  .reloadable = true,
                  .help = "Networks that may always be called: `[10.1.0.0/16]`."},
                 assign_reach<Member, &Reach::allowed_cidrs>},
      Row<Scope>{{.path = "tls.ca",
                  .type = Type::text,
                  .reloadable = true,
                  .help = "PEM file of the CAs that the server is verified against, instead of the system's."},
                 assign_reach<Member, &Reach::tls_ca>},
      Row<Scope>{{.path = "tls.cert",
                  .type = Type::text,
                  .reloadable = true,
                  .help = "PEM file: the certificate that is shown to the server, then its chain."},
                 assign_reach<Member, &Reach::tls_cert>},
      Row<Scope>{{.path = "tls.key",
                  .type = Type::text,
                  .reloadable = true,
                  .help = "PEM file: its private key, without a passphrase."},
                 assign_reach<Member, &Reach::tls_key>},
  };
}

}  // namespace trunkline::config
