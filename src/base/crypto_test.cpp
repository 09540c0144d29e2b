#include "base/crypto.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace trunkline::base {
namespace {

std::string of_hex(std::string_view text) {
  const auto bytes = hex_decode(text);
  EXPECT_TRUE(bytes) << text;
  return bytes.value_or("");
}

struct HmacVector {
  std::string key;
  std::string message;
  std::string_view sha256;
  std::string_view sha512;
};

// RFC 4231 section 4, test cases 1 to 4, 6 and 7 (5 is about truncation).
const std::vector<HmacVector>& rfc_4231() {
  static const std::vector<HmacVector> vectors{
      {std::string(20, '\x0b'), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
       "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f17"
       "0"
       "2e696c203a126854"},
      {"Jefe", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
       "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4"
       "b"
       "636e070a38bce737"},
      {std::string(20, '\xaa'), std::string(50, '\xdd'),
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
       "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39bf3e848279a722c806b485a47e67c807b946a337bee8942"
       "6"
       "74278859e13292fb"},
      {of_hex("0102030405060708090a0b0c0d0e0f10111213141516171819"), std::string(50, '\xcd'),
       "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
       "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3dba91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2"
       "d"
       "e2adebeb10a298dd"},
      {std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First",
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
       "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0ae"
       "c"
       "8b915a985d786598"},
      {std::string(131, '\xaa'),
       "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be "
       "hashed "
       "before being used by the HMAC algorithm.",
       "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
       "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446"
       "0"
       "65c97440fa8c6a58"},
  };
  return vectors;
}

TEST(Crypto, hmacs_are_those_of_rfc_4231) {
  for (const HmacVector& each : rfc_4231()) {
    EXPECT_EQ(hex_encode(hmac_sha256(each.key, each.message)), each.sha256);
    EXPECT_EQ(hex_encode(hmac_sha512(each.key, each.message)), each.sha512);
  }
}

TEST(Crypto, sha256_is_that_of_fips_180) {
  EXPECT_EQ(hex_encode(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex_encode(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex_encode(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Crypto, base64_is_that_of_rfc_4648) {
  const std::vector<std::pair<std::string, std::string>> pairs{{"", ""},
                                                               {"f", "Zg=="},
                                                               {"fo", "Zm8="},
                                                               {"foo", "Zm9v"},
                                                               {"foob", "Zm9vYg=="},
                                                               {"fooba", "Zm9vYmE="},
                                                               {"foobar", "Zm9vYmFy"},
                                                               {"\xff\xfe\xfb", "//77"}};
  for (const auto& [bytes, text] : pairs) {
    EXPECT_EQ(base64_encode(bytes), text);
    EXPECT_EQ(base64_decode(text), bytes);
  }
}

TEST(Crypto, base64_refuses_what_no_encoder_writes) {
  for (const char* wrong : {"Z", "Zg", "Zg=", "Zg===", "=", "====", "Zg==Zg==", "Z g=", " Zm9v", "Zm9v\n", "Zm9-",
                            "Zm9_", "Zh==", "Zm9=", "Z=9v"})
    EXPECT_FALSE(base64_decode(wrong)) << wrong;
  EXPECT_FALSE(base64_decode(std::string_view("Zm9v\0\0\0\0", 8)));
}

TEST(Crypto, base64url_has_no_padding_and_no_two_texts_for_the_same_bytes) {
  EXPECT_EQ(base64url_encode("\xff\xfe\xfb\xff"), "__77_w");
  EXPECT_EQ(base64url_decode("__77_w"), "\xff\xfe\xfb\xff");
  EXPECT_EQ(base64url_decode(""), "");
  for (const char* wrong : {"Z", "Zh", "Zm9", "Zg==", "//77", "++++", "Zm9v\n", "Zm9v!"})
    EXPECT_FALSE(base64url_decode(wrong)) << wrong;
  for (std::size_t size = 0; size < 64; ++size) {
    const std::string bytes = random_bytes(size);
    EXPECT_EQ(base64url_decode(base64url_encode(bytes)), bytes);
  }
}

TEST(Crypto, hex_is_written_in_lower_case_and_read_in_either) {
  EXPECT_EQ(hex_encode(std::string_view("\x00\x7f\x80\xff", 4)), "007f80ff");
  EXPECT_EQ(hex_decode("007F80fF"), std::string("\x00\x7f\x80\xff", 4));
  EXPECT_EQ(hex_decode(""), "");
  for (const char* wrong : {"0", "000", "0g", "g0", " 0", "0x", "-1"}) EXPECT_FALSE(hex_decode(wrong)) << wrong;
}

// RFC 1321 A.5.
TEST(Crypto, md5_is_that_of_its_rfc) {
  EXPECT_EQ(hex_encode(md5("")), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(hex_encode(md5("message digest")), "f96b697d7cb7938d525a2f31aaf161d0");
}

TEST(Crypto, texts_are_equal_only_when_every_byte_is) {
  EXPECT_TRUE(equal_constant_time("", ""));
  EXPECT_TRUE(equal_constant_time("secret", "secret"));
  EXPECT_FALSE(equal_constant_time("secret", "secreT"));
  EXPECT_FALSE(equal_constant_time("secret", "Secret"));
  EXPECT_FALSE(equal_constant_time("secret", "secret "));
  EXPECT_FALSE(equal_constant_time("", "secret"));
}

TEST(Crypto, random_bytes_are_as_many_as_asked_for_and_differ) {
  EXPECT_EQ(random_bytes(0).size(), 0u);
  EXPECT_EQ(random_bytes(33).size(), 33u);
  EXPECT_NE(random_bytes(32), random_bytes(32));
}

}  // namespace
}  // namespace trunkline::base
