#pragma once

#include <string_view>

#include "net/http_types.hpp"

namespace trunkline::console {

// The page at `/` and its files under /console/, from the program's own bytes. They hold no data: what the page shows it
// asks of /api/v1, with the key that a person gives it; so they need no key themselves. Any thread.
//
// Answers GET and HEAD. Files are revalidated by ETag (RFC 9110 section 13), so that a newer program shows its own page
// at once, and sent compressed to whoever takes gzip. The policy (CSP level 3) allows the program's own files and
// calls only: no inline script, no other host, no frame around it.
class Page {
 public:
  // `demo`: the page shows what only the demonstration has, and calls its /demo/.
  explicit Page(bool demo) : demo_(demo) {}

  static bool owns(std::string_view path);
  net::HttpResponse answer(const net::HttpRequest& request) const;

 private:
  const bool demo_;
};

}  // namespace trunkline::console
