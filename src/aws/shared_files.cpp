#include "aws/shared_files.hpp"

#include <fmt/format.h>

#include "aws/file.hpp"
#include "net/http_types.hpp"

namespace trunkline::aws {
namespace {

base::Result<Ini> load_ini(const std::string& path) {
  if (path.empty()) return Ini{};
  const auto text = read_small_file(path);
  if (!text.ok()) {
    if (text.error().code == base::Errc::not_found) return Ini{};
    return text.error();
  }
  auto ini = parse_ini(*text);
  if (!ini.ok()) return ini.error().with(path);
  return ini;
}

void merge(const IniSection* section, Profile& into) {
  if (section == nullptr) return;
  for (const auto& [key, value] : section->values) into[key] = value;
}

bool is_true(const std::optional<std::string>& text) {
  return text && net::equal_ignoring_case(*text, "true");
}

std::string value_of(const std::optional<Profile>& profile, std::string_view key) {
  if (!profile) return {};
  const auto found = profile->find(key);
  return found == profile->end() ? std::string() : found->second;
}

}  // namespace

base::Result<SharedFiles> SharedFiles::load(const Environment& environment) {
  SharedFiles files;
  files.home_ = environment("HOME").value_or("");
  const auto path_of = [&](const char* variable, std::string_view name) {
    if (const auto given = environment(variable)) {
      // The SDKs expand "~" here themselves.
      return given->starts_with("~/") ? files.home_ + given->substr(1) : *given;
    }
    return files.home_.empty() ? std::string() : fmt::format("{}/.aws/{}", files.home_, name);
  };
  files.config_path_ = path_of("AWS_CONFIG_FILE", "config");
  files.credentials_path_ = path_of("AWS_SHARED_CREDENTIALS_FILE", "credentials");
  auto name = environment("AWS_PROFILE");
  if (!name) name = environment("AWS_DEFAULT_PROFILE");
  files.named_ = name.has_value();
  files.profile_name_ = name.value_or("default");
  TRUNKLINE_TRY(files.config_, load_ini(files.config_path_));
  TRUNKLINE_TRY(files.credentials_, load_ini(files.credentials_path_));
  return files;
}

std::optional<Profile> SharedFiles::profile(std::string_view name) const {
  const IniSection* config = config_.find("profile", name);
  if (config == nullptr && name == "default") config = config_.find("", name);
  const IniSection* credentials = credentials_.find("", name);
  if (config == nullptr && credentials == nullptr) return std::nullopt;
  Profile profile;
  merge(config, profile);
  merge(credentials, profile);
  return profile;
}

std::optional<Profile> SharedFiles::section(std::string_view kind, std::string_view name) const {
  const IniSection* found = config_.find(kind, name);
  if (found == nullptr) return std::nullopt;
  Profile values;
  merge(found, values);
  return values;
}

std::string region_of(const Environment& environment, const SharedFiles& files) {
  for (const char* variable : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    if (const auto region = environment(variable)) return *region;
  }
  return value_of(files.profile(files.profile_name()), "region");
}

std::string endpoint_of(std::string_view service, const Environment& environment, const SharedFiles& files) {
  const auto profile = files.profile(files.profile_name());
  const std::string ignored = value_of(profile, "ignore_configured_endpoint_urls");
  const auto by_environment = environment("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
  if (is_true(by_environment) || (!by_environment && is_true(ignored))) return {};
  std::string variable = "AWS_ENDPOINT_URL_";
  for (const char c : service) {
    if (c >= 'a' && c <= 'z') {
      variable += static_cast<char>(c - 'a' + 'A');
    } else {
      variable += c == ' ' || c == '-' ? '_' : c;
    }
  }
  for (const std::string& name : {variable, std::string("AWS_ENDPOINT_URL")}) {
    if (const auto url = environment(name)) return *url;
  }
  if (const std::string services = value_of(profile, "services"); !services.empty()) {
    const std::string url = value_of(files.section("services", services), fmt::format("{}.endpoint_url", service));
    if (!url.empty()) return url;
  }
  return value_of(profile, "endpoint_url");
}

std::string public_endpoint(std::string_view host_prefix, std::string_view region) {
  return fmt::format("https://{}.{}.amazonaws.com{}", host_prefix, region, region.starts_with("cn-") ? ".cn" : "");
}

}  // namespace trunkline::aws
