#pragma once

#include <array>
#include <string_view>

#include "config/config.hpp"
#include "config/scope_reader.hpp"

namespace trunkline::config {

// Below a source: credentials, each a map or a list of maps, and the queue of kind sqs.
inline constexpr std::array<std::string_view, 6> kSourceChildren = {
    "auth.basic", "auth.oauth", "auth.jwt", "auth.hmac", "auth.client_certificate", "sqs"};

// Reads them from the source's `auth` and checks what only stands between options: addresses of key sets, what is
// signed, presets. `reader` is the source's.
void read_credentials(const YamlNode& auth, const ScopeReader& reader, Source& source);

// `api.users`: a map, or a list of maps.
void read_api_users(const YamlNode::Member& users, ReadContext& context, Config& config);

// `sqs.keys`: a map, or a list of maps.
void read_sqs_keys(const YamlNode::Member& keys, ReadContext& context, Config& config);

// Warns of a secret that can be guessed.
void check_secret_length(const Secret& secret, std::size_t bytes_min, std::string_view path, Place place,
                         Diagnostics& diagnostics);

}  // namespace trunkline::config
