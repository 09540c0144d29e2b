#include "app/wfm_sinks.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "app/crm_sinks.hpp"
#include "app/files.hpp"
#include "base/crypto.hpp"
#include "base/hash.hpp"
#include "sinks/interval_sink.hpp"

namespace trunkline::app {
namespace {

using base::Result;

// The documented form of POST /Rta/State/Batch, as the public source of Teleopti WFM (now Calabrio's) takes it: a snapshot's
// missing agents are logged out, a state code has 25 characters.
constexpr std::string_view kBatchBody =
    R"({"AuthenticationKey":"{{vars.authentication_key}}","SourceId":"{{vars.source_id}}",)"
    R"("IsSnapshot":{{meta.snapshot | raw}},"States":{{meta.states | raw}}})";
constexpr std::string_view kBatchState = R"({"UserCode":"{{event.agent}}","StateCode":"{{event.code | truncate:25}}"})";

// A sink that is tried gets no event.
class NoAgents final : public sinks::AgentStore {
 public:
  Result<std::map<std::string, std::string>> load() override { return std::map<std::string, std::string>(); }
  void save(std::vector<engine::Engine::StateWrite>) override {}
};

Result<wfm::CodeTable> codes_of(const config::StateCodes& codes) {
  auto table = wfm::CodeTable::load(codes.file, codes.otherwise);
  if (!table.ok()) return table.error().with("codes");
  return table;
}

const config::StateCodes* codes_in(const config::Consumer& consumer) {
  if (const auto* sink = std::get_if<config::AdherenceSink>(&consumer.sink)) return &sink->codes;
  if (const auto* sink = std::get_if<config::AdherenceFilesSink>(&consumer.sink)) return &sink->codes;
  return nullptr;
}

}  // namespace

Result<void> check_codes(const config::Config& config) {
  for (const config::Consumer& consumer : config.consumers) {
    const config::StateCodes* codes = codes_in(consumer);
    if (codes == nullptr) continue;
    const std::string place = fmt::format("consumers.{}.sink", consumer.name);
    const auto table = codes_of(*codes);
    if (!table.ok()) return table.error().with(place);
    if (table->unreachable() > 0)
      return {base::Errc::invalid, fmt::format("{}: codes: {}: line {}: an earlier row fits all that this one does",
                                               place, codes->file, table->unreachable())};
  }
  return {};
}

std::string codes_fingerprint(const config::Consumer& consumer) {
  const config::StateCodes* codes = codes_in(consumer);
  if (codes == nullptr) return {};
  const auto text = read_file(codes->file);
  return text.ok() ? base::hex_encode(base::view(base::hash128(*text))) : std::string();
}

Result<std::unique_ptr<delivery::Sink>> make_sink_of(const config::AdherenceSink& sink, SinkParts parts,
                                                     std::unique_ptr<sinks::AgentStore> store,
                                                     std::function<std::optional<base::WallTime>()> oldest_waiting,
                                                     std::shared_ptr<const event::NameTable> names) {
  TRUNKLINE_TRY(wfm::CodeTable codes, codes_of(sink.codes));
  sinks::AdherenceOptions options;
  sinks::TemplateNames known;
  for (const auto& [name, value] : sink.vars) known.vars.emplace(name, value.reveal());
  if (!sink.user.empty()) known.vars["hub-basic-auth"] = base::base64_encode(sink.user + ":" + sink.password.reveal());
  options.names = std::make_shared<const sinks::TemplateNames>(std::move(known));
  std::vector<std::string> masked = {"Authorization"};
  for (const auto& [name, value] : sink.headers) {
    options.headers.emplace_back(name, value.reveal());
    masked.push_back(name);
  }
  if (!sink.user.empty()) options.headers.emplace_back("Authorization", "Basic {{vars.hub-basic-auth}}");
  options.url = sink.url;
  options.body = sink.body.empty() ? kBatchBody : sink.body;
  options.state = sink.state.empty() ? kBatchState : sink.state;
  options.snapshot_every = sink.snapshot_every;
  options.shadow = parts.shadow != nullptr;
  options.batch_messages_max = parts.consumer.batch.messages;
  options.batch_bytes_max = parts.consumer.batch.bytes;
  options.connect_timeout = std::min(sink.reach.connect_timeout, sink.reach.timeout);
  options.timeout = sink.reach.timeout;
  if (store == nullptr) store = std::make_unique<NoAgents>();
  TRUNKLINE_TRY(auto sender, reach_sender(parts, sink.reach, sink.oauth, std::move(masked)));
  TRUNKLINE_TRY(auto made, sinks::AdherenceSink::make(std::move(options),
                                                      {std::move(codes), std::move(store), std::move(sender),
                                                       std::move(oldest_waiting), std::move(names)},
                                                      parts.loop));
  return std::unique_ptr<delivery::Sink>(std::move(made));
}

Result<std::unique_ptr<delivery::Sink>> make_sink_of(const config::AdherenceFilesSink& sink, SinkParts parts,
                                                     std::function<std::optional<base::WallTime>()> oldest_waiting) {
  TRUNKLINE_TRY(wfm::CodeTable codes, codes_of(sink.codes));
  sinks::IntervalSinkOptions options;
  options.files.directory = sink.directory;
  options.files.name = sink.name;
  options.files.format = sink.format == config::IntervalFormat::csv ? wfm::RowFormat::csv : wfm::RowFormat::jsonl;
  options.files.timeline.interval = sink.interval;
  options.files.keep = sink.keep;
  options.grace = sink.grace;
  options.batch_messages_max = parts.consumer.batch.messages;
  options.batch_bytes_max = parts.consumer.batch.bytes;
  TRUNKLINE_TRY(auto made,
                sinks::IntervalSink::make(std::move(options), std::move(codes), std::move(oldest_waiting), parts.loop));
  return std::unique_ptr<delivery::Sink>(std::move(made));
}

}  // namespace trunkline::app
