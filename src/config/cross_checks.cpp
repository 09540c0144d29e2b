#include "config/cross_checks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include "config/aws_engine_checks.hpp"
#include "config/aws_function_checks.hpp"
#include "config/sink_checks.hpp"

namespace trunkline::config {
namespace {

// Options of a delivery: nothing delivers to a consumer without a sink, its clients receive.
constexpr std::array<std::string_view, 8> kPushOnly = {"concurrency", "adaptive", "rate",   "batch.",
                                                       "budget.",     "attempts", "retry.", "breaker."};
constexpr std::array<std::string_view, 2> kPulledOnly = {"visibility_timeout", "max_receive_count"};

template <std::size_t N>
bool listed(std::string_view path, const std::array<std::string_view, N>& list) {
  return std::ranges::any_of(
      list, [&](std::string_view entry) { return entry.ends_with('.') ? path.starts_with(entry) : path == entry; });
}

// An address that others reach needs a credential for whatever can be reached there (an error for each that has none).
void check_listen(const Config& config, const Places& places, Diagnostics& diagnostics) {
  const bool plain_is_wide = !is_loopback(config.listen);
  const std::string_view option = plain_is_wide ? "listen" : "listen_tls";
  const std::string& address = plain_is_wide ? config.listen : config.listen_tls;
  if (address.empty() || is_loopback(address)) return;
  if (!config.has_api_credential()) {
    diagnostics.error(
        place_of(places, option),
        fmt::format("'{}' is wider than loopback ({}) and needs 'api.keys' or 'api.users'", option, address));
  }
  for (const Source& source : config.sources) {
    if (source.has_credential()) continue;
    diagnostics.error(source.place, fmt::format("'{}' is wider than loopback ({}) and 'sources.{}' has no key: set "
                                                "auth.api_key, auth.query_key or another credential",
                                                option, address, source.name));
  }
}

bool same_address(std::string_view one, std::string_view other) {
  return one == other && !one.ends_with(":0");
}

void check_tls(const Config& config, const Places& places, Diagnostics& diagnostics) {
  const Tls& tls = config.tls;
  for (const auto& [option, address] :
       {std::pair("listen_tls", &config.listen_tls), std::pair("sqs.listen_tls", &config.sqs.listen_tls)}) {
    if (address->empty()) continue;
    const Place place = place_of(places, option);
    if (tls.cert.empty()) diagnostics.error(place, fmt::format("'{}' needs 'tls.cert'", option));
    if (tls.key.empty()) diagnostics.error(place, fmt::format("'{}' needs 'tls.key'", option));
  }
  if (!config.listen_tls.empty() && same_address(config.listen_tls, config.listen))
    diagnostics.error(place_of(places, "listen_tls"), "'listen_tls' and 'listen' are the same address");
  const auto of_no_use = [&](std::string_view path, std::string_view without) {
    if (!places.contains(path)) return;
    diagnostics.error(place_of(places, path), fmt::format("'{}' is of no use without {}", path, without));
  };
  if (config.listen_tls.empty() && config.sqs.listen_tls.empty()) {
    of_no_use("tls.cert", "'listen_tls' or 'sqs.listen_tls'");
    of_no_use("tls.key", "'listen_tls' or 'sqs.listen_tls'");
  }
  if (config.listen_tls.empty()) of_no_use("tls.client_ca", "'listen_tls'");
  if (tls.client_auth != ClientAuth::none && tls.client_ca.empty()) {
    diagnostics.error(place_of(places, "tls.client_auth"), "'tls.client_auth' needs 'tls.client_ca'");
  }
  if (tls.client_auth == ClientAuth::none && !tls.client_ca.empty()) {
    diagnostics.error(place_of(places, "tls.client_ca"),
                      "'tls.client_ca' is of no use while 'tls.client_auth' is none: set request or require");
  }
}

// A warning, not an error: other credentials of the source may let in, and a proxy may come later.
void check_client_certificates(const Config& config, Diagnostics& diagnostics) {
  if (!config.tls.client_ca.empty()) return;
  for (const Source& source : config.sources) {
    if (source.certificates.empty()) continue;
    diagnostics.warning(source.certificates_place,
                        fmt::format("'sources.{}.auth.client_certificate' lets nobody in: no listener asks for client "
                                    "certificates; set listen_tls, tls.client_ca and tls.client_auth",
                                    source.name));
  }
}

void check_sqs(const Config& config, const Places& places, Diagnostics& diagnostics) {
  const Sqs& sqs = config.sqs;
  for (const Source& source : config.sources) {
    if (source.kind != SourceKind::put_events || !sqs.listen.empty() || config.engine == EngineKind::aws) continue;
    diagnostics.error(source.place, fmt::format("'sources.{}' of kind put_events needs 'sqs.listen', where its calls "
                                                "come in",
                                                source.name));
  }
  if (sqs.listen.empty()) {
    if (!sqs.listen_tls.empty())
      diagnostics.error(place_of(places, "sqs.listen_tls"),
                        "'sqs.listen_tls' is a second address and needs 'sqs.listen', which may stay on loopback");
    if (!sqs.keys.empty() || sqs.unsigned_requests)
      diagnostics.error(place_of(places, "sqs.unsigned"),
                        "'sqs.keys' and 'sqs.unsigned' are of no use without 'sqs.listen'");
    return;
  }
  const Place place = place_of(places, "sqs.listen");
  for (const auto& [option, address] :
       {std::pair("sqs.listen", &sqs.listen), std::pair("sqs.listen_tls", &sqs.listen_tls)}) {
    if (address->empty()) continue;
    if (sqs.unsigned_requests && !is_loopback(*address))
      diagnostics.error(place_of(places, "sqs.unsigned"),
                        fmt::format("'sqs.unsigned' is for loopback, and '{}' is wider ({})", option, *address));
    if (same_address(*address, config.listen) || same_address(*address, config.listen_tls))
      diagnostics.error(place_of(places, option), fmt::format("'{}' is the address of another listener", option));
  }
  if (same_address(sqs.listen, sqs.listen_tls))
    diagnostics.error(place_of(places, "sqs.listen_tls"), "'sqs.listen_tls' and 'sqs.listen' are the same address");
  if (sqs.unsigned_requests && !sqs.keys.empty())
    diagnostics.warning(place_of(places, "sqs.unsigned"), "'sqs.keys' are not looked at while 'sqs.unsigned' is true");
  if (!sqs.unsigned_requests && sqs.keys.empty())
    diagnostics.error(place, "'sqs.listen' needs 'sqs.keys', or 'sqs.unsigned: true' on loopback");
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (sqs.account.size() != 12 || !std::ranges::all_of(sqs.account, digit))
    diagnostics.error(place_of(places, "sqs.account"), "'sqs.account' is twelve digits");
  const auto of_region = [&](char c) { return digit(c) || (c >= 'a' && c <= 'z') || c == '-'; };
  if (sqs.region.empty() || sqs.region.size() > 64 || !std::ranges::all_of(sqs.region, of_region))
    diagnostics.error(place_of(places, "sqs.region"), "'sqs.region' is small letters, digits and '-'");
}

void check_files(const Config& config, Diagnostics& diagnostics) {
  std::map<std::string, std::string> writers;
  for (const Consumer& consumer : config.consumers) {
    const auto* file = std::get_if<FileSink>(&consumer.sink);
    if (file == nullptr || file->path.empty()) continue;
    const auto [entry, added] = writers.emplace(file->path, consumer.name);
    if (added) continue;
    diagnostics.error(consumer.place, fmt::format("consumers '{}' and '{}' write the same file {}", entry->second,
                                                  consumer.name, file->path));
  }
}

void check_window(const Consumer& consumer, Place place, Diagnostics& diagnostics) {
  if (consumer.event_time_window.count() == 0) return;
  if (consumer.order == Order::none) {
    diagnostics.error(place,
                      fmt::format("'event_time_window' sorts lanes, and '{}' has none: set 'order'", consumer.name));
  }
  if (consumer.event_time_window >= consumer.max_wait) {
    diagnostics.error(place, fmt::format("'event_time_window' of '{}' is not shorter than 'max_wait': all would expire",
                                         consumer.name));
  }
}

// Once one consumer says what it may have, the others are asked to: a warning, since nothing is wrong with a consumer that
// gets all. Where nobody says so, nobody is asked.
void check_privacy(const Config& config, Diagnostics& diagnostics) {
  const auto says = [](const Consumer& consumer) { return consumer.privacy.has_value(); };
  if (std::ranges::none_of(config.consumers, says)) return;
  for (const Consumer& consumer : config.consumers) {
    if (says(consumer)) continue;
    diagnostics.warning(consumer.place,
                        fmt::format("personal data leaves to '{}' as far as its mapping does not name it: say "
                                    "'privacy: protect', or 'privacy: none' if that is meant",
                                    consumer.name));
  }
}

}  // namespace

bool is_name(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
  };
  return !text.empty() && text.size() <= kNameBytesMax && std::ranges::all_of(text, allowed);
}

bool is_loopback(std::string_view address) {
  const std::string_view host = address.substr(0, address.rfind(':'));
  if (host == "localhost" || host == "[::1]") return true;
  // 127.0.0.0/8 (RFC 1122 section 3.2.1.3). A name such as 127.example.org resolves to anywhere.
  return host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string_view::npos;
}

Place place_of(const Places& places, std::string_view path) {
  const auto found = places.find(path);
  return found == places.end() ? Place() : found->second;
}

std::vector<std::string> without_credentials(const Config& config) {
  std::vector<std::string> open;
  if (is_loopback(config.listen) && (config.listen_tls.empty() || is_loopback(config.listen_tls))) return open;
  if (!config.has_api_credential()) open.emplace_back("api");
  for (const Source& source : config.sources) {
    if (!source.has_credential()) open.push_back("sources." + source.name);
  }
  return open;
}

void check_consumer(const Consumer& consumer, bool has_sink, const std::vector<Given>& given,
                    Diagnostics& diagnostics) {
  Place retry;
  Place window;
  for (const Given& entry : given) {
    const std::string_view path = consumer_table()[entry.row].option.path;
    if (has_sink && listed(path, kPulledOnly)) {
      diagnostics.error(entry.place, fmt::format("'{}' is for a consumer without a sink", path));
    }
    if (!has_sink && listed(path, kPushOnly)) {
      diagnostics.error(entry.place, fmt::format("'{}' is for a consumer with a sink; '{}' has none and is pulled",
                                                 path, consumer.name));
    }
    if (path == "event_time_window") window = entry.place;
    if (path == "retry.base" || path == "retry.cap") retry = entry.place;
  }
  if (consumer.retry.base > consumer.retry.cap) diagnostics.error(retry, "'retry.base' is longer than 'retry.cap'");
  check_window(consumer, window, diagnostics);
  if (consumer.budget.requests > 0 && consumer.budget.reserve >= consumer.budget.requests) {
    diagnostics.error(consumer.place,
                      fmt::format("'budget.reserve' of '{}' leaves nothing of 'budget.requests'", consumer.name));
  }
  if (consumer.budget.offset > consumer.budget.per) {
    diagnostics.error(consumer.place,
                      fmt::format("'budget.offset' of '{}' is longer than 'budget.per'", consumer.name));
  }
  const bool stays = std::holds_alternative<Pulled>(consumer.sink) || std::holds_alternative<FileSink>(consumer.sink) ||
                     std::holds_alternative<LiveSink>(consumer.sink) ||
                     std::holds_alternative<AdherenceFilesSink>(consumer.sink);
  if (consumer.shadow && stays) {
    diagnostics.error(consumer.place, fmt::format("'shadow' is for a consumer whose sink sends to another system, and "
                                                  "'{}' has none: nothing would leave this machine anyway",
                                                  consumer.name));
  }
  check_sink(consumer, diagnostics);
  if (std::holds_alternative<SalesforceSink>(consumer.sink) && consumer.order != Order::conversation) {
    diagnostics.error(consumer.place, fmt::format("a salesforce sink keeps a case for each conversation: set 'order: "
                                                  "conversation' of '{}'",
                                                  consumer.name));
  }
  const auto* http = std::get_if<HttpSink>(&consumer.sink);
  if (http != nullptr && http->tls_cert.empty() != http->tls_key.empty()) {
    diagnostics.error(consumer.place,
                      fmt::format("'tls.cert' and 'tls.key' of the sink of '{}' go together", consumer.name));
  }
  if (!has_sink && consumer.on_exhausted == OnExhausted::drop) {
    diagnostics.error(consumer.place,
                      fmt::format("'on_exhausted: drop' is for a consumer with a sink; '{}' has none", consumer.name));
  }
  if (consumer.on_exhausted == OnExhausted::park && consumer.order == Order::none) {
    diagnostics.error(consumer.place,
                      fmt::format("'on_exhausted: park' holds a lane, and '{}' has none: set 'order', or "
                                  "skip or drop",
                                  consumer.name));
  }
}

void check_together(const Config& config, const Places& places, Diagnostics& diagnostics) {
  check_listen(config, places, diagnostics);
  check_tls(config, places, diagnostics);
  check_sqs(config, places, diagnostics);
  check_aws_engine(config, places, diagnostics);
  check_aws_functions(config, places, diagnostics);
  check_client_certificates(config, diagnostics);
  check_files(config, diagnostics);
  check_privacy(config, diagnostics);
  if (config.limits.body_bytes > config.limits.buffered_bytes) {
    diagnostics.error({}, "'limits.body_bytes' is larger than 'limits.buffered_bytes': no such body could be read");
  }
}

}  // namespace trunkline::config
