#include <benchmark/benchmark.h>

#include "base/hash.hpp"
#include "sim/contact_centre.hpp"
#include "sim/faults.hpp"
#include "sim/ledger.hpp"
#include "sim/verify.hpp"

namespace trunkline::sim {
namespace {

void contact_centre_makes_events(benchmark::State& state) {
  ContactCentreOptions options;
  options.arrivals_until = 0;
  options.start += 9 * 3'600'000;
  ContactCentre centre(options);
  GeneratedEvent event;
  std::size_t bytes = 0;
  for (auto _ : state) {
    centre.next(event);
    bytes += event.raw.size();
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}
BENCHMARK(contact_centre_makes_events);

void faults_pass_events_on(benchmark::State& state) {
  ContactCentreOptions options;
  options.arrivals_until = 0;
  ContactCentre centre(options);
  FaultMixer mixer([&centre](GeneratedEvent& event) { return centre.next(event); },
                   {.duplicates = 0.02, .republished = 0.01, .reordered = 0.01, .malformed = 0.001}, 1);
  GeneratedEvent event;
  for (auto _ : state) mixer.next(event);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(faults_pass_events_on);

AcceptedLine line_of(std::uint64_t sequence, const std::string& conversation) {
  return {.verdict = "accepted",
          .sequence = sequence,
          .envelope_id = "ac354f3a-4315-d53d-ad0c-6f1b434b24ce",
          .org = "6f1d2c3b-4a59-4e68-9d7c-8b0a1f2e3d4c",
          .conversation = conversation,
          .topic = "v2.detail.events.conversation.388fa6ad-33a8-439b-a5b7-9085a352469d.customer.start",
          .hash = base::hash128({reinterpret_cast<const char*>(&sequence), sizeof sequence}),
          .sent_ms = 1'772'460'000'000};
}

void ledger_takes_lines(benchmark::State& state) {
  auto writer = LedgerWriter::open("/dev/null", kAcceptedHeader);
  std::uint64_t sequence = 0;
  for (auto _ : state) writer->add(line_of(++sequence, "388fa6ad-33a8-439b-a5b7-9085a352469d"));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(ledger_takes_lines);

// Memory is what one event costs: 48 bytes here and a lane for every tenth.
void verifier_compares(benchmark::State& state) {
  const auto count = static_cast<std::uint64_t>(state.range(0));
  for (auto _ : state) {
    Verifier verifier({});
    for (std::uint64_t i = 1; i <= count; ++i) verifier.add_accepted(line_of(i, std::to_string(i / 10)));
    verifier.finish_accepted();
    for (std::uint64_t i = 1; i <= count; ++i) {
      DeliveredLine line;
      line.sequence = i;
      line.hash = line_of(i, "").hash;
      verifier.add_delivered(line);
    }
    if (!verifier.finish().holds) state.SkipWithError("the comparison fails");
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(count));
}
BENCHMARK(verifier_compares)->Arg(100'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace trunkline::sim
