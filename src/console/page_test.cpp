#include "console/page.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include "console/assets.hpp"

namespace trunkline::console {
namespace {

net::HttpRequest get(std::string path, net::Headers headers = {}) {
  net::HttpRequest request;
  request.method = "GET";
  request.path = std::move(path);
  request.headers = std::move(headers);
  return request;
}

std::string field(const net::HttpResponse& response, std::string_view name) {
  return std::string(net::find_header(response.headers, name).value_or("(none)"));
}

std::string inflated(const std::string& packed) {
  std::string out(8 << 20, '\0');
  z_stream stream{};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  inflateInit2(&stream, 15 + 16);
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

TEST(Page, owns_the_root_and_its_files_and_nothing_of_the_api) {
  EXPECT_TRUE(Page::owns("/"));
  EXPECT_TRUE(Page::owns("/board"));
  EXPECT_TRUE(Page::owns("/console/app.js"));
  EXPECT_FALSE(Page::owns("/api/v1/status"));
  EXPECT_FALSE(Page::owns("/ingest/console"));
}

TEST(Page, gives_every_file_plain_and_compressed_with_equal_content) {
  for (const Asset& asset : assets()) {
    const Page page(asset.demo);
    const net::HttpResponse plain = page.answer(get(std::string(asset.path)));
    const net::HttpResponse packed = page.answer(get(std::string(asset.path), {{"Accept-Encoding", "br, GZIP;q=0.5"}}));
    EXPECT_EQ(plain.status, 200);
    EXPECT_EQ(field(plain, "Content-Encoding"), "(none)");
    EXPECT_EQ(field(packed, "Content-Encoding"), "gzip");
    EXPECT_EQ(field(packed, "Content-Type"), asset.content_type);
    EXPECT_EQ(field(packed, "Vary"), "Accept-Encoding");
    EXPECT_FALSE(plain.body.empty());
    EXPECT_EQ(inflated(packed.body), plain.body) << asset.path;
    EXPECT_NE(field(plain, "ETag"), field(packed, "ETag"));
  }
}

TEST(Page, does_not_compress_for_who_refuses_gzip) {
  const net::HttpResponse response = Page(false).answer(get("/", {{"Accept-Encoding", "gzip;q=0, identity"}}));
  EXPECT_EQ(field(response, "Content-Encoding"), "(none)");
}

TEST(Page, answers_304_to_who_has_the_file_already) {
  const Page page(false);
  const std::string etag = field(page.answer(get("/")), "ETag");
  for (const std::string& known : {etag, "W/" + etag, "\"other\" , " + etag, std::string("*")}) {
    const net::HttpResponse again = page.answer(get("/", {{"If-None-Match", known}}));
    EXPECT_EQ(again.status, 304) << known;
    EXPECT_TRUE(again.body.empty());
    EXPECT_EQ(field(again, "ETag"), etag);
  }
  EXPECT_EQ(page.answer(get("/", {{"If-None-Match", "\"other\""}})).status, 200);
}

TEST(Page, is_another_page_for_the_demonstration) {
  const net::HttpResponse hub = Page(false).answer(get("/"));
  const net::HttpResponse demo = Page(true).answer(get("/"));
  EXPECT_EQ(hub.body.find("data-demo"), std::string::npos);
  EXPECT_NE(demo.body.find("data-demo"), std::string::npos);
  EXPECT_NE(field(hub, "ETag"), field(demo, "ETag"));
}

TEST(Page, allows_no_inline_script_no_other_host_and_no_frame_and_holds_to_it) {
  const net::HttpResponse response = Page(true).answer(get("/"));
  const std::string policy = field(response, "Content-Security-Policy");
  EXPECT_NE(policy.find("default-src 'none'"), std::string::npos);
  EXPECT_NE(policy.find("frame-ancestors 'none'"), std::string::npos);
  EXPECT_EQ(policy.find("unsafe"), std::string::npos);
  EXPECT_EQ(field(response, "X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(response.body.find("style=\""), std::string::npos);
  EXPECT_EQ(response.body.find("<script>"), std::string::npos);
  EXPECT_EQ(response.body.find("//"), response.body.npos) << "no address of another host";
}

TEST(Page, refuses_other_methods_and_knows_no_other_file) {
  net::HttpRequest request = get("/");
  request.method = "POST";
  const net::HttpResponse refused = Page(false).answer(request);
  EXPECT_EQ(refused.status, 405);
  EXPECT_EQ(field(refused, "Allow"), "GET, HEAD");
  EXPECT_EQ(Page(false).answer(get("/console/../page.cpp")).status, 404);
  EXPECT_EQ(Page(false).answer(get("/console/")).status, 404);
}

}  // namespace
}  // namespace trunkline::console
