#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/function.hpp"
#include "net/aws_keys.hpp"
#include "net/http_server.hpp"
#include "net/io_loop.hpp"
#include "put_events/entries.hpp"

namespace trunkline::put_events {

struct ServiceOptions {
  Where where{};
  net::AwsKeys keys{};
};

// EventBridge's PutEvents over HTTP, in AWS's JSON protocol 1.1. An entry is an event of the source that its bus stands
// for; its EventId is answered when it is on disk, in the quarantine too. An entry that is not stored is InternalFailure,
// which the SDKs' users send again.
class Service {
 public:
  // The source of a bus; nothing where there is none. Any thread.
  using SourceOf = std::function<std::optional<std::string>(std::string_view bus)>;
  struct Event {
    std::string source;
    std::string envelope;
  };
  // Stores events; one word for each why it was not, empty where it was. On the loop, later.
  using Publish = std::function<void(net::IoLoop& loop, std::vector<Event> events,
                                     base::UniqueFunction<void(std::vector<std::string>)> done)>;

  // The clock and what the functions use must outlive all requests.
  Service(ServiceOptions options, SourceOf source_of, Publish publish, const base::Clock& clock);

  static bool owns(const net::HttpRequest& request);
  // On the connection's loop, which outlives the request.
  void handle(net::IoLoop& loop, const net::HttpRequest& request, net::Responder respond) const;

 private:
  std::optional<net::HttpResponse> refused(const net::HttpRequest& request, const std::string& id) const;

  const ServiceOptions options_;
  const SourceOf source_of_;
  const Publish publish_;
  const base::Clock& clock_;
};

}  // namespace trunkline::put_events
