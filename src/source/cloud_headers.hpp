#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "event/decoder.hpp"
#include "net/http_types.hpp"

namespace trunkline::source {

// The attributes of a CloudEvent in binary mode (HTTP protocol binding for CloudEvents 1.0.2, section 3.1): one header
// each, "ce-" before its name, the value percent-encoded. A plain value.
struct CloudHeaders {
  std::vector<std::pair<std::string, std::string>> attributes;  // decoded, in order of the request
  // The first required one that cannot be read, or stands there twice. Others that cannot be read are left out: widely
  // used libraries send them unencoded, and they decide nothing.
  std::string fault;

  std::string_view find(std::string_view name) const;
  event::CloudAttributes for_decoder() const;
  // The same event in structured mode, its data in base64: what the quarantine keeps, since headers are not kept there.
  std::string structured(std::string_view data, std::string_view content_type) const;
};

// Nothing when the request is not in binary mode: it has no ce-specversion, or its content type says that the whole
// event is in the body.
std::optional<CloudHeaders> cloud_headers(const net::HttpRequest& request);

// A batch without an event, which the specification allows: `[]` as application/cloudevents-batch+json.
bool is_empty_batch(const net::HttpRequest& request);

}  // namespace trunkline::source
