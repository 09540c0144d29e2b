#include "console/page.hpp"

#include <algorithm>
#include <string>

#include "console/assets.hpp"

namespace trunkline::console {
namespace {

constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

const Asset* find(std::string_view path, bool demo) {
  const Asset* found = nullptr;
  for (const Asset& asset : assets()) {
    if (asset.path == path && (found == nullptr || asset.demo == demo)) found = &asset;
  }
  return found;
}

// Calls `each` with every element of a list field, without white space around it, until it returns true.
template <class Each>
bool any_element(std::string_view list, Each each) {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    std::string_view element = list.substr(0, end);
    list.remove_prefix(std::min(end + 1, list.size()));
    while (!element.empty() && (element.front() == ' ' || element.front() == '\t')) element.remove_prefix(1);
    while (!element.empty() && (element.back() == ' ' || element.back() == '\t')) element.remove_suffix(1);
    if (each(element)) return true;
  }
  return false;
}

// RFC 9110 section 12.5.3: named, and not with a weight of zero.
bool takes_gzip(const net::HttpRequest& request) {
  const auto field = request.header("accept-encoding");
  return field && any_element(*field, [](std::string_view element) {
           const std::size_t end = std::min(element.find_first_of("; \t"), element.size());
           if (!net::equal_ignoring_case(element.substr(0, end), "gzip")) return false;
           const std::size_t weight = element.find("q=");
           return weight == element.npos || element.find_first_of("123456789", weight) != element.npos;
         });
}

// RFC 9110 section 13.1.2, by weak comparison.
bool is_known(const net::HttpRequest& request, std::string_view etag) {
  const auto field = request.header("if-none-match");
  return field && any_element(*field, [etag](std::string_view element) {
           if (element.starts_with("W/")) element.remove_prefix(2);
           return element == etag || element == "*";
         });
}

}  // namespace

bool Page::owns(std::string_view path) {
  return path == "/" || path == "/board" || path.starts_with("/console/");
}

net::HttpResponse Page::answer(const net::HttpRequest& request) const {
  const Asset* asset = find(request.path, demo_);
  if (asset == nullptr) return net::HttpResponse::text(404, "the page has no such file\n");
  if (request.method != "GET" && request.method != "HEAD") {
    net::HttpResponse response = net::HttpResponse::text(405, "a page is read with GET\n");
    response.headers.emplace_back("Allow", "GET, HEAD");
    return response;
  }
  const bool gzip = takes_gzip(request);
  const std::string etag = "\"" + std::string(asset->tag) + (gzip ? "-gzip\"" : "\"");
  net::HttpResponse response;
  response.headers = {{"ETag", etag}, {"Cache-Control", "no-cache"}, {"Vary", "Accept-Encoding"}};
  if (is_known(request, etag)) {
    response.status = 304;
    return response;
  }
  response.headers.emplace_back("Content-Type", asset->content_type);
  response.headers.emplace_back("Content-Security-Policy", kPolicy);
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  response.headers.emplace_back("Referrer-Policy", "no-referrer");
  response.headers.emplace_back("Cross-Origin-Opener-Policy", "same-origin");
  if (gzip) response.headers.emplace_back("Content-Encoding", "gzip");
  const auto bytes = gzip ? asset->gzip : asset->plain;
  response.body.assign(bytes.begin(), bytes.end());
  return response;
}

}  // namespace trunkline::console
