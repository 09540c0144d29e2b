#include "cli/client.hpp"

#include <unistd.h>

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <future>
#include <iostream>
#include <iterator>

#include "base/crypto.hpp"
#include "cli/table.hpp"

namespace trunkline::cli {
namespace {

// Longer than the API takes for anything: a resubmit of 1,000 entries is a few commits.
constexpr std::size_t kAnswerBytesMax = 64 << 20;  // one quarantine entry of 8 MiB, escaped six bytes each

std::string from_environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

// The Authorization header; empty: none. What was given counts before the environment. The program fills in the key of
// the environment by itself.
std::string authorization_of(const Connection& connection) {
  const auto bearer = [](const std::string& key) { return "Bearer " + key; };
  const auto basic = [](const std::string& user) { return "Basic " + base::base64_encode(user); };
  if (!connection.user.empty()) return basic(connection.user);
  if (!connection.key.empty()) return bearer(connection.key);
  if (const std::string user = from_environment("TRUNKLINE_API_USER"); !user.empty()) return basic(user);
  const std::string key = from_environment("TRUNKLINE_API_KEY");
  return key.empty() ? std::string() : bearer(key);
}

std::string without_end_slash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

// Any address: which hub to talk to is the caller's own choice.
net::HttpClientOptions client_options() {
  net::HttpClientOptions options;
  options.addresses = {true, true, {"0.0.0.0/0", "::/0"}};
  options.user_agent = "trunkline-cli";
  return options;
}

}  // namespace

Terminal standard_terminal() {
  return {std::cout, std::cerr, std::cin, ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1};
}

bool Answer::parse() {
  auto value = document_.parse(*body_);
  if (value.ok()) root_ = *value;
  return value.ok();
}

Client::Client(const Connection& connection, const Terminal& terminal)
    : url_(without_end_slash(connection.url)),
      authorization_(authorization_of(connection)),
      terminal_(terminal),
      loop_("cli") {
  http_ = std::make_unique<net::HttpClient>(loop_, client_options());
  loop_.start();
}

Client::~Client() {
  loop_.stop();
  loop_.join();
}

net::ClientRequest Client::request(const std::string& method, const std::string& target) const {
  net::ClientRequest request;
  request.method = method;
  request.url = url_ + target;
  request.timeout = timeout_;
  request.response_bytes_max = kAnswerBytesMax;
  if (!authorization_.empty()) request.headers.emplace_back("Authorization", authorization_);
  return request;
}

base::Result<net::ClientResponse> Client::exchange(net::ClientRequest request) {
  std::promise<base::Result<net::ClientResponse>> promise;
  loop_.post([&] {
    http_->send(std::move(request),
                [&promise](base::Result<net::ClientResponse> result) { promise.set_value(std::move(result)); });
  });
  return promise.get_future().get();
}

bool Client::follow(const std::string& target, const std::function<bool(const ServerSentEvent&)>& take) {
  net::ClientRequest sent = request("GET", target);
  sent.headers.emplace_back("Accept", "text/event-stream");
  sent.timeout = base::Millis(0);
  ServerSentEvents reader(kAnswerBytesMax);
  sent.on_body = [&](std::string_view bytes) { return reader.read(bytes, take); };
  const auto response = exchange(std::move(sent));
  if (reader.ended()) return true;
  if (!response.ok()) {
    fail(exit_unreachable, fmt::format("no answer from {}: {}", url_, response.error().detail),
         reader.overflowed() ? "what it sends is no stream of events" : "is the hub running, and --url right?");
  } else if (response->status != 200) {
    refuse(*response);
  } else {
    fail(exit_unreachable, "the hub has ended the stream", "it is stopping, or has started anew");
  }
  return false;
}

std::optional<Answer> Client::ask(const std::string& method, const std::string& target, const std::string& body,
                                  int also) {
  net::ClientRequest sent = request(method, target);
  sent.body = body;
  if (!body.empty()) sent.headers.emplace_back("Content-Type", "application/json");
  auto response = exchange(std::move(sent));
  if (!response.ok()) {
    if (response.error().code == base::Errc::invalid)
      return fail(exit_usage, response.error().detail, fmt::format("is --url {} right?", url_));
    return fail(exit_unreachable, fmt::format("no answer from {}: {}", url_, response.error().detail),
                "is the hub running? trunkline serve -c FILE; is it elsewhere? --url URL");
  }
  status_ = response->status;
  if (response->status != also && (response->status < 200 || response->status > 299)) return refuse(*response);
  Answer answer(std::move(response->body));
  if (answer.parse()) return answer;
  return fail(exit_unreachable, fmt::format("what answers at {} is not a hub's API", url_), "is --url right?");
}

std::optional<Answer> Client::refuse(const net::ClientResponse& response) {
  Answer answer(response.body);
  const auto error = answer.parse() ? answer.root().find("error") : std::nullopt;
  if (!error || error->string_at("message").empty())
    return fail(exit_unreachable,
                fmt::format("what answers at {} is not a hub's API (status {})", url_, response.status),
                "is --url right?");
  const std::string message = printable(error->string_at("message"));
  if (response.status == 401)
    return fail(
        exit_refused, "the hub refuses: " + message,
        "give one of the configured api.keys with --key or in TRUNKLINE_API_KEY, or a user of api.users with --user "
        "or in TRUNKLINE_API_USER");
  return fail(exit_failed, message, printable(error->string_at("hint")));
}

std::optional<Answer> Client::fail(int code, const std::string& message, const std::string& hint) {
  exit_code_ = code;
  complain(terminal_, message, hint);
  return std::nullopt;
}

void complain(const Terminal& terminal, const std::string& message, const std::string& hint) {
  terminal.err << "trunkline: " << message << "\n";
  if (!hint.empty()) terminal.err << "  " << hint << "\n";
}

bool confirm(const Terminal& terminal, const std::string& question) {
  if (!terminal.interactive) {
    complain(terminal, question + " Nobody is there to be asked.", "give --yes to do it without asking");
    return false;
  }
  terminal.err << question << " [y/N] " << std::flush;
  std::string answer;
  std::getline(terminal.in, answer);
  if (answer == "y" || answer == "Y" || answer == "yes") return true;
  complain(terminal, "nothing was changed");
  return false;
}

std::optional<std::string> read_input(const std::string& file, const Terminal& terminal) {
  std::ifstream opened;
  if (file != "-") opened.open(file, std::ios::binary);
  std::istream& in = file == "-" ? terminal.in : opened;
  if (!in) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(in), {});
}

}  // namespace trunkline::cli
