#pragma once

#include <functional>
#include <map>
#include <pugixml.hpp>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "json/document.hpp"

// Answers of AWS, read. Errc::invalid: the text is none.
namespace trunkline::account {

using Attributes = std::map<std::string, std::string>;

// Calls `each` for every element of the list "Rules" and answers the token of the next page; empty: there is none.
base::Result<std::string> each_of(const std::string& body, std::string_view list, std::string_view token,
                                  const std::function<void(json::Value)>& each);
// The members of an object, texts only.
base::Result<Attributes> attributes_of(const std::string& body, std::string_view member);
base::Result<std::int64_t> integer_of(const std::string& body, std::string_view member, std::int64_t otherwise);

// In XML: `<Topics><member>…`, anywhere in the answer; the token is NextToken.
base::Result<std::string> each_member(const std::string& body, const char* list,
                                      const std::function<void(pugi::xml_node)>& each);
// `<Attributes><entry><key>…</key><value>…</value></entry>`.
base::Result<Attributes> entries_of(const std::string& body);
base::Result<std::string> text_of(const std::string& body, const char* element);

// The member of a small JSON text, such as a redrive policy; empty where there is none.
std::string member_of(const std::string& text, std::string_view member);

}  // namespace trunkline::account
