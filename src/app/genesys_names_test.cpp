#include "app/genesys_names.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <optional>

#include "base/manual_loop.hpp"
#include "sinks/fake_sender_test.hpp"

namespace trunkline::app {
namespace {

using base::Errc;
using base::Result;

class Names : public ::testing::Test {
 protected:
  void fetch() {
    GenesysNames::fetch(
        loop_, sender_, "https://api.example", [this](const GenesysNames::Found&) { ++told_; },
        [this](Result<GenesysNames::Found> found) { ended_ = std::move(found); });
  }
  std::string asked() { return sent_.back().request.url.substr(std::string_view("https://api.example/api/v2").size()); }
  void answer(int status, std::string body, net::Headers headers = {}) {
    auto done = std::move(sent_.back().done);
    done(net::ClientResponse{status, std::move(headers), std::move(body)});
  }
  void fail(Errc code) {
    auto done = std::move(sent_.back().done);
    done(base::Error{code, "no connection"});
  }
  static std::string page(std::size_t first, std::size_t count, std::size_t pages) {
    std::string out = R"({"entities":[)";
    for (std::size_t i = first; i < first + count; ++i)
      out += fmt::format(R"({}{{"id":"id-{}","name":"Name {}"}})", i > first ? "," : "", i, i);
    return out + fmt::format(R"(],"pageSize":100,"pageCount":{}}})", pages);
  }

  base::ManualClock clock_;
  base::ManualLoop loop_{clock_};
  std::vector<sinks::FakeSender::Sent> sent_;
  sinks::FakeSender sender_{sent_};
  std::optional<Result<GenesysNames::Found>> ended_;
  int told_ = 0;
};

TEST_F(Names, come_page_after_page_users_first) {
  fetch();
  EXPECT_EQ(asked(), "/users?pageSize=100&pageNumber=1");
  answer(200, page(0, 100, 2));
  EXPECT_EQ(asked(), "/users?pageSize=100&pageNumber=2");
  answer(200, page(100, 3, 2));
  EXPECT_EQ(asked(), "/routing/queues?pageSize=100&pageNumber=1");
  answer(200, page(200, 2, 1));
  ASSERT_TRUE(ended_ && ended_->ok());
  EXPECT_EQ((*ended_)->users, 103u);
  EXPECT_EQ((*ended_)->queues, 2u);
  EXPECT_EQ((*ended_)->names.size(), 105u);
  EXPECT_EQ((*ended_)->names.back(), std::pair(std::string("id-201"), std::string("Name 201")));
  EXPECT_EQ(told_, 3);
}

TEST_F(Names, an_answer_without_a_page_count_ends_at_the_first_page_that_is_not_full) {
  fetch();
  answer(200, R"({"entities":[{"id":"u","name":"Ada"},{"id":"gone"}]})");
  EXPECT_EQ(asked(), "/routing/queues?pageSize=100&pageNumber=1");
  answer(200, R"({"entities":[]})");
  ASSERT_TRUE(ended_ && ended_->ok());
  EXPECT_EQ((*ended_)->users, 1u) << "one without a name is none";
}

TEST_F(Names, too_many_requests_wait_as_long_as_they_are_told_to) {
  fetch();
  answer(429, "", {{"Retry-After", "42"}});
  loop_.advance(base::Millis(41'999));
  EXPECT_EQ(sent_.size(), 1u);
  loop_.advance(base::Millis(1));
  ASSERT_EQ(sent_.size(), 2u);
  EXPECT_EQ(asked(), "/users?pageSize=100&pageNumber=1") << "the same page";
}

TEST_F(Names, a_server_that_fails_is_asked_again_and_not_for_ever) {
  fetch();
  for (std::size_t tries = 0; tries + 1 < GenesysNames::kTriesMax; ++tries) {
    if (tries % 2 == 0) {
      answer(503, "");
    } else {
      fail(Errc::unavailable);
    }
    loop_.advance(GenesysNames::kWaitMax);
    ASSERT_EQ(sent_.size(), tries + 2);
  }
  answer(502, "");
  ASSERT_TRUE(ended_);
  EXPECT_EQ(ended_->error().code, Errc::unavailable);
  EXPECT_NE(ended_->error().detail.find("502"), std::string::npos);
}

TEST_F(Names, a_missing_permission_is_named) {
  fetch();
  answer(200, page(0, 1, 1));
  answer(403, R"({"code":"missing.permissions"})");
  ASSERT_TRUE(ended_);
  EXPECT_EQ(ended_->error().code, Errc::unauthenticated);
  EXPECT_NE(ended_->error().detail.find("routing:queue:view"), std::string::npos);
}

TEST_F(Names, what_is_no_list_is_an_error_and_no_empty_list) {
  for (const char* body : {"", "{}", R"({"entities":7})", "<html>", R"({"entities":)"}) {
    ended_.reset();
    fetch();
    answer(200, body);
    ASSERT_TRUE(ended_) << body;
    EXPECT_FALSE(ended_->ok()) << body;
  }
  ended_.reset();
  fetch();
  answer(404, "");
  ASSERT_TRUE(ended_);
  EXPECT_NE(ended_->error().detail.find("region"), std::string::npos);
}

}  // namespace
}  // namespace trunkline::app
