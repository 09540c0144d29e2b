#include "sim/load.hpp"

#include <algorithm>

#include "base/hash.hpp"

namespace trunkline::sim {
namespace {

constexpr base::Millis kTick{10};
constexpr std::size_t kLaneEventsMax = 64;  // per connection on average, with sticky

bool is_retried(int status) {
  return status == 401 || status == 408 || status == 429 || status >= 500;
}

}  // namespace

LoadDriver::LoadDriver(net::IoLoop& loop, LoadOptions options, Source source, LedgerWriter* ledger)
    : loop_(loop),
      options_(std::move(options)),
      source_(std::move(source)),
      ledger_(ledger),
      pacer_(options_.rate, options_.speed),
      random_(options_.seed ^ 0x10AD) {
  options_.connections = std::max(1u, options_.connections);
  options_.pipeline = std::max(1u, options_.pipeline);
  options_.batch = std::max(1u, options_.batch);
  for (std::uint32_t i = 0; i < options_.connections; ++i) {
    connections_.push_back(std::make_unique<net::HttpConnection>(loop_, options_.host, options_.port));
  }
  slots_.resize(std::size_t{options_.connections} * options_.pipeline);
  for (std::uint32_t i = static_cast<std::uint32_t>(slots_.size()); i-- > 0;) idle_.push_back(i);
  if (options_.sticky) lanes_.resize(options_.connections);
}

LoadDriver::~LoadDriver() {
  *alive_ = false;
  if (ticker_ != 0) loop_.cancel(ticker_);
}

void LoadDriver::start(base::Task done) {
  done_ = std::move(done);
  tick();
}

void LoadDriver::tick() {
  ticker_ = loop_.after(kTick, [this] { tick(); });
  pump();
}

bool LoadDriver::pull() {
  if (ended_) return false;
  GeneratedEvent event;
  if (!source_(event)) {
    ended_ = true;
    return false;
  }
  next_ = std::move(event);
  return true;
}

// The next event that may go over this connection now.
std::optional<GeneratedEvent> LoadDriver::take(std::uint32_t connection) {
  const auto due = [this] { return (next_ || pull()) && pacer_.ready(*next_, loop_.clock().mono()); };
  if (!options_.sticky) {
    if (!due()) return std::nullopt;
    pacer_.spend();
    return std::exchange(next_, std::nullopt);
  }
  auto& lane = lanes_[connection];
  while (lane.empty() && in_lanes_ < kLaneEventsMax * lanes_.size() && due()) {
    pacer_.spend();
    const std::string& key = next_->conversation_id.empty() ? next_->topic_name : next_->conversation_id;
    lanes_[base::hash64(key) % lanes_.size()].push_back(*std::exchange(next_, std::nullopt));
    ++in_lanes_;
  }
  if (lane.empty()) return std::nullopt;
  GeneratedEvent event = std::move(lane.front());
  lane.pop_front();
  --in_lanes_;
  return event;
}

bool LoadDriver::fill(std::uint32_t index) {
  Slot& slot = slots_[index];
  const std::uint32_t connection = index / options_.pipeline;
  while (slot.events.size() < options_.batch) {
    auto event = take(connection);
    if (!event) break;
    // A broken event would break the array around it: it travels alone, before or behind a batch.
    const bool alone = event->fault == Fault::malformed;
    if (alone && !slot.events.empty()) {
      if (options_.sticky) {
        lanes_[connection].push_front(std::move(*event));
        ++in_lanes_;
      } else {
        next_ = std::move(event);
      }
      break;
    }
    slot.events.push_back(std::move(*event));
    if (alone) break;
  }
  return !slot.events.empty();
}

void LoadDriver::build_request(Slot& slot) {
  std::string body;
  if (options_.batch == 1 || slot.events.front().fault == Fault::malformed) {
    body = slot.events.front().raw;
  } else {
    body = "[";
    for (const GeneratedEvent& event : slot.events) {
      if (body.size() > 1) body += ',';
      body += event.raw;
    }
    body += ']';
  }
  slot.request = net::request_bytes("POST", options_.target, options_.host + ":" + std::to_string(options_.port),
                                    options_.headers, body);
}

void LoadDriver::pump() {
  if (pumping_) return;
  pumping_ = true;
  std::vector<std::uint32_t> starved;  // with sticky a connection may have nothing while another one has
  while (!idle_.empty()) {
    const std::uint32_t index = idle_.back();
    if (!fill(index)) {
      if (!options_.sticky) break;
      idle_.pop_back();
      starved.push_back(index);
      continue;
    }
    idle_.pop_back();
    Slot& slot = slots_[index];
    slot.busy = true;
    slot.attempts = 0;
    slot.first_sent = loop_.clock().mono();
    slot.first_sent_wall_ms = loop_.clock().wall().time_since_epoch().count();
    ++busy_;
    statistics_.sent += slot.events.size();
    if (slot.events.front().fault == Fault::malformed) ++statistics_.malformed;
    build_request(slot);
    send(index);
  }
  idle_.insert(idle_.end(), starved.rbegin(), starved.rend());
  pumping_ = false;
  finish_if_done();
}

void LoadDriver::send(std::uint32_t index) {
  Slot& slot = slots_[index];
  ++slot.attempts;
  slot.sent = loop_.clock().mono();
  const std::uint64_t use = ++slot.use;
  connections_[index / options_.pipeline]->send(
      slot.request, options_.timeout, [this, alive = alive_, index, use](base::Result<net::ClientResponse> response) {
        if (*alive && slots_[index].use == use && slots_[index].busy) answered(index, std::move(response));
      });
}

void LoadDriver::answered(std::uint32_t index, base::Result<net::ClientResponse> response) {
  if (!response.ok() || is_retried(response->status)) return retry(index);
  if (response->status >= 200 && response->status < 300) return accepted(index, *response);
  statistics_.dropped += slots_[index].events.size();
  release(index);
}

void LoadDriver::accepted(std::uint32_t index, const net::ClientResponse& response) {
  Slot& slot = slots_[index];
  statistics_.latency.add(std::chrono::duration_cast<std::chrono::microseconds>(loop_.clock().mono() - slot.sent));
  const auto items = answers_.read(response.body);
  const bool complete = items.ok() && items->size() == slot.events.size() &&
                        std::none_of(items->begin(), items->end(),
                                     [](const ItemAnswer& item) { return item.verdict == Verdict::failed; });
  if (!complete) {
    ++statistics_.bad_answers;
    for (const GeneratedEvent& event : slot.events) write_line(slot, event, "given_up", 0);
    return release(index);
  }
  for (std::size_t i = 0; i < slot.events.size(); ++i) {
    const ItemAnswer& item = (*items)[i];
    ++statistics_.answered;
    ++statistics_.verdicts[static_cast<std::size_t>(item.verdict)];
    write_line(slot, slot.events[i], name(item.verdict), item.sequence);
  }
  release(index);
}

void LoadDriver::write_line(const Slot& slot, const GeneratedEvent& event, std::string_view verdict,
                            std::uint64_t sequence) {
  if (ledger_ == nullptr) return;
  AcceptedLine line;
  line.verdict = verdict;
  line.sequence = sequence;
  line.envelope_id = event.envelope_id;
  line.org = event.org_id;
  line.conversation = event.conversation_id;
  line.user = event.user_id;
  line.queue = event.queue_id;
  line.topic = event.topic_name;
  line.hash = base::hash128(event.raw);
  line.malformed = event.fault == Fault::malformed;
  line.sent_ms = slot.first_sent_wall_ms;
  ledger_->add(line);
}

void LoadDriver::retry(std::uint32_t index) {
  Slot& slot = slots_[index];
  const base::MonoTime now = loop_.clock().mono();
  if (slot.attempts >= options_.attempts_max || now - slot.first_sent >= options_.give_up) {
    abandon(slot);
    return release(index);
  }
  ++statistics_.retries;
  const std::int64_t longest = std::min<std::int64_t>(5'000, 100LL << std::min(slot.attempts - 1, 6u));
  loop_.after(base::Millis(random_.between(10, longest)), [this, alive = alive_, index, use = slot.use] {
    if (*alive && slots_[index].use == use && slots_[index].busy) send(index);
  });
}

void LoadDriver::abandon(Slot& slot) {
  statistics_.given_up += slot.events.size();
  for (const GeneratedEvent& event : slot.events) write_line(slot, event, "given_up", 0);
}

void LoadDriver::release(std::uint32_t index) {
  Slot& slot = slots_[index];
  slot.events.clear();
  slot.busy = false;
  ++slot.use;
  --busy_;
  idle_.push_back(index);
  pump();
}

void LoadDriver::stop(base::Millis grace) {
  ended_ = true;
  next_.reset();
  for (auto& lane : lanes_) lane.clear();
  in_lanes_ = 0;
  loop_.after(grace, [this, alive = alive_] {
    if (!*alive) return;
    for (std::uint32_t index = 0; index < slots_.size(); ++index) {
      if (!slots_[index].busy) continue;
      abandon(slots_[index]);
      release(index);
    }
  });
  finish_if_done();
}

void LoadDriver::finish_if_done() {
  if (!ended_ || next_ || in_lanes_ != 0 || busy_ != 0 || !done_) return;
  loop_.cancel(ticker_);
  ticker_ = 0;
  loop_.post(std::exchange(done_, nullptr));
}

}  // namespace trunkline::sim
