#include "sinks/message_sender.hpp"

#include "sinks/syslog_frame.hpp"

namespace trunkline::sinks {

void ShadowMessageSender::produce(std::vector<kafka::Message> messages, kafka::Producer::Callback done) {
  for (kafka::Message& message : messages) {
    ShadowRequest shown;
    shown.at = loop_.clock().wall();
    shown.method = "PRODUCE";
    shown.url = target_;
    shown.bytes = message.value.size();
    shown.body = cut_utf8(message.value, ShadowLog::kBodyBytesMax);
    shown.headers.emplace_back("key", message.key);
    for (auto& header : message.headers) shown.headers.push_back(std::move(header));
    log_->add(std::move(shown));
  }
  loop_.post([done = std::move(done), outcome = kafka::Producer::Outcome(messages.size())]() mutable {
    done(std::move(outcome));
  });
}

void ShadowMessageSender::look(base::UniqueFunction<void(kafka::Producer::Look)> done) {
  loop_.post([done = std::move(done)]() mutable { done(kafka::Found{}); });
}

}  // namespace trunkline::sinks
