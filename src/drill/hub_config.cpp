#include "drill/hub_config.hpp"

#include <fmt/format.h>

namespace trunkline::drill {

Paths::Paths(const std::string& root)
    : config(root + "/hub.yaml"),
      ready(root + "/ready"),
      log(root + "/hub.log"),
      data(root + "/data"),
      files(root + "/out"),
      sent(root + "/sent.tsv"),
      pushed(root + "/crm.tsv"),
      pulled(root + "/wfm.tsv") {}

std::string hub_config(const Paths& paths, std::uint16_t hub_port, std::uint16_t sink_port) {
  return fmt::format(R"(data_dir: "{data}"
listen: 127.0.0.1:{hub}
log: {{level: warn}}
sources:
  genesys: {{kind: eventbridge}}
consumers:
  {pushed}:
    filter: {{eventCategory: [conversation]}}
    order: conversation
    concurrency: 16
    batch: {{messages: 5}}
    attempts: 1000
    retry: {{base: 20ms, cap: 200ms}}
    breaker: {{probe_every: 100ms}}
    sink: {{http: {{url: "http://127.0.0.1:{sink}/hook", batch: array, body: raw, allow_loopback: true}}}}
  {written}:
    filter: {{}}
    batch: {{messages: 50}}
    sink: {{file: {{path: "{files}/siem.jsonl", rotate_bytes: 1TiB, rotate_age: 300d}}}}
  {pulled}:
    filter: {{eventCategory: [wfm, agent]}}
    order: agent
    visibility_timeout: 2s
    max_receive_count: 1000
)",
                     fmt::arg("data", paths.data), fmt::arg("hub", hub_port), fmt::arg("sink", sink_port),
                     fmt::arg("files", paths.files), fmt::arg("pushed", kPushed), fmt::arg("written", kWritten),
                     fmt::arg("pulled", kPulled));
}

std::vector<Expectation> expectations(const Paths& paths, const std::string& file) {
  sim::VerifyRules pushed;
  pushed.order = sim::LaneKind::conversation;
  pushed.categories = {"conversation"};
  pushed.repeats_allowed = true;
  sim::VerifyRules written;
  written.order = sim::LaneKind::none;
  written.repeats_allowed = true;
  sim::VerifyRules pulled;
  pulled.order = sim::LaneKind::agent;
  pulled.categories = {"wfm", "agent"};
  pulled.repeats_allowed = true;
  return {{kPushed, paths.pushed, pushed}, {kWritten, file, written}, {kPulled, paths.pulled, pulled}};
}

}  // namespace trunkline::drill
