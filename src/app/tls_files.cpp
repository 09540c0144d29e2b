#include "app/tls_files.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "app/from_config.hpp"
#include "app/siem_sinks.hpp"

namespace trunkline::app {
namespace {

// Let's Encrypt renews 30 days before the end: what is closer was not renewed.
constexpr std::chrono::days kEndsSoon{30};

std::string day(base::WallTime time) {
  return fmt::format("{:%F %H:%M} UTC", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

void inspect_validity(const net::CertificateFacts& facts, std::string_view file, config::Place place,
                      base::WallTime now, std::vector<config::Diagnostic>& found) {
  const auto say = [&](config::Severity severity, const std::string& what) {
    found.push_back({severity, place, fmt::format("'{}': the certificate of {} {}", file, facts.subject, what)});
  };
  if (facts.not_after <= now) {
    say(config::Severity::error, "has expired on " + day(facts.not_after));
  } else if (facts.not_before > now) {
    say(config::Severity::error, "is not valid before " + day(facts.not_before));
  } else if (facts.not_after - now < kEndsSoon) {
    say(config::Severity::warning, "expires on " + day(facts.not_after));
  }
}

struct Named {
  std::string option;
  config::Place place;
};
struct NamedFiles {
  Named certificate;
  Named key;
  Named authorities;
};

void inspect_end(const net::TlsOptions& options, const NamedFiles& names, base::WallTime now,
                 std::vector<config::Diagnostic>& found) {
  const net::TlsInspection inspection = net::inspect_tls_files(options);
  for (const net::TlsProblem& problem : inspection.problems) {
    const Named& name = problem.file == net::TlsProblem::File::certificate ? names.certificate
                        : problem.file == net::TlsProblem::File::key       ? names.key
                                                                           : names.authorities;
    found.push_back({config::Severity::error, name.place, fmt::format("'{}': {}", name.option, problem.detail)});
  }
  for (const net::CertificateFacts& facts : inspection.certificates) {
    inspect_validity(facts, names.certificate.option, names.certificate.place, now, found);
  }
  // One of many CAs that has expired is no fault of the others.
  if (inspection.client_cas.size() != 1) return;
  inspect_validity(inspection.client_cas.front(), names.authorities.option, names.authorities.place, now, found);
}

}  // namespace

net::TlsOptions tls_options(const config::Config& config) {
  net::TlsOptions options;
  options.certificate_file = config.tls.cert;
  options.key_file = config.tls.key;
  options.client_ca_file = config.tls.client_ca;
  switch (config.tls.client_auth) {
    case config::ClientAuth::none:
      options.client_auth = net::ClientAuth::none;
      break;
    case config::ClientAuth::request:
      options.client_auth = net::ClientAuth::request;
      break;
    case config::ClientAuth::require:
      options.client_auth = net::ClientAuth::require;
      break;
  }
  return options;
}

std::vector<config::Diagnostic> inspect_tls(const config::Config& config, base::WallTime now) {
  std::vector<config::Diagnostic> found;
  if (config.has_tls()) {
    inspect_end(tls_options(config),
                {{"tls.cert", config.tls.cert_place},
                 {"tls.key", config.tls.key_place},
                 {"tls.client_ca", config.tls.client_ca_place}},
                now, found);
  }
  for (const config::Consumer& consumer : config.consumers) {
    const auto inspect = [&](const std::string& kind, const std::string& cert, const std::string& key,
                             const std::string& ca) {
      net::TlsOptions options;
      options.certificate_file = cert;
      options.key_file = key;
      options.client_ca_file = ca;
      const std::string path = fmt::format("consumers.{}.sink.{}.tls.", consumer.name, kind);
      inspect_end(options,
                  {{path + "cert", consumer.place}, {path + "key", consumer.place}, {path + "ca", consumer.place}}, now,
                  found);
    };
    if (const auto* http = std::get_if<config::HttpSink>(&consumer.sink))
      inspect("http", http->tls_cert, http->tls_key, http->tls_ca);
    if (const auto* hec = std::get_if<config::HecSink>(&consumer.sink)) inspect("splunk_hec", {}, {}, hec->tls_ca);
    if (const config::SinkTarget* target = sink_target_of(consumer))
      inspect(sink_kind(consumer), target->tls_cert, target->tls_key, target->tls_ca);
  }
  return found;
}

}  // namespace trunkline::app
