#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "aws/environment.hpp"
#include "aws/ini.hpp"
#include "base/result.hpp"

namespace trunkline::aws {

// A profile: what both files say of it. `credentials` wins over `config`.
using Profile = std::map<std::string, std::string, std::less<>>;

// ~/.aws/config and ~/.aws/credentials, or where AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE say. A plain value.
class SharedFiles {
 public:
  // A file that is not there is empty. Errors name the file and the line. Reads two small files: not on the event path.
  static base::Result<SharedFiles> load(const Environment& environment);

  // Of AWS_PROFILE (AWS_DEFAULT_PROFILE), else "default".
  const std::string& profile_name() const { return profile_name_; }
  bool profile_was_named() const { return named_; }  // then it must be there
  std::optional<Profile> profile(std::string_view name) const;
  // "[sso-session NAME]" and "[services NAME]" of the config file.
  std::optional<Profile> section(std::string_view kind, std::string_view name) const;
  const std::string& config_path() const { return config_path_; }
  const std::string& credentials_path() const { return credentials_path_; }
  const std::string& home() const { return home_; }  // empty: none is known

 private:
  Ini config_;
  Ini credentials_;
  std::string config_path_;
  std::string credentials_path_;
  std::string home_;
  std::string profile_name_;
  bool named_ = false;
};

// AWS_REGION, AWS_DEFAULT_REGION, the profile's; empty: nobody says.
std::string region_of(const Environment& environment, const SharedFiles& files);

// Where a service is, if that was set: AWS_ENDPOINT_URL_SERVICE, AWS_ENDPOINT_URL, then the profile's `services` section
// and `endpoint_url` (SDK reference guide, "Service-specific endpoints"). `service` as the SDKs spell it there, "sqs".
// Empty: not set, or AWS_IGNORE_CONFIGURED_ENDPOINT_URLS.
std::string endpoint_of(std::string_view service, const Environment& environment, const SharedFiles& files);

// "https://sqs.eu-west-1.amazonaws.com"; China has a domain of its own.
std::string public_endpoint(std::string_view host_prefix, std::string_view region);

}  // namespace trunkline::aws
