#include <optional>

#include <fmt/format.h>

#include "base/crypto.hpp"
#include "json/writer.hpp"
#include "sim/cli.hpp"
#include "sim/run.hpp"
#include "sim/verify.hpp"

namespace trunkline::sim {
namespace {

std::optional<LaneKind> parse_order(std::string_view text) {
  constexpr std::string_view kOrders[] = {"none", "conversation", "agent", "queue", "topic"};
  for (std::size_t i = 0; i < std::size(kOrders); ++i) {
    if (kOrders[i] == text) return static_cast<LaneKind>(i);
  }
  return std::nullopt;
}

void print_json(const VerifyReport& report) {
  std::string text;
  json::Writer writer(text);
  writer.begin_object().member("holds", report.holds).member("accepted_lines", report.accepted_lines);
  writer.member("stored", report.stored).member("routed", report.routed).member("delivered", report.delivered);
  writer.member("delivered_lines", report.delivered_lines).member("lanes", report.lanes);
  writer.member("duplicates", report.duplicates).member("quarantined", report.quarantined);
  writer.member("given_up", report.given_up).member("unconfirmed", report.unconfirmed);
  writer.key("offences").begin_object();
  for (std::size_t i = 0; i < kOffences; ++i) writer.member(name(static_cast<Offence>(i)), report.offences[i]);
  writer.end_object().key("offenders").begin_array();
  for (const Offender& offender : report.offenders) {
    writer.begin_object().member("offence", name(offender.offence)).member("sequence", offender.sequence);
    writer.member("hash", base::hex_encode(base::view(offender.hash)))
        .member("event", offender.envelope_id)
        .end_object();
  }
  writer.end_array().end_object();
  fmt::print("{}\n", text);
}

void print_text(const VerifyReport& report) {
  fmt::print("{} events stored, {} routed here, {} delivered in {} lanes; {} duplicates suppressed, {} quarantined\n",
             report.stored, report.routed, report.delivered, report.lanes, report.duplicates, report.quarantined);
  if (report.given_up != 0) {
    fmt::print("{} never answered, of which {} were delivered\n", report.given_up, report.unconfirmed);
  }
  for (std::size_t i = 0; i < kOffences; ++i) {
    const auto offence = static_cast<Offence>(i);
    if (report.count(offence) == 0) continue;
    fmt::print("{}: {}\n", name(offence), report.count(offence));
    for (const Offender& offender : report.offenders) {
      if (offender.offence != offence) continue;
      fmt::print("  sequence {} hash {} {}\n", offender.sequence, base::hex_encode(base::view(offender.hash)),
                 offender.envelope_id);
    }
  }
  fmt::print("{}\n", report.holds ? "complete, in order, nothing changed" : "NOT as promised");
}

}  // namespace

int run_verify(const VerifyOptions& options) {
  const auto order = parse_order(options.order);
  if (!order) {
    complain("--order is conversation, agent, queue, topic or none");
    return 2;
  }
  VerifyRules rules;
  rules.order = *order;
  rules.topics = options.topics;
  rules.categories = options.categories;
  rules.consumers = options.consumers;
  rules.repeats_allowed = options.repeats_allowed;
  rules.skips_allowed = options.skips_allowed;
  rules.overlap_allowed = options.overlap_allowed;
  rules.offenders_max = options.offenders_max;
  const auto report = verify_files(rules, options.accepted, options.delivered);
  if (!report.ok()) {
    complain(report.error().detail);
    return 2;
  }
  options.json ? print_json(*report) : print_text(*report);
  return report->holds ? 0 : 1;
}

}  // namespace trunkline::sim
