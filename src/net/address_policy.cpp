#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>

#include "net/http_client.hpp"

namespace trunkline::net {
namespace {

// IPv4 addresses are held v4-mapped (RFC 4291 section 2.5.5.2), so that one comparison serves both families.
using Bytes = std::array<std::uint8_t, 16>;
constexpr unsigned kMappedBits = 96;

struct Network {
  Bytes bytes{};
  unsigned bits = 0;
};

std::optional<Bytes> parse_address(std::string_view text, bool& is_v4) {
  std::string plain(text.substr(0, text.find('%')));  // a zone, as in fe80::1%eth0
  Bytes bytes{};
  if (::inet_pton(AF_INET6, plain.c_str(), bytes.data()) == 1) {
    is_v4 = false;
    return bytes;
  }
  std::array<std::uint8_t, 4> v4{};
  if (::inet_pton(AF_INET, plain.c_str(), v4.data()) != 1) return std::nullopt;
  is_v4 = true;
  bytes[10] = bytes[11] = 0xFF;
  std::copy(v4.begin(), v4.end(), bytes.begin() + 12);
  return bytes;
}

std::optional<Network> parse_network(std::string_view text) {
  const std::size_t slash = text.find('/');
  bool is_v4 = false;
  const std::optional<Bytes> bytes = parse_address(text.substr(0, slash), is_v4);
  if (!bytes) return std::nullopt;
  const unsigned family_bits = is_v4 ? 32 : 128;
  unsigned bits = family_bits;
  if (slash != std::string_view::npos) {
    const std::string_view length = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), bits);
    if (error != std::errc() || end != length.data() + length.size() || bits > family_bits) return std::nullopt;
  }
  return Network{*bytes, bits + (is_v4 ? kMappedBits : 0)};
}

bool contains(const Network& network, const Bytes& address) {
  const unsigned whole = network.bits / 8;
  if (!std::equal(address.begin(), address.begin() + whole, network.bytes.begin())) return false;
  const unsigned rest = network.bits % 8;
  return rest == 0 || ((address[whole] ^ network.bytes[whole]) >> (8 - rest)) == 0;
}

enum class Allowed : std::uint8_t { never, with_loopback, with_private };

struct Rule {
  std::string_view cidr;
  Allowed allowed;
  std::string_view why;
};

// IANA's special-purpose registries (RFC 6890 and its successors) and the clouds' own metadata addresses. The narrower
// rule stands before the wider one, since the first that matches decides.
constexpr std::array kRules = {
    Rule{"169.254.0.0/16", Allowed::never, "link-local or a metadata service"},
    Rule{"168.63.129.16/32", Allowed::never, "the Azure host"},
    Rule{"100.100.100.200/32", Allowed::never, "a metadata service"},
    Rule{"fd00:ec2::254/128", Allowed::never, "a metadata service"},
    Rule{"fd20:ce::254/128", Allowed::never, "a metadata service"},
    Rule{"127.0.0.0/8", Allowed::with_loopback, "loopback"},
    Rule{"::1/128", Allowed::with_loopback, "loopback"},
    Rule{"10.0.0.0/8", Allowed::with_private, "private"},
    Rule{"172.16.0.0/12", Allowed::with_private, "private"},
    Rule{"192.168.0.0/16", Allowed::with_private, "private"},
    Rule{"100.64.0.0/10", Allowed::with_private, "carrier-grade NAT"},
    Rule{"fc00::/7", Allowed::with_private, "unique local"},
    Rule{"0.0.0.0/8", Allowed::never, "this host"},
    Rule{"192.0.0.0/24", Allowed::never, "IETF protocol assignments"},
    Rule{"192.0.2.0/24", Allowed::never, "documentation"},
    Rule{"192.88.99.0/24", Allowed::never, "6to4 relay"},
    Rule{"198.18.0.0/15", Allowed::never, "benchmarking"},
    Rule{"198.51.100.0/24", Allowed::never, "documentation"},
    Rule{"203.0.113.0/24", Allowed::never, "documentation"},
    Rule{"224.0.0.0/4", Allowed::never, "multicast"},
    Rule{"240.0.0.0/4", Allowed::never, "reserved or broadcast"},
    Rule{"::/128", Allowed::never, "unspecified"},
    Rule{"64:ff9b::/96", Allowed::never, "translated IPv4"},
    Rule{"64:ff9b:1::/48", Allowed::never, "translated IPv4"},
    Rule{"100::/64", Allowed::never, "discard-only"},
    Rule{"2001::/23", Allowed::never, "IETF protocol assignments or Teredo"},
    Rule{"2001:db8::/32", Allowed::never, "documentation"},
    Rule{"2002::/16", Allowed::never, "6to4"},
    Rule{"3fff::/20", Allowed::never, "documentation"},
    Rule{"5f00::/16", Allowed::never, "segment routing"},
    Rule{"fe80::/10", Allowed::never, "link-local"},
    Rule{"fec0::/10", Allowed::never, "site-local"},
    Rule{"ff00::/8", Allowed::never, "multicast"},
};
// IPv4-compatible addresses (deprecated, RFC 4291 section 2.5.5.1); ::1 and :: are decided before.
constexpr std::string_view kCompatible = "::/96";

bool permits(const AddressPolicy& policy, Allowed allowed) {
  return (allowed == Allowed::with_loopback && policy.allow_loopback) ||
         (allowed == Allowed::with_private && policy.allow_private);
}

bool matches(std::string_view cidr, const Bytes& address) {
  const std::optional<Network> network = parse_network(cidr);
  return network && contains(*network, address);
}

}  // namespace

bool is_cidr(std::string_view text) {
  return parse_network(text).has_value();
}

std::optional<std::string> forbidden_address(std::string_view ip, const AddressPolicy& policy) {
  bool is_v4 = false;
  const std::optional<Bytes> address = parse_address(ip, is_v4);
  if (!address) return "not an IP address";
  for (const std::string& cidr : policy.allowed_cidrs) {
    if (matches(cidr, *address)) return std::nullopt;
  }
  for (const Rule& rule : kRules) {
    if (!matches(rule.cidr, *address)) continue;
    if (permits(policy, rule.allowed)) return std::nullopt;
    return std::string(rule.why);
  }
  if (matches(kCompatible, *address)) return "IPv4-compatible IPv6";
  return std::nullopt;
}

}  // namespace trunkline::net
