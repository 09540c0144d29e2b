#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/api.hpp"
#include "api/fake_hub_test.hpp"

namespace trunkline::api {
namespace {

using testing::Bench;
using ::testing::HasSubstr;

std::string header(const net::ClientResponse& answer, std::string_view name) {
  return std::string(net::find_header(answer.headers, name).value_or("-"));
}

TEST(Live, is_a_stream_of_events_with_what_was_asked_for) {
  Bench bench;
  bench.add(Bench::pushed("board"));
  bench.add(Bench::pushed("crm"));
  const auto answer =
      bench.call("GET", "/api/v1/consumers/board/live?only=agents%2Cqueues", "", {{"Last-Event-ID", "e-7"}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "only=agents,queues last=e-7\n");
  EXPECT_EQ(header(answer, "Content-Type"), "text/event-stream");
  EXPECT_EQ(header(answer, "Cache-Control"), "no-store");
  EXPECT_EQ(header(answer, "Access-Control-Allow-Origin"), "-");
  const auto other = bench.call("GET", "/api/v1/consumers/crm/live");
  EXPECT_EQ(other.status, 409);
  EXPECT_THAT(other.body, HasSubstr("sink: {live: {}}"));
  const auto unknown = bench.call("GET", "/api/v1/consumers/boord/live");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_THAT(unknown.body, HasSubstr("did you mean 'board'?"));
}

TEST(Live, takes_a_key_in_the_query_and_no_other_endpoint_does) {
  ApiOptions options;
  options.credentials.keys = {{"s3cret+key", {}}};
  Bench bench(options);
  bench.add(Bench::pushed("board"));
  EXPECT_EQ(bench.call("GET", "/api/v1/consumers/board/live").status, 401);
  EXPECT_EQ(bench.call("GET", "/api/v1/consumers/board/live?key=wrong").status, 401);
  const auto by_query = bench.call("GET", "/api/v1/consumers/board/live?key=s3cret%2Bkey");
  EXPECT_EQ(by_query.status, 200);
  EXPECT_EQ(header(by_query, "Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(bench.call("GET", "/api/v1/consumers/board/live", "", {{"x-api-key", "s3cret+key"}}).status, 200);
  for (const char* path : {"/api/v1/consumers/board?key=s3cret%2Bkey", "/api/v1/status?key=s3cret%2Bkey",
                           "/metrics?key=s3cret%2Bkey", "/api/v1/consumers/board/live/?key=s3cret%2Bkey"})
    EXPECT_EQ(bench.call("GET", path).status, 401) << path;
}

}  // namespace
}  // namespace trunkline::api
