#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace trunkline::aws {

// A section of one of the AWS SDKs' shared files.
struct IniSection {
  std::string kind;  // "profile", "sso-session", "services"; empty where only a name stands there
  std::string name;
  // In order of the file, names in small letters; a later one of the same name counts. An indented line below a name
  // without a value is "name.nested" (`s3 =`, then `  addressing_style = path`).
  std::vector<std::pair<std::string, std::string>> values;

  std::optional<std::string_view> find(std::string_view key) const;
};

struct Ini {
  std::vector<IniSection> sections;  // one for each kind and name

  const IniSection* find(std::string_view kind, std::string_view name) const;
};

// Reads ~/.aws/config and ~/.aws/credentials as the SDKs do (SDK reference guide, "Shared config and credentials
// files"): sections that stand there twice are one, "#" and ";" begin a comment at a line's start or behind a blank, a
// value may go on in indented lines. Errors name the line and nothing that stands in it, since that may be a secret.
// Errc::too_large above 1 MiB: hundreds of accounts take a tenth of that.
base::Result<Ini> parse_ini(std::string_view text);

}  // namespace trunkline::aws
