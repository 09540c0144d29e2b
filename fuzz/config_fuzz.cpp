#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.hpp"
#include "base/text.hpp"
#include "config/load.hpp"

namespace {

namespace base = trunkline::base;
namespace config = trunkline::config;

constexpr std::string_view kCredential = "a-credential-of-the-environment";

config::Resolver resolver() {
  return {[](const std::string& name) -> std::optional<std::string> {
            if (name.starts_with("NO")) return std::nullopt;
            if (name == "LINES") return "a\nb";
            return name == "EMPTY" ? std::string() : std::string(kCredential);
          },
          [](const std::string& path) -> base::Result<std::string> {
            if (path.starts_with("/no")) return {base::Errc::not_found, "no such file"};
            return path.ends_with("blank") ? std::string(" \n") : std::string(kCredential) + "\n";
          }};
}

}  // namespace

// A configuration is never half accepted, findings stand inside the file, and no credential gets into them.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // libFuzzer learns the credential from comparisons.
  if (text.find(kCredential) != std::string_view::npos) return 0;
  const config::Loaded loaded = config::parse(text, resolver());
  bool failed = false;
  for (const config::Diagnostic& diagnostic : loaded.diagnostics) {
    failed = failed || diagnostic.severity == config::Severity::error;
    TRUNKLINE_CHECK(diagnostic.place.line >= 0 && diagnostic.place.column >= 0, "a place outside of the file");
    TRUNKLINE_CHECK(config::format(diagnostic, "f").find(kCredential) == std::string::npos,
                    "a credential in a finding");
  }
  TRUNKLINE_CHECK(failed != loaded.config.has_value(), "a configuration and an error, or neither");
  if (!loaded.config) return 0;
  for (const config::Consumer& consumer : loaded.config->consumers) {
    TRUNKLINE_CHECK(base::is_valid_utf8(consumer.filter.json), "a policy that is not UTF-8");
    TRUNKLINE_CHECK(consumer.on_exhausted.has_value() && consumer.attempts > 0, "a consumer without its defaults");
  }
  return 0;
}
