#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "delivery/sink.hpp"
#include "event/event.hpp"
#include "sinks/render.hpp"
#include "sinks/stream_sender.hpp"
#include "sinks/syslog_frame.hpp"

namespace trunkline::sinks {

struct SyslogOptions {
  enum class Format : std::uint8_t {
    rfc5424,  // the rendered event as the text, ids as structured data
    cef,      // a CEF line as the text: of what a mapping has made for one (mapping::cef_line), else cef_of()
  };
  std::string target;  // "tls://siem.example:6514", for people
  std::string host;    // HOSTNAME
  std::string app_name = "trunkline";
  std::string data_id = "genesys@32473";  // SD-ID; 32473 is the enterprise number of examples (RFC 5612)
  SyslogPriority priority{};
  std::vector<std::pair<std::string, SyslogPriority>> by_category{};  // instead of `priority`
  Format format = Format::rfc5424;
  Body body = Body::enriched;
  event::Order order = event::Order::none;  // of the consumer's queue: what a lane is
  std::string version{};                    // of this program, for CEF
  // What a receiver takes of one message: syslog-ng 64 KiB and rsyslog 8 KiB as installed; more, they cut without a word.
  std::size_t message_bytes_max = 64 << 10;
  bool truncate = false;  // cut the text of a longer one here instead of rejecting it
  std::size_t batch_messages_max = 1'000;
  std::size_t batch_bytes_max = 1 << 20;  // of events before rendering
};

// Errc::invalid names the option.
base::Result<void> validate(const SyslogOptions& options);

// Sends events as RFC 5424 messages in octet-counted frames over a stream. Syslog has no answer: a batch is delivered when
// the stream says so (net::StreamClient), and comes again as a whole when it says that it broke; receivers tell repeats
// by `sequence` in the structured data.
//
//  written, acknowledged by the peer's TCP, still open after it    delivered
//  longer than message_bytes_max (without `truncate`)              rejected: this event; those behind it in its lane are not
//                                                                  sent in this batch
//  no connection, broken, not acknowledged in time                 unavailable, for all of the batch
//  too much waits for acknowledgement                              retry, 1 s
class SyslogSink final : public delivery::Sink {
 public:
  // `renderer` makes enriched bodies. The clock must outlive the sink.
  static base::Result<std::unique_ptr<SyslogSink>> make(SyslogOptions options, Renderer renderer,
                                                        std::unique_ptr<StreamSender> sender, const base::Clock& clock);

  delivery::SinkLimits limits() const override;
  void send(delivery::Batch batch, base::UniqueFunction<void(delivery::BatchVerdict)> done) override;
  // Connects, with TLS where it is on, and sends nothing.
  void probe(base::UniqueFunction<void(base::Result<std::string>)> done) override;

 private:
  SyslogSink(SyslogOptions options, Renderer renderer, std::unique_ptr<StreamSender> sender, const base::Clock& clock);
  // The message, cut where that is allowed; without it, longer than the bound.
  std::string message_of(const engine::LeasedMessage& message, const delivery::Batch& batch) const;

  const SyslogOptions options_;
  const Renderer renderer_;
  const std::unique_ptr<StreamSender> sender_;
  const base::Clock& clock_;
};

}  // namespace trunkline::sinks
