#pragma once

#include <string_view>

#include "net/http_types.hpp"

namespace trunkline::net {

// What a web page may make the browser of somebody on this machine or network send. A browser lets any page send a
// request anywhere and keeps only the answer from it, so whoever needs no secret of its own (an open port, a password that
// the browser keeps) has to look.

// Whether a page of another site has made the browser send this. Fetch Metadata says so where the browser knows it (it
// leaves it out on plain HTTP to other machines), else an Origin that is not the Host. A link that a person follows is no
// such request, since only the person sees its answer. Clients that are no browser send neither field.
bool is_of_foreign_page(const HttpRequest& request);

// The same, or a browser's request to a Host that is a name other than localhost: that of a page whose name was made to
// lead to this machine (DNS rebinding), which is then no foreign page to the browser.
bool may_be_of_foreign_page(const HttpRequest& request);

// An IP address or localhost, with a port or without.
bool names_this_machine(std::string_view host);

}  // namespace trunkline::net
