#include "net/authorization.hpp"

#include <algorithm>

#include "base/crypto.hpp"

namespace trunkline::net {

std::optional<std::string_view> authorization(const HttpRequest& request, std::string_view scheme) {
  const auto is_authorization = [](const auto& field) { return equal_ignoring_case(field.first, "authorization"); };
  if (std::ranges::count_if(request.headers, is_authorization) != 1) return std::nullopt;
  std::string_view value = *request.header("authorization");
  if (value.size() <= scheme.size() || value[scheme.size()] != ' ' ||
      !equal_ignoring_case(value.substr(0, scheme.size()), scheme)) {
    return std::nullopt;
  }
  value.remove_prefix(scheme.size());
  const std::size_t begin = value.find_first_not_of(' ');
  if (begin == value.npos) return std::nullopt;
  return value.substr(begin);
}

std::optional<std::pair<std::string, std::string>> basic_credentials(std::string_view credentials) {
  const auto text = base::base64_decode(credentials);
  const std::size_t colon = text ? text->find(':') : std::string::npos;
  if (colon == std::string::npos) return std::nullopt;
  return std::pair(text->substr(0, colon), text->substr(colon + 1));
}

}  // namespace trunkline::net
