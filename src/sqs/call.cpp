#include "sqs/call.hpp"

#include <fmt/format.h>

namespace trunkline::sqs {
namespace {

net::HttpResponse response(const Call& call, int status, std::string body) {
  net::HttpResponse response;
  response.status = status;
  response.headers = {{"Content-Type", call.protocol == Protocol::json ? "application/x-amz-json-1.0" : "text/xml"},
                      {"x-amzn-RequestId", call.request_id}};
  response.body = std::move(body);
  return response;
}

struct QueuePlace {
  std::string_view account;
  std::string_view name;
};

// "http://host:9324/000000000000/wfm" or "/000000000000/wfm".
std::optional<QueuePlace> place_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme != std::string_view::npos) {
    const std::size_t path = url.find('/', scheme + 3);
    url = path == std::string_view::npos ? std::string_view() : url.substr(path);
  }
  if (!url.starts_with('/')) return std::nullopt;
  url.remove_prefix(1);
  while (url.ends_with('/')) url.remove_suffix(1);
  const std::size_t slash = url.find('/');
  if (slash == std::string_view::npos || url.find('/', slash + 1) != std::string_view::npos) return std::nullopt;
  return QueuePlace{url.substr(0, slash), url.substr(slash + 1)};
}

}  // namespace

void Call::answer(const Write& write, std::string_view xml_namespace) {
  const auto output = make_output(protocol, operation, xml_namespace, request_id);
  write(*output);
  respond(response(*this, 200, output->finish()));
}

void Call::fail(const Fault& fault) {
  const CodeRow& row = row_of(fault.code);
  net::HttpResponse failed = response(*this, row.status, error_body(protocol, fault, request_id));
  // Clients of the JSON protocol that grew up with the other one know errors by these codes.
  if (protocol == Protocol::json)
    failed.headers.emplace_back("x-amzn-query-error",
                                fmt::format("{};{}", row.query_code, row.sender ? "Sender" : "Receiver"));
  respond(std::move(failed));
}

bool Call::client_gone() const {
  const auto peer = connection.lock();
  return !peer || peer->gone();
}

std::string Call::queue_url(const Queue& queue) const {
  return fmt::format("{}/{}/{}", origin, context.account, queue.name());
}

std::string Call::arn_of(std::string_view queue) const {
  return fmt::format("arn:aws:sqs:{}:{}:{}", context.region, context.account, queue);
}

std::optional<Queue> queue_of(Call& call) {
  const auto given = call.parameters.text("QueueUrl");
  const bool by_path = !given || given->empty();
  const std::string& url = by_path ? call.path : *given;
  const auto place = place_of(url);
  if (!place) {
    if (by_path) {
      call.fail({Code::missing_parameter, "The request must contain the parameter QueueUrl."});
    } else {
      call.fail({Code::invalid_address, fmt::format("The address {} is not valid for this endpoint.", url)});
    }
    return std::nullopt;
  }
  auto queue = place->account == call.context.account ? find_queue(call.context, place->name) : std::nullopt;
  if (!queue) call.fail({Code::no_such_queue, "The specified queue does not exist."});
  return queue;
}

std::optional<Queue> find_queue(const Context& context, std::string_view name) {
  if (auto made = context.registry.find(name)) return made;
  constexpr std::string_view kSuffix = ".fifo";
  const bool fifo = name.ends_with(kSuffix);
  if (fifo) name.remove_suffix(kSuffix.size());
  auto queue = context.queues.find(name);
  if (!queue || queue->fifo() != fifo) return std::nullopt;
  return queue;
}

std::vector<Queue> all_queues(const Context& context) {
  std::vector<Queue> queues = context.queues.all();
  for (Queue& queue : context.registry.all()) queues.push_back(std::move(queue));
  return queues;
}

}  // namespace trunkline::sqs
