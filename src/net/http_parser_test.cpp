#include "net/http_parser.hpp"

#include "net/http_reply.hpp"
#include "net/request_target.hpp"

namespace trunkline::net {
namespace {

// Gives the bytes one by one, what was not consumed again with the next.
ParseStatus put_byte_by_byte(RequestParser& parser, std::string_view bytes) {
  std::string pending;
  ParseProgress progress;
  for (const char byte : bytes) {
    pending.push_back(byte);
    progress = parser.put(pending);
    pending.erase(0, progress.consumed);
  }
  return progress.status;
}

TEST(RequestParser, reads_an_empty_chunked_body_whose_last_chunk_comes_in_pieces) {
  RequestParser parser({});
  EXPECT_EQ(put_byte_by_byte(parser, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            ParseStatus::complete);
  EXPECT_EQ(parser.take().body, "");
  EXPECT_EQ(put_byte_by_byte(
                parser, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nT: u\r\n\r\n"),
            ParseStatus::complete);
  EXPECT_EQ(parser.take().body, "x");
}

TEST(RequestParser, consumes_one_request_at_a_time_and_says_what_it_knows) {
  RequestParser parser({});
  const std::string two = "\r\nHEAD /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n";
  EXPECT_TRUE(parser.idle());
  const ParseProgress first = parser.put(two);
  EXPECT_EQ(first.status, ParseStatus::complete);
  EXPECT_TRUE(parser.is_head());
  EXPECT_TRUE(parser.http_1_0());
  EXPECT_TRUE(parser.keep_alive());
  EXPECT_EQ(parser.take().path, "/a");
  EXPECT_TRUE(parser.idle());
  const ParseProgress second = parser.put(std::string_view(two).substr(first.consumed));
  EXPECT_EQ(first.consumed + second.consumed, two.size());
  EXPECT_FALSE(parser.http_1_0());
  EXPECT_EQ(parser.take().method, "GET");
}

TEST(RequestParser, bounds_a_head_that_comes_in_fields_of_any_size) {
  RequestParser parser({.header_bytes_max = 500});
  std::string pending = "GET / HTTP/1.1\r\nHost: a\r\n";
  ParseProgress progress;
  for (int i = 0; i < 100 && progress.status == ParseStatus::need_more; ++i) {
    pending += "A: bbbbbbbb\r\n";
    progress = parser.put(pending);
    pending.erase(0, progress.consumed);
  }
  EXPECT_EQ(progress.status, ParseStatus::too_large);
}

TEST(RequestTarget, reads_origin_absolute_and_asterisk_form_and_nothing_else) {
  const auto path = [](std::string_view text) {
    return parse_request_target(text).value_or(RequestTarget{"none", ""}).path;
  };
  EXPECT_EQ(path("/a%2Fb%20c?x%20=1"), "/a/b c");
  EXPECT_EQ(parse_request_target("/a?x%20=1?#f")->query, "x%20=1?");
  EXPECT_EQ(path("http://h:1/p?q"), "/p");
  EXPECT_EQ(parse_request_target("HTTPS://h?q")->query, "q");
  EXPECT_EQ(path("HTTPS://h?q"), "/");
  EXPECT_EQ(path("*"), "*");
  for (const char* text : {"h:80", "ftp://h/", "", "a", "/%", "/%4", "/%zz", "/a%00b"})
    EXPECT_EQ(path(text), "none") << text;
}

TEST(HttpRequest, finds_and_decodes_query_parameters) {
  HttpRequest request;
  request.query = "code=a%2Bb+c&empty=&bare&%63ode=second&bad=%zz&%zz=x";
  EXPECT_EQ(request.query_parameter("code"), "a+b c");
  EXPECT_EQ(request.query_parameter("empty"), "");
  EXPECT_EQ(request.query_parameter("bare"), "");
  EXPECT_EQ(request.query_parameter("bad"), std::nullopt);
  EXPECT_EQ(request.query_parameter("none"), std::nullopt);
  EXPECT_EQ(request.query_parameter(""), std::nullopt);
}

TEST(Reply, leaves_out_fields_that_would_split_the_answer_or_belong_to_the_server) {
  HttpResponse response = HttpResponse::text(299, "body");
  response.headers.insert(response.headers.end(), {{"X-Good", "1"},
                                                   {"X-Bad", "1\r\nSet-Cookie: a=b"},
                                                   {"X\nBad", "1"},
                                                   {"content-length", "9"},
                                                   {"Connection", "upgrade"},
                                                   {"Transfer-Encoding", "chunked"},
                                                   {"date", "never"}});
  std::string out;
  append_reply(out, response, {.close = true}, "Date: now\r\n");
  EXPECT_EQ(out,
            "HTTP/1.1 299 \r\nDate: now\r\nContent-Type: text/plain; charset=utf-8\r\nX-Good: 1\r\n"
            "Connection: close\r\nContent-Length: 4\r\n\r\nbody");
}

TEST(Reply, makes_the_date_line_of_rfc_9110_and_anew_each_second) {
  DateLine line;
  const base::WallTime time(std::chrono::seconds(784'111'777));
  EXPECT_EQ(line.at(time), "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
  EXPECT_EQ(line.at(time + base::Millis(999)), "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
  EXPECT_EQ(line.at(time + base::Millis(1000)), "Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n");
}

}  // namespace
}  // namespace trunkline::net
