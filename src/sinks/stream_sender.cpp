#include "sinks/stream_sender.hpp"

#include "sinks/syslog_frame.hpp"

namespace trunkline::sinks {

void ShadowStreamSender::write(std::string bytes, net::StreamClient::Callback done) {
  ShadowRequest shown;
  shown.at = loop_.clock().wall();
  shown.method = "WRITE";
  shown.url = target_;
  shown.bytes = bytes.size();
  shown.body = cut_utf8(bytes, ShadowLog::kBodyBytesMax);
  log_->add(std::move(shown));
  loop_.post([done = std::move(done)]() mutable { done({}); });
}

}  // namespace trunkline::sinks
