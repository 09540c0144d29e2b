#include "source/key_source.hpp"

#include <gtest/gtest.h>

#include "base/manual_loop.hpp"
#include "source/signing_key_test.hpp"

namespace trunkline::source {
namespace {

using base::Errc;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

std::string key_set(std::string_view id) {
  static const testing::SigningKey key = testing::SigningKey::p256();
  return R"({"keys":[)" + key.jwk(id) + "]}";
}

// A key server whose answers the test gives.
struct Server {
  base::ManualClock clock;
  base::ManualLoop loop{clock};
  std::vector<std::string> urls;
  std::vector<KeySource::FetchCallback> open;

  std::unique_ptr<KeySource> source(std::string jwks_url = "https://keys.example/jwks") {
    KeySourceOptions options;
    options.name = "azure";
    options.issuer = "https://issuer.example/";
    options.jwks_url = std::move(jwks_url);
    return std::make_unique<KeySource>(
        loop,
        [this](const std::string& url, KeySource::FetchCallback done) {
          urls.push_back(url);
          open.push_back(std::move(done));
        },
        options);
  }
  void answer(std::string body, std::optional<base::Millis> max_age = {}) {
    auto done = std::move(open.back());
    open.pop_back();
    done(KeySource::Fetched{std::move(body), max_age});
    loop.run();
  }
  void fail() {
    auto done = std::move(open.back());
    open.pop_back();
    done({Errc::unavailable, "refused"});
    loop.run();
  }
  void advance(base::Millis by) { loop.advance(by); }
};

bool has(const KeySource& source, std::string_view id) {
  const auto keys = source.state().keys;
  return keys && keys->find(id, SignatureAlgorithm::es256) != nullptr;
}

TEST(KeySource, keys_are_fetched_at_start_and_again_before_they_are_old) {
  Server server;
  const auto source = server.source();
  EXPECT_FALSE(source->state().keys);
  source->start();
  server.loop.run();
  ASSERT_EQ(server.urls, (std::vector<std::string>{"https://keys.example/jwks"}));
  server.answer(key_set("a"), minutes(10));
  EXPECT_TRUE(has(*source, "a"));
  server.advance(minutes(8) - seconds(1));
  EXPECT_EQ(server.urls.size(), 1u);
  server.advance(seconds(2));
  ASSERT_EQ(server.urls.size(), 2u);
  EXPECT_TRUE(has(*source, "a")) << "while the new ones are on their way";
  server.answer(key_set("b"));
  EXPECT_TRUE(has(*source, "b"));
  EXPECT_FALSE(has(*source, "a")) << "what the issuer has withdrawn is good no more";
}

TEST(KeySource, a_lifetime_is_kept_within_five_minutes_and_a_day) {
  for (const auto& [age, pause] : std::vector<std::pair<std::optional<base::Millis>, base::Millis>>{
           {seconds(0), minutes(4)}, {hours(1000), minutes(24 * 60) * 4 / 5}, {std::nullopt, minutes(48)}}) {
    Server server;
    const auto source = server.source();
    source->start();
    server.loop.run();
    server.answer(key_set("a"), age);
    server.advance(pause - seconds(1));
    EXPECT_EQ(server.urls.size(), 1u);
    server.advance(seconds(1));
    EXPECT_EQ(server.urls.size(), 2u);
  }
}

TEST(KeySource, a_retired_one_asks_for_those_who_wait_and_never_by_itself) {
  Server server;
  const auto source = server.source();
  source->start();
  server.loop.run();
  server.answer(key_set("a"), minutes(10));
  source->retire();
  server.advance(hours(3));
  EXPECT_EQ(server.urls.size(), 1u);
  int done = 0;
  source->refresh(server.loop, [&] { ++done; });
  server.loop.run();
  ASSERT_EQ(server.urls.size(), 2u);
  server.fail();
  EXPECT_EQ(done, 1);
  server.advance(hours(3));
  EXPECT_EQ(server.urls.size(), 2u);
}

TEST(KeySource, one_that_is_retired_while_it_asks_does_not_ask_again) {
  Server server;
  const auto source = server.source();
  source->start();
  source->retire();
  server.loop.run();
  ASSERT_EQ(server.urls.size(), 1u);
  server.answer(key_set("a"), minutes(10));
  server.advance(hours(3));
  EXPECT_EQ(server.urls.size(), 1u);
}

TEST(KeySource, an_unknown_key_makes_one_fetch_in_ten_seconds_whoever_asks) {
  Server server;
  const auto source = server.source();
  source->start();
  server.loop.run();
  server.answer(key_set("a"));
  server.advance(seconds(10));
  int done = 0;
  for (int i = 0; i < 100; ++i) source->refresh(server.loop, [&] { ++done; });
  server.loop.run();
  EXPECT_EQ(server.urls.size(), 2u) << "all wait for one fetch";
  EXPECT_EQ(done, 0);
  server.answer(key_set("b"));
  EXPECT_EQ(done, 100);
  EXPECT_TRUE(has(*source, "b"));
  for (int i = 0; i < 100; ++i) source->refresh(server.loop, [&] { ++done; });
  server.loop.run();
  EXPECT_EQ(done, 200) << "told at once";
  EXPECT_EQ(server.urls.size(), 2u);
  server.advance(seconds(10));
  source->refresh(server.loop, [&] { ++done; });
  server.loop.run();
  EXPECT_EQ(server.urls.size(), 3u);
}

TEST(KeySource, waiters_are_bounded) {
  Server server;
  const auto source = server.source();
  std::size_t done = 0;
  for (std::size_t i = 0; i < KeySource::kWaitersMax + 5; ++i) source->refresh(server.loop, [&] { ++done; });
  server.loop.run();
  EXPECT_EQ(done, 5u);
  server.answer(key_set("a"));
  EXPECT_EQ(done, KeySource::kWaitersMax + 5);
}

TEST(KeySource, without_an_answer_it_asks_again_ever_more_slowly_and_old_keys_serve_a_day) {
  Server server;
  const auto source = server.source();
  source->start();
  server.loop.run();
  server.answer(key_set("a"), minutes(5));
  server.advance(minutes(4));
  std::vector<base::Millis> pauses;
  for (int i = 0; i < 9; ++i) {
    server.fail();
    EXPECT_FALSE(source->state().reachable);
    EXPECT_TRUE(has(*source, "a"));
    base::Millis pause(0);
    while (server.open.empty()) {
      server.advance(seconds(1));
      pause += seconds(1);
    }
    pauses.push_back(pause);
  }
  EXPECT_EQ(pauses, (std::vector<base::Millis>{seconds(1), seconds(2), seconds(4), seconds(8), seconds(16), seconds(32),
                                               seconds(60), seconds(60), seconds(60)}));
  server.advance(hours(24));
  EXPECT_FALSE(source->state().keys);
  EXPECT_EQ(source->statistics().failures, 9u);
  server.answer(key_set("b"));
  EXPECT_TRUE(has(*source, "b"));
  EXPECT_TRUE(source->state().reachable);
}

TEST(KeySource, an_answer_that_is_no_key_set_changes_nothing) {
  for (const std::string body : {"", "<html>", "{}", R"({"keys":[]})"}) {
    Server server;
    const auto source = server.source();
    source->start();
    server.loop.run();
    server.answer(key_set("a"));
    server.advance(minutes(48));
    ASSERT_EQ(server.open.size(), 1u);
    server.answer(body);
    EXPECT_TRUE(has(*source, "a"));
    EXPECT_FALSE(source->state().reachable);
  }
}

TEST(KeySource, discovery_finds_the_keys_and_asks_again_after_a_failure) {
  Server server;
  const auto source = server.source("");
  source->start();
  server.loop.run();
  server.answer(R"({"issuer":"https://issuer.example/","jwks_uri":"https://keys.example/1"})");
  server.answer(key_set("a"));
  EXPECT_TRUE(has(*source, "a"));
  server.advance(minutes(48));
  server.fail();
  server.advance(seconds(1));
  server.answer(R"({"issuer":"https://issuer.example/","jwks_uri":"https://keys.example/2"})");
  server.answer(key_set("b"));
  EXPECT_TRUE(has(*source, "b"));
  EXPECT_EQ(server.urls, (std::vector<std::string>{"https://issuer.example/.well-known/openid-configuration",
                                                   "https://keys.example/1", "https://keys.example/1",
                                                   "https://issuer.example/.well-known/openid-configuration",
                                                   "https://keys.example/2"}));
}

TEST(KeySource, discovery_by_another_issuer_or_without_a_safe_address_is_refused) {
  for (const std::string body :
       {"", "[]", "{}", R"({"issuer":"https://issuer.example","jwks_uri":"https://keys.example/1"})",
        R"({"issuer":"https://issuer.example/","jwks_uri":"http://keys.example/1"})",
        R"({"issuer":"https://issuer.example/","jwks_uri":"file:///etc/passwd"})",
        R"({"issuer":"https://issuer.example/"})"}) {
    Server server;
    const auto source = server.source("");
    source->start();
    server.loop.run();
    server.answer(body);
    EXPECT_EQ(server.urls.size(), 1u) << body;
    EXPECT_EQ(source->statistics().failures, 1u) << body;
  }
}

TEST(KeySource, answers_after_its_end_are_thrown_away) {
  Server server;
  auto source = server.source();
  source->start();
  server.loop.run();
  source.reset();
  server.answer(key_set("a"));
  server.advance(hours(30));
  EXPECT_EQ(server.urls.size(), 1u);
}

TEST(KeySource, reads_max_age) {
  EXPECT_EQ(max_age("public, max-age=60, must-revalidate"), seconds(60));
  EXPECT_EQ(max_age("max-age=0"), seconds(0));
  EXPECT_EQ(max_age("no-store, max-age=60"), seconds(0));
  EXPECT_EQ(max_age("max-age=\"60\""), std::nullopt);
  EXPECT_EQ(max_age("max-age=99999999999"), std::nullopt);
  EXPECT_EQ(max_age(""), std::nullopt);
}

}  // namespace
}  // namespace trunkline::source
