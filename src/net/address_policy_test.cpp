#include "net/http_client.hpp"

namespace trunkline::net {
namespace {

TEST(AddressPolicy, forbids_every_range_that_is_not_the_public_internet) {
  for (const char* ip : {"0.0.0.0",
                         "0.1.2.3",
                         "10.0.0.1",
                         "10.255.255.255",
                         "100.64.0.1",
                         "100.127.255.255",
                         "127.0.0.1",
                         "127.255.255.254",
                         "168.63.129.16",
                         "169.254.169.254",
                         "172.16.0.1",
                         "172.31.255.255",
                         "192.0.0.192",
                         "192.0.2.1",
                         "192.88.99.1",
                         "192.168.1.1",
                         "198.18.0.1",
                         "198.19.255.255",
                         "198.51.100.7",
                         "203.0.113.9",
                         "224.0.0.1",
                         "239.255.255.255",
                         "240.0.0.1",
                         "255.255.255.255",
                         "::",
                         "::1",
                         "::127.0.0.1",
                         "::ffff:127.0.0.1",
                         "::ffff:10.0.0.1",
                         "::ffff:169.254.169.254",
                         "64:ff9b::7f00:1",
                         "64:ff9b:1::1",
                         "100::1",
                         "2001::1",
                         "2001:db8::1",
                         "2002:7f00:1::",
                         "3fff::1",
                         "5f00::1",
                         "fc00::1",
                         "fd00:ec2::254",
                         "fd12::1",
                         "fe80::1",
                         "fe80::1%eth0",
                         "febf::1",
                         "fec0::1",
                         "ff02::1",
                         "nonsense",
                         "",
                         "1.2.3",
                         "1.2.3.4.5"}) {
    EXPECT_TRUE(forbidden_address(ip, {}).has_value()) << ip;
  }
}

TEST(AddressPolicy, allows_the_public_addresses_right_beside_the_forbidden_ranges) {
  for (const char* ip :
       {"1.1.1.1",         "9.255.255.255",   "11.0.0.0",        "100.63.255.255", "100.128.0.0",     "126.255.255.255",
        "128.0.0.1",       "169.253.255.255", "169.255.0.0",     "172.15.255.255", "172.32.0.0",      "192.0.1.0",
        "192.167.255.255", "192.169.0.0",     "198.17.255.255",  "198.20.0.0",     "223.255.255.255", "::ffff:8.8.8.8",
        "2001:200::1",     "2003::1",         "2606:4700::1111", "2a00::1",        "4000::"}) {
    const auto why = forbidden_address(ip, {});
    EXPECT_FALSE(why.has_value()) << ip << ": " << why.value_or("");
  }
}

TEST(AddressPolicy, opens_loopback_and_private_ranges_each_by_its_own_switch_but_never_metadata) {
  const AddressPolicy loopback{.allow_loopback = true};
  const AddressPolicy inside{.allow_private = true};
  for (const char* ip : {"127.0.0.1", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_FALSE(forbidden_address(ip, loopback).has_value()) << ip;
    EXPECT_TRUE(forbidden_address(ip, inside).has_value()) << ip;
  }
  for (const char* ip : {"10.1.2.3", "172.16.0.1", "192.168.0.1", "100.64.0.1", "fd12::1", "::ffff:10.1.2.3"}) {
    EXPECT_TRUE(forbidden_address(ip, loopback).has_value()) << ip;
    EXPECT_FALSE(forbidden_address(ip, inside).has_value()) << ip;
  }
  const AddressPolicy both{.allow_loopback = true, .allow_private = true};
  for (const char* ip :
       {"169.254.169.254", "fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16", "0.0.0.0"}) {
    EXPECT_TRUE(forbidden_address(ip, both).has_value()) << ip;
  }
}

TEST(AddressPolicy, allowed_networks_win_over_every_rule_and_end_where_they_say) {
  const AddressPolicy policy{
      .allowed_cidrs = {"10.1.0.0/16", "fd00:1::/33", "169.254.169.254", "broken", "1.2.3.4/33"}};
  for (const char* ip : {"10.1.0.0", "10.1.255.255", "::ffff:10.1.2.3", "fd00:1:7fff::1", "169.254.169.254"}) {
    EXPECT_FALSE(forbidden_address(ip, policy).has_value()) << ip;
  }
  for (const char* ip : {"10.0.255.255", "10.2.0.0", "fd00:1:8000::1", "169.254.169.253"}) {
    EXPECT_TRUE(forbidden_address(ip, policy).has_value()) << ip;
  }
}

TEST(AddressPolicy, tells_networks_from_other_text) {
  for (const char* text : {"10.0.0.0/8", "10.0.0.1", "::/0", "fd00::/8", "0.0.0.0/0"})
    EXPECT_TRUE(is_cidr(text)) << text;
  for (const char* text : {"", "10.0.0.0/", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/8x", "host/8", "/8"}) {
    EXPECT_FALSE(is_cidr(text)) << text;
  }
}

}  // namespace
}  // namespace trunkline::net
