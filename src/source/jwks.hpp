#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "source/public_key.hpp"

namespace trunkline::source {

// The keys of an issuer, from its JSON Web Key Set (RFC 7517). Immutable.
class Jwks {
 public:
  // Microsoft publishes a dozen keys in 20 KiB, certificates and all.
  static constexpr std::size_t kBytesMax = 256 << 10;
  static constexpr std::size_t kKeysMax = 128;
  static constexpr std::size_t kIdBytesMax = 512;

  // Keys that are not for signatures, of a kind or size that is not taken, or symmetric are left out; so are all keys
  // of an id that stands there twice, since nobody can say which is meant. Errc::invalid when that
  // leaves none.
  static base::Result<Jwks> parse(std::string_view text);

  // The key for a token. A token that names no key gets the only one that fits its algorithm. Null: none.
  const PublicKey* find(std::optional<std::string_view> id, SignatureAlgorithm algorithm) const;
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string id;
    std::optional<SignatureAlgorithm> only;  // the key's own "alg"
    PublicKey key;
    bool fits(SignatureAlgorithm algorithm) const { return key.fits(algorithm) && (!only || *only == algorithm); }
  };
  std::vector<Entry> entries_;
};

}  // namespace trunkline::source
