#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/loop.hpp"
#include "delivery/sink.hpp"
#include "engine/engine.hpp"
#include "event/enrich.hpp"
#include "net/http_types.hpp"
#include "sinks/http_sender.hpp"
#include "sinks/template_text.hpp"
#include "wfm/agents_now.hpp"
#include "wfm/code_table.hpp"
#include "wfm/state_fact.hpp"

namespace trunkline::sinks {

// Where the states of agents are kept. On the sink's loop.
class AgentStore {
 public:
  virtual ~AgentStore() = default;
  virtual base::Result<std::map<std::string, std::string>> load() = 0;
  // In the commit of the settles that come after this call.
  virtual void save(std::vector<engine::Engine::StateWrite> writes) = 0;
};

class EngineAgentStore final : public AgentStore {
 public:
  // The engine outlives it.
  EngineAgentStore(engine::Engine& engine, base::QueueId queue, const std::string& consumer)
      : engine_(engine), queue_(queue), owner_(state_owner(consumer)) {}
  base::Result<std::map<std::string, std::string>> load() override { return engine_.list_state(owner_); }
  void save(std::vector<engine::Engine::StateWrite> writes) override {
    engine_.write_state(queue_, owner_, std::move(writes));
  }
  // It outlives the sink: who removes the consumer removes it.
  static std::string state_owner(const std::string& consumer) { return "adherence/" + consumer; }

 private:
  engine::Engine& engine_;
  const base::QueueId queue_;
  const std::string owner_;
};

struct AdherenceOptions {
  std::shared_ptr<const TemplateNames> names;
  net::Headers headers;  // values are templates; at most 32
  std::string url;       // a template, without {{event…}}
  std::string body;      // of a request; {{meta.states | raw}} is the list of its states
  std::string state;     // of one state; `event` is the agent
  base::Millis snapshot_every = std::chrono::minutes(15);  // 0: none, not at the start either
  std::size_t batch_messages_max = 500;
  std::size_t batch_bytes_max = 4 << 20;
  bool shadow = false;  // nothing is sent: no code counts as told
  base::Millis connect_timeout = std::chrono::seconds(5);
  base::Millis timeout = std::chrono::seconds(30);
};

// Real-time adherence: tells a workforce management system the state code of each agent, in one POST for a batch of events,
// and now and then of all agents at once. Only a code that is another than the one told last is told; of several changes of
// an agent in one batch the newest. One request at a time, so that no older state overtakes a newer one.
//
// A snapshot has every agent that was heard of in 30 days. It is sent once all that waits was delivered (or 5 minutes after
// it was due), never while delivery rests, and not while no agent is known: a receiver takes who is missing for logged out.
// So a consumer that begins with nothing sends the first one after `snapshot_every`, others at the start.
// One that fails is tried again after a minute; no event depends on it.
//
// Templates (template_text.hpp): `event` of `state` has agent, code, presence, routing, reason, since and, where it is known,
// name; what is not known is null. meta of `url`, `headers` and `body` has states, count, snapshot (true or false), id (the
// same over the retries of a batch), time (now) and attempt. Verdicts are those of http_verdict.hpp.
class AdherenceSink final : public delivery::Sink {
 public:
  // As of IntervalSink.
  using OldestWaiting = std::function<std::optional<base::WallTime>()>;
  struct Parts {
    wfm::CodeTable codes;
    std::unique_ptr<AgentStore> store;
    std::unique_ptr<HttpSender> sender;
    OldestWaiting oldest_waiting;                    // may be empty
    std::shared_ptr<const event::NameTable> agents;  // shared with the whole program, immutable; may be null
  };

  // Errc::invalid names the template, with line and column in it. The loop must outlive all requests.
  static base::Result<std::unique_ptr<AdherenceSink>> make(AdherenceOptions options, Parts parts, base::Loop& loop);
  ~AdherenceSink() override;

  delivery::SinkLimits limits() const override { return {options_.batch_messages_max, options_.batch_bytes_max}; }
  void send(delivery::Batch batch, base::UniqueFunction<void(delivery::BatchVerdict)> done) override;
  // The first call begins: the agents are restored a moment later, when what a predecessor has written is on disk. Batches
  // wait for that.
  void rest(bool resting) override;
  // OPTIONS to the url, without headers.
  void probe(base::UniqueFunction<void(base::Result<std::string>)> done) override;

 private:
  struct Compiled {
    std::vector<std::pair<std::string, Template>> headers;
    Template url;
    Template body;
    Template state;
  };
  struct Waiting {
    delivery::Batch batch;
    base::UniqueFunction<void(delivery::BatchVerdict)> done;
  };
  using Told = std::vector<std::pair<std::string, std::string>>;  // agent, code
  struct Life {
    AdherenceSink* self = nullptr;
  };

  AdherenceSink(AdherenceOptions options, Compiled compiled, Parts parts, base::Loop& loop);
  static base::Result<Compiled> compile(const AdherenceOptions& options);
  void begin(Waiting next);
  void answered(Waiting sent, const Told& told, const std::vector<std::string>& secrets,
                const base::Result<net::ClientResponse>& answer);
  void go_on();
  void save();
  void restore();
  void fail_waiting(const base::Error& error);
  void arm();
  void look();
  void send_snapshot();
  void snapshot_answered(const Told& told, const base::Result<net::ClientResponse>& answer);
  const std::string& code_of(const wfm::AgentsNow::Agent& agent) const;
  base::Result<std::string> state_of(const std::string& id, const wfm::AgentsNow::Agent& agent) const;
  base::Result<net::ClientRequest> request_of(const std::string& states, std::size_t count, bool snapshot,
                                              std::string id, std::uint32_t attempt) const;
  std::vector<std::string> secrets_of(const net::ClientRequest& request) const;

  const AdherenceOptions options_;
  const Compiled compiled_;
  const Parts parts_;
  base::Loop& loop_;
  const std::shared_ptr<Life> life_;  // shared with the answers to come, which may outlive the sink
  wfm::AgentsNow agents_;
  wfm::FactReader reader_;
  std::deque<Waiting> waiting_;  // at most the consumer's concurrency
  bool restored_ = false;
  bool busy_ = false;
  bool resting_ = true;
  base::Loop::TimerId timer_ = 0;
  base::MonoTime snapshot_at_{};  // when the next one is due
  bool snapshot_failed_ = false;
};

}  // namespace trunkline::sinks
