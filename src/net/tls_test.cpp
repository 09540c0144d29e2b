#include "net/tls.hpp"

#include "net/tls_fixture_test.hpp"

namespace trunkline::net {
namespace {

using testing::Credentials;
using testing::issue;
using testing::TemporaryDirectory;

class TlsCertificatesTest : public ::testing::Test {
 protected:
  TlsOptions files(const Credentials& pair) {
    return {.certificate_file = directory_.write("server.pem", pair.certificate_pem()),
            .key_file = directory_.write("server.key", pair.key_pem())};
  }
  base::Errc refused(const TlsOptions& options, std::string_view why) {
    const auto loaded = TlsCertificates::load(options, clock_);
    EXPECT_FALSE(loaded.ok());
    if (loaded.ok()) return base::Errc::conflict;
    EXPECT_THAT(loaded.error().detail, ::testing::HasSubstr(why));
    return loaded.error().code;
  }

  TemporaryDirectory directory_;
  base::ManualClock clock_;
  const Credentials first_ = issue({.common_name = "first", .to_days = 40});
};

TEST_F(TlsCertificatesTest, loads_a_pair_and_knows_its_end) {
  const auto loaded = TlsCertificates::load(files(first_), clock_);
  ASSERT_TRUE(loaded.ok()) << loaded.error().detail;
  EXPECT_EQ((*loaded)->not_after(), facts_of(*first_.certificate).not_after);
  EXPECT_NE((*loaded)->context(), nullptr);
}

TEST_F(TlsCertificatesTest, refuses_files_that_cannot_be_used_and_says_which_and_why) {
  TlsOptions good = files(first_);
  TlsOptions bad = good;
  bad.certificate_file = directory_.at("absent.pem");
  EXPECT_EQ(refused(bad, "absent.pem: No such file"), base::Errc::not_found);
  bad.certificate_file = directory_.write("empty.pem", "");
  EXPECT_EQ(refused(bad, "empty.pem: no PEM certificate in it"), base::Errc::invalid);
  std::string damaged = first_.certificate_pem();
  damaged.replace(100, 10, "AAAAAAAAAA");
  bad.certificate_file = directory_.write("damaged.pem", damaged);
  EXPECT_EQ(refused(bad, "damaged.pem: damaged certificate"), base::Errc::invalid);
  bad.certificate_file = directory_.write("huge.pem", std::string((1 << 20) + 1, 'x'));
  EXPECT_EQ(refused(bad, "huge.pem: longer than 1 MiB"), base::Errc::invalid);
  bad.certificate_file = std::filesystem::path(good.certificate_file).parent_path().string();
  EXPECT_EQ(refused(bad, "cannot be read"), base::Errc::invalid);
  bad = good;
  bad.key_file = directory_.write("locked.key", first_.key_pem("secret"));
  EXPECT_EQ(refused(bad, "locked.key: the private key is locked by a passphrase"), base::Errc::invalid);
  bad.key_file = good.certificate_file;
  EXPECT_EQ(refused(bad, "no PEM private key in it"), base::Errc::invalid);
  bad.key_file = directory_.write("other.key", issue({}).key_pem());
  EXPECT_EQ(refused(bad, "other.key: the private key is not that of the certificate"), base::Errc::invalid);
  bad = good;
  bad.client_auth = ClientAuth::require;
  EXPECT_EQ(refused(bad, "no file is named"), base::Errc::not_found);
  bad.client_ca_file = good.key_file;
  EXPECT_EQ(refused(bad, "no PEM certificate in it"), base::Errc::invalid);
}

TEST_F(TlsCertificatesTest, a_reload_uses_a_new_pair_and_keeps_the_old_one_when_it_cannot) {
  const auto loaded = TlsCertificates::load(files(first_), clock_);
  ASSERT_TRUE(loaded.ok());
  TlsCertificates& certificates = **loaded;
  const Credentials second = issue({.common_name = "second", .to_days = 400});
  const auto before = certificates.context();
  directory_.write("server.pem", second.certificate_pem());
  EXPECT_FALSE(certificates.reload().ok()) << "the key is still the first one's";
  EXPECT_EQ(certificates.context(), before);
  directory_.write("server.key", second.key_pem());
  EXPECT_TRUE(certificates.reload().ok());
  EXPECT_NE(certificates.context(), before);
  EXPECT_EQ(certificates.not_after(), facts_of(*second.certificate).not_after);
}

TEST_F(TlsCertificatesTest, looks_at_the_content_and_reports_what_cannot_be_used_once) {
  const auto loaded = TlsCertificates::load(files(first_), clock_);
  ASSERT_TRUE(loaded.ok());
  TlsCertificates& certificates = **loaded;
  const auto before = certificates.context();
  files(first_);  // written anew, the same
  auto changed = certificates.reload_if_changed();
  ASSERT_TRUE(changed.ok());
  EXPECT_FALSE(*changed);
  EXPECT_EQ(certificates.context(), before);

  std::filesystem::remove(directory_.at("server.key"));
  EXPECT_FALSE(certificates.reload_if_changed().ok());
  changed = certificates.reload_if_changed();
  ASSERT_TRUE(changed.ok()) << "said already";
  EXPECT_FALSE(*changed);
  EXPECT_EQ(certificates.context(), before);

  files(issue({.common_name = "second"}));
  changed = certificates.reload_if_changed();
  ASSERT_TRUE(changed.ok());
  EXPECT_TRUE(*changed);
  EXPECT_NE(certificates.context(), before);
}

TEST_F(TlsCertificatesTest, ticket_keys_live_for_half_a_day) {
  const auto loaded = TlsCertificates::load(files(first_), clock_);
  ASSERT_TRUE(loaded.ok());
  const auto before = (*loaded)->context();
  clock_.advance(std::chrono::hours(11));
  EXPECT_TRUE((*loaded)->reload_if_changed().ok());
  EXPECT_EQ((*loaded)->context(), before);
  clock_.advance(std::chrono::hours(2));
  const auto changed = (*loaded)->reload_if_changed();
  ASSERT_TRUE(changed.ok());
  EXPECT_FALSE(*changed) << "nothing that an operator would want to hear of";
  EXPECT_NE((*loaded)->context(), before);
}

TEST_F(TlsCertificatesTest, an_inspection_lists_every_problem_with_its_file) {
  using File = TlsProblem::File;
  TlsOptions options = files(first_);
  const Credentials authority = testing::make_authority("clients");
  options.client_auth = ClientAuth::request;
  options.client_ca_file = directory_.write("ca.pem", authority.certificate_pem());
  TlsInspection found = inspect_tls_files(options);
  EXPECT_TRUE(found.problems.empty());
  ASSERT_EQ(found.certificates.size(), 1u);
  EXPECT_EQ(found.certificates[0].subject, "CN=first,O=Example");
  EXPECT_GT(found.certificates[0].not_after - found.certificates[0].not_before, std::chrono::days(40));
  ASSERT_EQ(found.client_cas.size(), 1u);
  EXPECT_EQ(found.client_cas[0].subject, "CN=clients,O=Example");

  directory_.write("server.key", issue({}).key_pem());
  std::filesystem::remove(options.client_ca_file);
  found = inspect_tls_files(options);
  ASSERT_EQ(found.problems.size(), 2u);
  EXPECT_EQ(found.problems[0].file, File::key);
  EXPECT_THAT(found.problems[0].detail, ::testing::HasSubstr("not that of the certificate"));
  EXPECT_EQ(found.problems[1].file, File::client_ca);
  std::filesystem::remove(options.certificate_file);
  found = inspect_tls_files(options);
  ASSERT_EQ(found.problems.size(), 2u);
  EXPECT_EQ(found.problems[0].file, File::certificate);
}

TEST_F(TlsCertificatesTest, an_inspection_refuses_what_a_start_would_refuse) {
  const Credentials weak = issue({.common_name = "weak", .rsa_bits = 1024});
  const Credentials weak_authority = issue({.alternative_names = "", .authority = true, .rsa_bits = 1024});
  const Credentials below = issue({}, &weak_authority);
  TlsOptions options = files(weak);
  refused(options, "server.pem: ee key too small");
  TlsInspection found = inspect_tls_files(options);
  ASSERT_EQ(found.problems.size(), 1u);
  EXPECT_EQ(found.problems[0].file, TlsProblem::File::certificate);
  EXPECT_THAT(found.problems[0].detail, ::testing::HasSubstr("server.pem: ee key too small"));

  options = files(below);
  directory_.write("server.pem", below.certificate_pem() + weak_authority.certificate_pem());
  refused(options, "server.pem: certificate 2 of the chain: ca key too small");
  found = inspect_tls_files(options);
  ASSERT_EQ(found.problems.size(), 1u);
  EXPECT_THAT(found.problems[0].detail, ::testing::HasSubstr("certificate 2 of the chain: ca key too small"));
  EXPECT_TRUE(inspect_tls_files(files(issue({.rsa_bits = 2048}))).problems.empty());
}

TEST(TlsNames, subjects_are_written_by_rfc_4514_in_utf_8) {
  const Credentials made = issue({.common_name = "Björn, \"x\"+y", .organisation = "A=B"});
  EXPECT_EQ(facts_of(*made.certificate).subject, "CN=Björn\\, \\\"x\\\"\\+y,O=A=B");
}

}  // namespace
}  // namespace trunkline::net
