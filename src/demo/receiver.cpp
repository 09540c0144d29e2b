#include "demo/receiver.hpp"

#include <algorithm>

namespace trunkline::demo {

using base::Errc;
using base::Result;

namespace {

// What a downstream in the same building takes, and what it takes when it is slow: longer than anybody likes, shorter
// than the hub's patience, so that nothing is sent twice.
constexpr base::Millis kLatency{10};
constexpr base::Millis kLatencyP99{60};
constexpr base::Millis kSlow{2'000};
// The hub's figures are about a second old (engine::QueueStatistics), and the ledger reads an answer a moment after it
// was given.
constexpr base::Millis kClaimSlack = std::chrono::seconds(3);
constexpr std::size_t kSamplesMax = 16;

}  // namespace

bool Outcome::holds() const {
  for (std::size_t i = 0; i < sim::kOffences; ++i) {
    const auto offence = static_cast<sim::Offence>(i);
    const bool allowed = offence == sim::Offence::foreign || (offence == sim::Offence::repeated && repeats_allowed);
    if (!allowed && report.count(offence) > 0) return false;
  }
  return true;
}

Receiver::Receiver(net::IoLoop& loop, ReceiverSpec spec, std::string file, sim::LedgerWriter ledger)
    : loop_(loop),
      spec_(std::move(spec)),
      file_(std::move(file)),
      live_(spec_.rules),
      ledger_(std::make_unique<sim::LedgerWriter>(std::move(ledger))) {
  if (spec_.kind == Kind::board) return;
  ledger_->set_observer([this](std::string_view line) {
    if (const auto parsed = sim::parse_delivered(line); parsed.ok()) live_.add_delivered(*parsed);
  });
}

Result<std::unique_ptr<Receiver>> Receiver::make(net::IoLoop& loop, ReceiverSpec spec, const std::string& directory) {
  std::string file = directory + "/" + spec.name + ".tsv";
  TRUNKLINE_TRY(sim::LedgerWriter ledger, sim::LedgerWriter::open(file, sim::kDeliveredHeader));
  std::unique_ptr<Receiver> receiver(new Receiver(loop, std::move(spec), std::move(file), std::move(ledger)));
  if (receiver->spec_.kind == Kind::pulled || receiver->spec_.kind == Kind::board) return receiver;
  sim::SinkRules rules;
  rules.latency = kLatency;
  rules.latency_p99 = kLatencyP99;
  receiver->sink_ = std::make_unique<sim::SinkServer>(loop, std::move(rules), 1, receiver->ledger_.get());
  TRUNKLINE_TRY(receiver->port_, receiver->sink_->listen("127.0.0.1:0"));
  // A listener of its own for control lets it refuse connections for as long as it is told to.
  TRUNKLINE_TRY_VOID(receiver->sink_->listen_control("127.0.0.1:0"));
  receiver->mode_ = kModes[0];
  return receiver;
}

void Receiver::start(std::uint16_t hub_port) {
  if (spec_.kind != Kind::pulled) return;
  drill::PullerOptions options;
  options.port = hub_port;
  options.consumer = spec_.name;
  options.connections = 2;
  puller_ = std::make_unique<drill::Puller>(loop_, std::move(options), *ledger_);
  puller_->start();
}

void Receiver::stop(base::Task done) {
  puller_.reset();
  if (sink_) return sink_->stop(std::move(done));
  loop_.post(std::move(done));
}

Result<void> Receiver::flush() {
  return ledger_->flush(false);
}

void Receiver::add_accepted(const sim::AcceptedLine& line, base::MonoTime now) {
  if (spec_.kind != Kind::board) return live_.add_accepted(line, now);
  if (live_.promises(line)) ++promised_;
}

std::uint64_t Receiver::missing() const {
  if (spec_.kind != Kind::board) return live_.missing();
  return promised_ > claim_.delivered ? promised_ - claim_.delivered : 0;
}

void Receiver::hub_says(const Claim& claim, base::MonoTime asked_at) {
  claim_ = claim;
  if (spec_.kind != Kind::board) return live_.settled_before(asked_at - claim.oldest - kClaimSlack);
  // What is shown belongs together: the hub's figure is as old as the claim before this one.
  board_.routed = samples_.empty() ? 0 : samples_.back().routed;
  board_.delivered = std::min(claim.delivered, board_.routed);
  samples_.push_back({asked_at, promised_});
  if (samples_.size() > kSamplesMax) samples_.pop_front();
  const auto old = std::ranges::find_if(samples_.rbegin(), samples_.rend(),
                                        [&](const Sample& each) { return each.at <= asked_at - kClaimSlack; });
  board_.lost = 0;
  if (claim.empty && old != samples_.rend() && old->routed > claim.delivered)
    board_.lost = old->routed - claim.delivered;
}

Result<void> Receiver::set_mode(std::string_view mode) {
  if (!sink_) return {Errc::invalid, spec_.name + " receives by itself and cannot be broken from here"};
  if (std::ranges::find(kModes, mode) == std::end(kModes)) {
    return {Errc::invalid, "mode is ok, 503, hang, refuse or slow"};
  }
  const bool slow = mode == "slow";
  sink_->set_latency(slow ? kSlow : kLatency, slow ? base::Millis(0) : kLatencyP99);
  TRUNKLINE_TRY_VOID(sink_->set_mode(slow ? "ok" : mode, base::Millis(0)));
  mode_ = mode;
  was_broken_ = was_broken_ || mode != kModes[0];
  return {};
}

Result<Outcome> Receiver::verify(const std::string& accepted_file) const {
  if (spec_.kind == Kind::board) {
    Outcome outcome{spec_.name, {}, false};
    outcome.report.routed = promised_;
    outcome.report.delivered = std::min(claim_.delivered, promised_);
    outcome.report.offences[static_cast<std::size_t>(sim::Offence::lost)] = missing();
    outcome.report.holds = missing() == 0;
    return outcome;
  }
  sim::VerifyRules rules;
  rules.order = spec_.rules.order;
  rules.categories = spec_.rules.categories;
  TRUNKLINE_TRY(sim::VerifyReport report, sim::verify_files(rules, accepted_file, file_));
  return Outcome{spec_.name, std::move(report), was_broken_};
}

}  // namespace trunkline::demo
