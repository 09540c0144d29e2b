#include "app/names_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <memory>

#include "app/files.hpp"
#include "app/genesys_names.hpp"
#include "app/oauth.hpp"
#include "event/enrich.hpp"
#include "json/writer.hpp"
#include "net/io_loop.hpp"

namespace trunkline::app {
namespace {

using base::Result;

struct NamesOptions {
  std::string region;
  std::string client_id;
  std::string client_secret;
  std::string out = "names.json";
  std::string api;    // instead of https://api.REGION
  std::string login;  // instead of https://login.REGION
  std::string ca_file;
  bool json = false;
};

std::string trimmed(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

Result<GenesysNames::Found> fetch(const NamesOptions& options) {
  config::Oauth oauth;
  oauth.token_url =
      (options.login.empty() ? "https://login." + options.region : trimmed(options.login)) + "/oauth/token";
  oauth.client_id = options.client_id;
  oauth.client_secret = config::Secret(options.client_secret);
  net::HttpClientOptions client;
  client.addresses = {.allow_loopback = true, .allow_private = true};  // who runs the command names the address
  client.ca_file = options.ca_file;
  net::IoLoop loop("names");
  std::unique_ptr<sinks::HttpSender> sender;
  std::promise<Result<GenesysNames::Found>> ended;
  loop.start();
  loop.post([&] {
    auto made = with_oauth(std::make_unique<sinks::ClientSender>(loop, client), oauth, client, loop, false);
    if (!made.ok()) return ended.set_value(made.error());
    sender = std::move(*made);
    const bool shown = ::isatty(STDERR_FILENO) == 1;
    const auto progress = [shown](const GenesysNames::Found& found) {
      if (shown) fmt::print(stderr, "\r{} users, {} queues", found.users, found.queues);
    };
    GenesysNames::fetch(loop, *sender, options.api.empty() ? "https://api." + options.region : trimmed(options.api),
                        progress, [&](Result<GenesysNames::Found> found) { ended.set_value(std::move(found)); });
  });
  auto found = ended.get_future().get();
  std::promise<void> gone;
  loop.post([&] {
    sender.reset();
    gone.set_value();
  });
  gone.get_future().wait();
  loop.stop();
  loop.join();
  if (::isatty(STDERR_FILENO) == 1) fmt::print(stderr, "\n");
  return found;
}

// The old file stays until the new one is complete and can be read as a names file.
Result<void> write_names(const std::string& path, GenesysNames::Found& found) {
  std::sort(found.names.begin(), found.names.end());
  found.names.erase(std::unique(found.names.begin(), found.names.end(),
                                [](const auto& a, const auto& b) { return a.first == b.first; }),
                    found.names.end());
  std::string text = "{";
  for (const auto& [id, name] : found.names) {
    text += text.size() > 1 ? ",\n" : "\n";
    json::append_string(text, id);
    text += ": ";
    json::append_string(text, name);
  }
  text += "\n}\n";
  if (const auto read = event::NameTable::parse(text); !read.ok()) return read.error();
  const std::string fresh = path + ".new";
  TRUNKLINE_TRY_VOID(write_file(fresh, text, true));
  std::error_code error;
  std::filesystem::rename(fresh, path, error);
  if (error) return {base::Errc::unavailable, fmt::format("{}: {}", path, error.message())};
  return {};
}

int run_names(const NamesOptions& options) {
  auto found = fetch(options);
  if (!found.ok()) {
    fmt::print(stderr, "no names: {}\n", found.error().detail);
    return 1;
  }
  if (const auto written = write_names(options.out, *found); !written.ok()) {
    fmt::print(stderr, "no names: {}\n", written.error().detail);
    return 1;
  }
  if (options.json) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object().member("file", options.out).member("users", found->users).member("queues", found->queues);
    writer.end_object();
    fmt::print("{}\n", out);
    return 0;
  }
  fmt::print(
      "{} users and {} queues are in {}\nNext: names: {{file: {}}} in the configuration; a hub reads it when it "
      "starts and at `trunkline reload`\n",
      found->users, found->queues, options.out, options.out);
  return 0;
}

}  // namespace

void add_names(CLI::App& app, int& code) {
  auto options = std::make_shared<NamesOptions>();
  CLI::App* command = app.add_subcommand("names", "Fetch the names of users and queues from Genesys into a file");
  auto* region =
      command->add_option("--region", options->region, "The organisation's domain, mypurecloud.de for example")
          ->envname("GENESYSCLOUD_REGION");
  command->add_option("--client-id", options->client_id, "Of an OAuth client with the grant Client Credentials")
      ->envname("GENESYSCLOUD_OAUTHCLIENT_ID")
      ->required();
  // Not on the command line, where every user of the machine can read it.
  command->add_option("--client-secret-file", "File with the client's secret")
      ->each([options](const std::string& path) {
        auto secret = read_file(path);
        if (!secret.ok()) throw CLI::ValidationError("--client-secret-file", secret.error().detail);
        while (!secret->empty() && (secret->back() == '\n' || secret->back() == '\r')) secret->pop_back();
        options->client_secret = std::move(*secret);
      });
  command->add_option("-o,--out", options->out, "File to write")->capture_default_str();
  command->add_option("--api-url", options->api, "Instead of https://api.REGION");
  command->add_option("--login-url", options->login, "Instead of https://login.REGION");
  command->add_option("--ca", options->ca_file, "Authorities of the server's certificate instead of the system's, PEM");
  command->add_flag("--json", options->json, "Result as JSON");
  command->footer(
      R"(The client needs the permissions directory:user:view and routing:queue:view. Its secret is $GENESYSCLOUD_OAUTHCLIENT_SECRET, or in a file.
A file that is there stays as it is until all names have come.

Examples:
  GENESYSCLOUD_OAUTHCLIENT_ID=… GENESYSCLOUD_OAUTHCLIENT_SECRET=… trunkline names --region mypurecloud.de
  trunkline names --region euw2.pure.cloud --client-id 7de3… --client-secret-file /run/secrets/genesys -o /etc/trunkline/names.json)");
  command->callback([options, region, &code] {
    if (options->region.empty() && (options->api.empty() || options->login.empty()))
      throw CLI::RequiredError(region->get_name());
    if (const char* secret = std::getenv("GENESYSCLOUD_OAUTHCLIENT_SECRET");
        secret != nullptr && options->client_secret.empty())
      options->client_secret = secret;
    if (options->client_secret.empty())
      throw CLI::ValidationError("--client-secret-file",
                                 "no secret: give a file, or set GENESYSCLOUD_OAUTHCLIENT_SECRET");
    code = run_names(*options);
  });
}

}  // namespace trunkline::app
