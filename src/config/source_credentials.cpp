#include "config/source_credentials.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "config/option.hpp"

namespace trunkline::config {
namespace {

constexpr std::size_t kEntriesMax = 16;  // of one kind: issuers, users, clients, signers
constexpr std::size_t kHmacBytesMin = 16;
constexpr std::array<std::string_view, 6> kAlgorithms = {"RS256", "RS384", "RS512", "PS256", "ES256", "ES384"};

// Where an option was given in the file; the entry itself for one that was not.
Place place_of(const std::vector<Given>& given, std::size_t row, Place otherwise) {
  const auto found = std::ranges::find(given, row, &Given::row);
  return found == given.end() ? otherwise : found->place;
}
template <class Scope>
Place place_of(const std::vector<Given>& given, Table<Scope> table, std::string_view path, Place otherwise) {
  for (std::size_t row = 0; row < table.size(); ++row) {
    if (table[row].option.path == path) return place_of(given, row, otherwise);
  }
  return otherwise;
}
template <class Scope>
bool is_given(const std::vector<Given>& given, Table<Scope> table, std::string_view path) {
  return std::ranges::any_of(given, [&](const Given& entry) { return table[entry.row].option.path == path; });
}

// What is fetched in the clear can be replaced on the way, and with it who is let in.
bool is_trustworthy(std::string_view url) {
  if (url.starts_with("https://")) return true;
  constexpr std::string_view kPlain = "http://";
  if (!url.starts_with(kPlain)) return false;
  std::string authority(url.substr(kPlain.size()));
  authority.resize(std::min(authority.find_first_of("/?#"), authority.size()));
  if (authority.find(':') == std::string::npos) authority += ":80";
  return is_loopback(authority);
}

// A map, or a list of maps. `check` is called with each.
template <class Scope, class Check>
void read_entries(const YamlNode::Member& kind, const std::string& path, Table<Scope> table, ReadContext& context,
                  std::vector<Scope>& out, Check check) {
  const auto one = [&](const YamlNode& node, const std::string& where) {
    if (node.kind != YamlNode::Kind::map) {
      context.diagnostics.error(node.place, fmt::format("'{}' is a map, not {}", where, describe(node.kind)));
      return;
    }
    Scope scope;
    const std::vector<Given> given = read_scope(node, node.place, table, {where, {}, context}, scope);
    check(scope, given, where, node.place);
    out.push_back(std::move(scope));
  };
  if (kind.value.kind != YamlNode::Kind::sequence) return one(kind.value, path);
  if (kind.value.items.size() > kEntriesMax) {
    context.diagnostics.error(kind.place, fmt::format("'{}' has more than {} entries", path, kEntriesMax));
    return;
  }
  for (std::size_t i = 0; i < kind.value.items.size(); ++i) {
    one(kind.value.items[i], fmt::format("{}[{}]", path, i));
  }
}

struct NoColonInUser {
  Diagnostics& diagnostics;
  void operator()(const BasicAuth& entry, const std::vector<Given>& given, const std::string& path, Place place) const {
    if (entry.user.find(':') == std::string::npos) return;
    diagnostics.error(place_of(given, basic_table(), "user", place),
                      fmt::format("'{}.user' holds a colon, which ends the name (RFC 7617)", path));
  }
};

class Credentials {
 public:
  Credentials(const ScopeReader& reader, Source& source)
      : reader_(reader), diagnostics_(reader.context.diagnostics), source_(source) {}

  template <class Scope, class Check>
  void read(const YamlNode::Member& kind, Table<Scope> table, std::vector<Scope>& out, Check check) {
    read_entries(kind, reader_.path + ".auth." + kind.name, table, reader_.context, out, check);
  }

  void basic(const YamlNode::Member& kind) { read(kind, basic_table(), source_.basic, NoColonInUser{diagnostics_}); }
  void oauth(const YamlNode::Member& kind) {
    read(kind, oauth_table(), source_.oauth,
         [&](const OauthAuth& entry, const std::vector<Given>& given, const std::string& path, Place place) {
           for (const AcceptedKey& key : entry.client_secrets) {
             check_secret_length(key.key, kHmacBytesMin, path + ".client_secret",
                                 place_of(given, oauth_table(), "client_secret", place), diagnostics_);
           }
         });
  }
  void jwt(const YamlNode::Member& kind) {
    read(kind, jwt_table(), source_.jwt,
         [&](const JwtAuth& entry, const std::vector<Given>& given, const std::string& path, Place place) {
           check_jwt(entry, given, path, place);
         });
  }
  void hmac(const YamlNode::Member& kind) {
    read(kind, hmac_table(), source_.hmac,
         [&](HmacAuth& entry, const std::vector<Given>& given, const std::string& path, Place place) {
           apply_preset(entry, given);
           check_hmac(entry, given, path, place);
         });
  }
  void certificate(const YamlNode::Member& kind) {
    source_.certificates_place = kind.place;
    read(kind, certificate_table(), source_.certificates,
         [&](CertificateAuth& entry, const std::vector<Given>& given, const std::string& path, Place place) {
           check_certificate(entry, given, path, place);
         });
  }

 private:
  void check_certificate(CertificateAuth& entry, const std::vector<Given>& given, const std::string& path,
                         Place place) {
    if (entry.subjects.empty() && entry.names.empty() && entry.fingerprints.empty()) {
      diagnostics_.error(place, fmt::format("'{}' names no certificate: set subject, san or sha256", path));
    }
    for (std::string& fingerprint : entry.fingerprints) {
      std::string digits;
      for (const char c : fingerprint) {
        if (c != ':') digits.push_back(c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c);
      }
      if (digits.size() != 64 || digits.find_first_not_of("0123456789abcdef") != std::string::npos) {
        diagnostics_.error(place_of(given, certificate_table(), "sha256", place),
                           fmt::format("'{}.sha256' is 64 hexadecimal digits, not '{}'", path, fingerprint));
      }
      fingerprint = std::move(digits);
    }
  }

  void check_jwt(const JwtAuth& entry, const std::vector<Given>& given, const std::string& path, Place place) {
    const auto where = [&](std::string_view option) { return place_of(given, jwt_table(), option, place); };
    if (!entry.jwks_url.empty() && !is_trustworthy(entry.jwks_url)) {
      diagnostics_.error(where("jwks_url"),
                         fmt::format("'{}.jwks_url' is plain http: keys that can be changed on the way let anybody in. "
                                     "Use https, or http to this machine",
                                     path));
    }
    if (entry.jwks_url.empty() && !entry.issuer.empty() && !is_trustworthy(entry.issuer)) {
      diagnostics_.error(
          where("issuer"),
          fmt::format("'{}.issuer' is no https address, so its keys cannot be discovered: set jwks_url", path));
    }
    for (const std::string& name : entry.algorithms) {
      if (std::ranges::find(kAlgorithms, name) != kAlgorithms.end()) continue;
      diagnostics_.error(where("algorithms"), fmt::format("'{}.algorithms' holds '{}', which is none of {}", path, name,
                                                          fmt::join(kAlgorithms, ", ")));
    }
  }

  // What the preset says holds where the file says nothing.
  static void apply_preset(HmacAuth& entry, const std::vector<Given>& given) {
    const auto set = [&](std::string_view option, auto& field, auto value) {
      if (!is_given(given, hmac_table(), option)) field = value;
    };
    if (entry.preset == HmacPreset::standard_webhooks) {
      set("header", entry.header, "webhook-signature");
      set("prefix", entry.prefix, "v1,");
      set("encoding", entry.encoding, HmacEncoding::base64);
      set("content", entry.content, "{webhook-id}.{webhook-timestamp}.{body}");
      set("timestamp_header", entry.timestamp_header, "webhook-timestamp");
    } else if (entry.preset == HmacPreset::github) {
      set("header", entry.header, "x-hub-signature-256");
      set("prefix", entry.prefix, "sha256=");
    }
  }

  void check_hmac(const HmacAuth& entry, const std::vector<Given>& given, const std::string& path, Place place) {
    const auto where = [&](std::string_view option) { return place_of(given, hmac_table(), option, place); };
    if (entry.header.empty()) {
      diagnostics_.error(place, fmt::format("'{}.header' is missing: which header carries the signature?", path));
    }
    if (entry.content.find("{body}") == std::string::npos) {
      diagnostics_.error(where("content"),
                         fmt::format("'{}.content' has no {{body}}: a signature would fit any event", path));
    }
    if (std::ranges::count(entry.content, '{') != std::ranges::count(entry.content, '}')) {
      diagnostics_.error(where("content"), fmt::format("'{}.content' has a brace without its other", path));
    }
    if (!entry.timestamp_header.empty() &&
        entry.content.find("{" + entry.timestamp_header + "}") == std::string::npos) {
      diagnostics_.error(where("timestamp_header"),
                         fmt::format("'{}.timestamp_header' is not signed: put {{{}}} into 'content', else anybody can "
                                     "change it",
                                     path, entry.timestamp_header));
    }
    for (const AcceptedKey& key : entry.secrets) {
      check_secret_length(key.key, kHmacBytesMin, path + ".secret", where("secret"), diagnostics_);
    }
  }

  const ScopeReader& reader_;
  Diagnostics& diagnostics_;
  Source& source_;
};

}  // namespace

void read_credentials(const YamlNode& auth, const ScopeReader& reader, Source& source) {
  Credentials credentials(reader, source);
  if (const YamlNode::Member* kind = auth.find("basic")) credentials.basic(*kind);
  if (const YamlNode::Member* kind = auth.find("oauth")) credentials.oauth(*kind);
  if (const YamlNode::Member* kind = auth.find("jwt")) credentials.jwt(*kind);
  if (const YamlNode::Member* kind = auth.find("hmac")) credentials.hmac(*kind);
  if (const YamlNode::Member* kind = auth.find("client_certificate")) credentials.certificate(*kind);
}

void read_api_users(const YamlNode::Member& users, ReadContext& context, Config& config) {
  read_entries(users, "api.users", basic_table(), context, config.api_users, NoColonInUser{context.diagnostics});
}

void read_sqs_keys(const YamlNode::Member& keys, ReadContext& context, Config& config) {
  const auto once = [&](const SqsKey& key, const std::vector<Given>& given, const std::string& path, Place place) {
    const auto same = [&](const SqsKey& other) { return other.id == key.id; };
    if (key.id.empty() || std::ranges::none_of(config.sqs.keys, same)) return;
    context.diagnostics.error(place_of(given, sqs_key_table(), "id", place),
                              fmt::format("'{}.id' is there before: {}", path, key.id));
  };
  read_entries(keys, "sqs.keys", sqs_key_table(), context, config.sqs.keys, once);
}

void check_secret_length(const Secret& secret, std::size_t bytes_min, std::string_view path, Place place,
                         Diagnostics& diagnostics) {
  if (secret.empty() || secret.reveal().size() >= bytes_min) return;
  diagnostics.warning(place, fmt::format("'{}' is shorter than {} bytes and could be guessed: make one with "
                                         "`openssl rand -base64 32`",
                                         path, bytes_min));
}

}  // namespace trunkline::config
