// Redrives and replays of a hub.
#include "app/from_config.hpp"
#include "app/hub.hpp"
#include "base/run_and_wait.hpp"
#include "engine/sent.hpp"
#include "filter/policy_index.hpp"
#include "operation/log_history.hpp"

namespace trunkline::app {

using base::Errc;
using base::Result;
using operation::LogHistory;

namespace {

constexpr base::Millis kStopWithin = std::chrono::seconds(5);
constexpr std::string_view kNoReplay =
    "the engine on AWS keeps no log to replay: dead letters are redriven (`trunkline dlq redrive NAME --at-once`), and "
    "a new consumer begins with the next event";

// What the consumer's filter of now matches.
Result<LogHistory::Wanted> filter_of(const ConsumerSet& consumers, const operation::Request& request) {
  struct Filter {
    filter::PolicyIndex index;
    filter::PolicyIndex::Scratch scratch{};
  };
  const auto consumer = consumers.find(request.consumer);
  if (!consumer) return {Errc::not_found, "its consumer has been removed"};
  TRUNKLINE_TRY(filter::Policy now, policy_of(consumer->config()));
  auto filter = std::make_shared<Filter>(
      Filter{filter::PolicyIndex(std::vector<filter::PolicyIndex::Subscription>{{0, std::move(now)}})});
  return LogHistory::Wanted([filter = std::move(filter)](const engine::Record& record) {
    if (engine::is_sent(record)) return false;
    const source::EventMessage message(record.event);
    return !filter->index.match(message.message(), filter->scratch).empty();
  });
}

}  // namespace

Result<void> Hub::start_operations() {
  LogHistory::Log log;
  log.first_accepted = [this](base::WallTime from) -> Result<base::Sequence> {
    if (embedded_ != nullptr) return embedded_->first_accepted(from);
    return {Errc::unsupported, std::string(kNoReplay)};
  };
  log.read = [this](base::Sequence first, const LogHistory::Wanted& take) { return read_log(first, take); };
  log.filter = [this](const operation::Request& request) { return filter_of(consumers_, request); };
  history_ = std::make_unique<LogHistory>(std::move(log), *reader_);
  operations_ = std::make_unique<operation::Operations>(*engine_, *history_, *loops_[0]);
  TRUNKLINE_TRY_VOID(operations_->load());
  operations_->run();
  return {};
}

void Hub::stop_operations() {
  if (!operations_) return;
  base::run_and_wait(*loops_[0], kStopWithin, [this](base::Task done) {
    operations_->stop();
    done();
  });
}

}  // namespace trunkline::app
