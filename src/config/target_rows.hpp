#pragma once

#include "config/option.hpp"

// The rows of a sink's SinkTarget, for sinks of systems in the own network.
namespace trunkline::config {

template <class Sink>
constexpr Row<Sink> timeout_row() {
  return {{.path = "timeout",
           .type = Type::duration,
           .fallback = "30s",
           .min = 100,
           .max = 300'000,
           .reloadable = true,
           .help = "For the whole exchange."},
          assign<&Sink::target, &SinkTarget::timeout>};
}
template <class Sink>
constexpr Row<Sink> connect_timeout_row() {
  return {{.path = "connect_timeout",
           .type = Type::duration,
           .fallback = "5s",
           .min = 100,
           .max = 300'000,
           .reloadable = true,
           .help = "For the connection, TLS included; never longer than `timeout`."},
          assign<&Sink::target, &SinkTarget::connect_timeout>};
}
template <class Sink>
constexpr Row<Sink> ca_row() {
  return {{.path = "tls.ca",
           .type = Type::text,
           .reloadable = true,
           .help = "PEM file of the authority that signed the server's certificate. None: the system's authorities."},
          assign<&Sink::target, &SinkTarget::tls_ca>};
}
template <class Sink>
constexpr Row<Sink> cert_row() {
  return {{.path = "tls.cert",
           .type = Type::text,
           .reloadable = true,
           .help = "PEM file: the certificate that is shown to the server, then its chain."},
          assign<&Sink::target, &SinkTarget::tls_cert>};
}
template <class Sink>
constexpr Row<Sink> key_row() {
  return {{.path = "tls.key",
           .type = Type::text,
           .reloadable = true,
           .help = "PEM file: its private key, without a passphrase."},
          assign<&Sink::target, &SinkTarget::tls_key>};
}

}  // namespace trunkline::config
