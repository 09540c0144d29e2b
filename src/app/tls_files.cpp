#include "app/tls_files.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

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
  if (config.listen_tls.empty()) return {};
  const net::TlsInspection inspection = net::inspect_tls_files(tls_options(config));
  std::vector<config::Diagnostic> found;
  for (const net::TlsProblem& problem : inspection.problems) {
    const auto [option, place] = [&]() -> std::pair<std::string_view, config::Place> {
      switch (problem.file) {
        case net::TlsProblem::File::certificate:
          return {"tls.cert", config.tls.cert_place};
        case net::TlsProblem::File::key:
          return {"tls.key", config.tls.key_place};
        case net::TlsProblem::File::client_ca:
          break;
      }
      return {"tls.client_ca", config.tls.client_ca_place};
    }();
    found.push_back({config::Severity::error, place, fmt::format("'{}': {}", option, problem.detail)});
  }
  for (const net::CertificateFacts& facts : inspection.certificates) {
    inspect_validity(facts, "tls.cert", config.tls.cert_place, now, found);
  }
  for (const net::CertificateFacts& facts : inspection.client_cas) {
    inspect_validity(facts, "tls.client_ca", config.tls.client_ca_place, now, found);
  }
  return found;
}

}  // namespace trunkline::app
