#include "sinks/row_sender.hpp"

#include "sinks/syslog_frame.hpp"

namespace trunkline::sinks {

void ShadowRowSender::write(std::string rows, postgres::Writer::Callback done) {
  ShadowRequest shown;
  shown.at = loop_.clock().wall();
  shown.method = "COPY";
  shown.url = target_;
  shown.bytes = rows.size();
  shown.body = cut_utf8(rows, ShadowLog::kBodyBytesMax);
  log_->add(std::move(shown));
  loop_.post([done = std::move(done)]() mutable { done(std::nullopt); });
}

void ShadowRowSender::look(base::UniqueFunction<void(postgres::Writer::Look)> done) {
  loop_.post([done = std::move(done)]() mutable { done(postgres::Found{}); });
}

}  // namespace trunkline::sinks
