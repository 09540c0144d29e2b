// ReceiveMessage. A receive waits on the queue's loop, its answer is made on the connection's.
#include <fmt/format.h>

#include <algorithm>

#include "engine/receipts.hpp"
#include "mapping/record.hpp"
#include "sqs/dead_letters.hpp"
#include "sqs/handle.hpp"
#include "sqs/operations.hpp"
#include "sqs/sent_message.hpp"

namespace trunkline::sqs {
namespace {

// A queue whose events are not in memory reads them first: an answer before that would say that there are none.
constexpr base::Millis kWaitMin(100);
constexpr std::size_t kAnswerBytesMax = 4 << 20;  // of events; one is given even when it is larger

struct Receiving {
  CallPtr call;
  Queue queue;
  engine::ReceiveLimits limits;
  base::MonoTime deadline{};               // of its wait
  std::string attempt{};                   // ReceiveRequestAttemptId
  std::optional<base::WallTime> before{};  // what it gives is what an attempt of that time has given
  std::vector<std::string> system_names;
  std::vector<std::string> attribute_names;
};
using ReceivingPtr = std::shared_ptr<Receiving>;  // shared by callbacks that must be copyable

std::string read_attempt(Reader& reader, const Queue& queue) {
  constexpr std::string_view kName = "ReceiveRequestAttemptId";
  const auto id = reader.parameters().text(kName);
  if (!id) return {};
  if (!is_group_text(*id))
    reader.complain({Code::invalid_value,
                     fmt::format("Value {} for parameter {} is invalid. Reason: {} can only include alphanumeric and "
                                 "punctuation characters. 1 to 128 in length.",
                                 *id, kName, kName)});
  if (!queue.fifo())
    reader.complain(
        {Code::invalid_value,
         fmt::format("Value {} for parameter {} is invalid. Reason: The request include parameter that is not "
                     "valid for this queue type.",
                     *id, kName)});
  return *id;
}

std::optional<ReceivingPtr> read_receive(CallPtr& call) {
  const auto queue = queue_of(*call);
  if (!queue) return std::nullopt;
  Reader reader(call->parameters);
  const auto count = reader.whole("MaxNumberOfMessages", 1, 10, "Must be between 1 and 10, if provided.");
  const auto wait = reader.whole("WaitTimeSeconds", 0, 20, "Must be >= 0 and <= 20, if provided.");
  const auto visible = read_visibility(reader, "VisibilityTimeout");
  auto receiving = std::make_shared<Receiving>();
  receiving->system_names = call->parameters.list("MessageSystemAttributeNames");
  // The older name of the same.
  for (std::string& name : call->parameters.list("AttributeNames")) receiving->system_names.push_back(std::move(name));
  for (const std::string& name : receiving->system_names) {
    if (!is_system_attribute(name))
      reader.complain({Code::invalid_attribute_name, fmt::format("Unknown Attribute {}.", name)});
  }
  receiving->attempt = read_attempt(reader, *queue);
  receiving->attribute_names = call->parameters.list("MessageAttributeNames");
  if (reader.fault()) {
    call->fail(*reader.fault());
    return std::nullopt;
  }
  receiving->queue = *queue;
  engine::ReceiveLimits& limits = receiving->limits;
  limits.max_messages = static_cast<std::size_t>(count.value_or(1));
  // Each message is deleted by itself: a lease of its own, of several of a message group where the engine has that.
  const bool several = engine::receipts_of(call->context.queues.engine()) != nullptr;
  limits.max_messages_per_group = several ? limits.max_messages : 1;
  limits.lease_each = true;
  limits.max_bytes = kAnswerBytesMax;
  const std::int64_t usual = queue->definition ? queue->definition->number("ReceiveMessageWaitTimeSeconds") : 0;
  limits.wait = std::max<base::Millis>(kWaitMin, std::chrono::seconds(wait.value_or(usual)));
  // 0 hands out messages that are visible again at once; to the engine it would be the queue's own.
  if (visible) limits.visibility_timeout = std::max<base::Millis>(base::Millis(1), std::chrono::seconds(*visible));
  const auto policy = queue->definition ? queue->definition->redrive_policy() : std::nullopt;
  if (policy && call->context.registry.find(policy->target)) {
    limits.hold_beyond = policy->max_receive_count;
    limits.hold = kExhaustedHold;
  }
  receiving->call = std::move(call);
  return receiving;
}

// What the client got, or never will. On the queue's loop.
void settle_later(const Receiving& receiving, const engine::Lease& lease, engine::MessageFate fate) {
  engine::Engine& engine = receiving.call->context.queues.engine();
  engine.loop_of(receiving.queue.id).post([&engine, queue = receiving.queue.id, lease = lease.id, fate] {
    engine.settle(queue, lease, {fate});
  });
}

// What cannot be mapped does not leave: it goes where events go whose attempts have run out.
engine::MessageFate unmappable(const Receiving& receiving, const engine::Lease& lease, const std::string& why) {
  engine::MessageFate fate;
  const bool park = receiving.queue.fifo() && receiving.queue.spec.park_on_max_receive;
  fate.fate = park ? engine::Fate::park : engine::Fate::skip;
  fate.attempts = lease.messages[0].receive_count;
  fate.error_class = mapping::kUnmappable;
  fate.error_detail = why;
  return fate;
}

// Of a message that a client sent, in AWS's order of names.
Output::Pairs system_attributes(const Call& call, const engine::LeasedMessage& message, const Queue& queue,
                                const SentMessage& sent, base::WallTime now) {
  const auto millis = [](base::WallTime time) {
    return std::chrono::duration_cast<base::Millis>(time.time_since_epoch()).count();
  };
  Output::Pairs out;
  out.emplace_back("SenderId", sent.sender);
  out.emplace_back("SentTimestamp",
                   std::to_string(sent.sent_ms != 0 ? sent.sent_ms : millis(message.record->accepted_at)));
  out.emplace_back("ApproximateReceiveCount", std::to_string(message.receive_count));
  if (message.receive_count == 1) out.emplace_back("ApproximateFirstReceiveTimestamp", std::to_string(millis(now)));
  if (queue.fifo()) {
    out.emplace_back("SequenceNumber", sequence_number(message.record->sequence.value));
    out.emplace_back("MessageDeduplicationId", sent.deduplication_id);
  }
  if (!sent.group.empty()) out.emplace_back("MessageGroupId", sent.group);
  if (!sent.trace_header.empty()) out.emplace_back("AWSTraceHeader", sent.trace_header);
  if (!sent.source_queue.empty()) out.emplace_back("DeadLetterQueueSourceArn", call.arn_of(sent.source_queue));
  return out;
}

// What a receive shows of a message.
struct Shown {
  std::string id;
  std::string body;
  std::string body_md5;
  Output::Pairs system;
  std::vector<MessageAttribute> attributes;
};

base::Result<Shown> shown_of(const Receiving& receiving, const engine::LeasedMessage& message, base::WallTime now) {
  const Queue& queue = receiving.queue;
  std::string id = message_id(queue.id, message.record->sequence);
  if (!queue.definition) {
    std::string body = xml_characters_of_json(message.record->event.raw);
    std::string md5 = md5_of_body(body);
    return Shown{std::move(id), std::move(body), std::move(md5), system_attributes(message, queue, now),
                 message_attributes(message)};
  }
  TRUNKLINE_TRY(SentMessage sent, decode_sent(message.record->event.raw));
  if (!sent.message_id.empty()) id = sent.message_id;
  if (sent.body_md5.empty()) sent.body_md5 = md5_of_body(sent.body);
  Output::Pairs system = system_attributes(*receiving.call, message, queue, sent, now);
  return Shown{std::move(id), std::move(sent.body), std::move(sent.body_md5), std::move(system),
               std::move(sent.attributes)};
}

void write_message(Output& output, const Receiving& receiving, const engine::Lease& lease, Shown shown,
                   base::WallTime now) {
  const base::Sequence sequence = lease.messages[0].record->sequence;
  const Handle handle{receiving.queue.id, lease.id, sequence,
                      std::chrono::duration_cast<base::Millis>(now.time_since_epoch()).count()};
  output.begin_item("Message");
  output.text("MessageId", shown.id);
  output.text("ReceiptHandle", encode_handle(handle));
  output.text("MD5OfBody", shown.body_md5);
  output.text("Body", shown.body);
  Output::Pairs& system = shown.system;
  const auto& names = receiving.system_names;
  const bool all = std::ranges::find(names, "All") != names.end();
  std::erase_if(system, [&](const auto& each) { return !all && std::ranges::find(names, each.first) == names.end(); });
  output.map("Attributes", "Attribute", system);
  std::vector<MessageAttribute>& attributes = shown.attributes;
  std::erase_if(attributes,
                [&](const MessageAttribute& each) { return !wants_attribute(receiving.attribute_names, each.name); });
  if (!attributes.empty()) {
    output.text("MD5OfMessageAttributes", md5_of_attributes(attributes));
    output.attributes(attributes);
  }
  output.end_item("Message");
}

// For a receive of the same attempt, which gets the same again.
void remember(const Receiving& receiving, std::vector<engine::Lease> unmapped, const std::vector<engine::Lease>& given,
              base::WallTime now) {
  if (receiving.attempt.empty() || given.empty()) return;
  std::erase_if(unmapped, [&](const engine::Lease& lease) {
    return std::ranges::find(given, lease.id, &engine::Lease::id) == given.end();
  });
  receiving.call->context.attempts.put(receiving.queue.id, receiving.attempt, {std::move(unmapped), now});
}

// As if it had never left.
engine::MessageFate unseen() {
  engine::MessageFate back;
  back.fate = engine::Fate::release;
  back.uncounted = true;
  return back;
}

base::Result<Shown> mapped_and_shown(const Receiving& receiving, engine::LeasedMessage& message,
                                     mapping::Scratch& scratch, base::WallTime now) {
  if (receiving.queue.mapping) {
    TRUNKLINE_TRY(message.record, mapping::mapped(*message.record, *receiving.queue.mapping, scratch));
  }
  return shown_of(receiving, message, now);
}

// What the client gets; the leases of the rest are taken out and end. What cannot be shown ends by itself only where it is
// the first of its group; what stands behind it goes back, and waits for it.
std::vector<Shown> show(const Receiving& receiving, std::vector<engine::Lease>& leases, base::WallTime now) {
  std::vector<Shown> shown;
  std::vector<std::pair<engine::Lease, std::string>> bad;
  std::vector<base::GroupKey> given;
  std::vector<base::GroupKey> cut;
  mapping::Scratch scratch;
  std::erase_if(leases, [&](engine::Lease& lease) {
    if (std::ranges::find(cut, lease.group) != cut.end()) {
      settle_later(receiving, lease, unseen());
      return true;
    }
    auto one = mapped_and_shown(receiving, lease.messages[0], scratch, now);
    if (one.ok()) {
      shown.push_back(std::move(*one));
      if (receiving.queue.fifo()) given.push_back(lease.group);
      return false;
    }
    if (receiving.queue.fifo()) cut.push_back(lease.group);
    if (std::ranges::find(given, lease.group) == given.end()) {
      bad.emplace_back(std::move(lease), one.error().detail);
    } else {
      settle_later(receiving, lease, unseen());
    }
    return true;
  });
  for (const auto& [lease, why] : bad) settle_later(receiving, lease, unmappable(receiving, lease, why));
  return shown;
}

// On the connection's loop.
void give(const ReceivingPtr& receiving, base::Result<std::vector<engine::Lease>> result) {
  Call& call = *receiving->call;
  if (!result.ok() && result.error().code != base::Errc::cancelled) return call.fail(fault_of(result.error()));
  std::vector<engine::Lease> leases;
  if (result.ok()) leases = std::move(*result);
  if (call.client_gone()) {
    for (const engine::Lease& lease : leases) settle_later(*receiving, lease, unseen());
    leases.clear();
  }
  const std::vector<engine::Lease> unmapped = receiving->attempt.empty() ? std::vector<engine::Lease>() : leases;
  const base::WallTime now = receiving->before.value_or(call.context.clock.wall());
  std::vector<Shown> shown = show(*receiving, leases, now);
  remember(*receiving, unmapped, leases, now);
  call.answer([&](Output& output) {
    if (leases.empty()) return;
    output.begin_list("Messages");
    for (std::size_t i = 0; i < leases.size(); ++i)
      write_message(output, *receiving, leases[i], std::move(shown[i]), now);
    output.end_list();
  });
}

using Received = base::Result<std::vector<engine::Lease>>;

void give_later(const ReceivingPtr& receiving, Received received) {
  receiving->call->loop.post(
      [receiving, received = std::move(received)]() mutable { give(receiving, std::move(received)); });
}

void ask(const ReceivingPtr& receiving);

// What was received too often leaves; where nothing else came, what stands behind it may. On the queue's loop.
void take(const ReceivingPtr& receiving, Received received) {
  if (!received.ok()) return give_later(receiving, std::move(received));
  std::erase_if(*received, [](const engine::Lease& lease) { return lease.messages.empty(); });
  const Context& context = receiving->call->context;
  auto exhausted = take_exhausted(context, receiving->queue, *received);
  if (exhausted.empty()) return give_later(receiving, std::move(received));
  const bool alone = received->empty();
  move_exhausted(context, receiving->queue, std::move(exhausted), [receiving, alone](bool moved) {
    if (!alone) return;
    const base::MonoTime now = receiving->call->context.clock.mono();
    if (!moved || now >= receiving->deadline) return give_later(receiving, std::vector<engine::Lease>());
    receiving->limits.wait = std::chrono::ceil<base::Millis>(receiving->deadline - now);
    ask(receiving);
  });
  if (!alone) give_later(receiving, std::move(received));
}

// On the queue's loop.
void ask(const ReceivingPtr& receiving) {
  receiving->call->context.queues.engine().receive(
      receiving->queue.id, receiving->limits, [receiving](Received received) { take(receiving, std::move(received)); });
}

// What the attempt has given is given again, its visibility begins anew; where any of it has come to its end the receive is
// a new one. On the queue's loop.
void give_again(const ReceivingPtr& receiving, const ReceiveAttempts::Given& given) {
  struct Again {
    std::size_t open;
    bool all = true;
  };
  const auto again = std::make_shared<Again>(Again{given.leases.size()});  // shared by the callbacks of the leases
  const base::Millis asked = receiving->limits.visibility_timeout;
  const base::Millis visible = asked.count() > 0 ? asked : receiving->queue.spec.visibility_timeout;
  for (const engine::Lease& lease : given.leases) {
    receiving->call->context.queues.engine().extend(
        receiving->queue.id, lease.id, visible, [receiving, again, given](const base::Result<void>& extended) {
          again->all = again->all && extended.ok();
          if (--again->open > 0) return;
          if (again->all) {
            receiving->before = given.at;
            return give_later(receiving, given.leases);
          }
          receiving->call->context.attempts.forget(receiving->queue.id, receiving->attempt);
          ask(receiving);
        });
  }
}

}  // namespace

void receive_message(CallPtr call) {
  base::Loop& loop = call->loop;
  auto read = read_receive(call);
  if (!read) return;
  const ReceivingPtr receiving = *read;
  // A paused consumer gets nothing, and its clients must not ask the more often for that.
  if (receiving->queue.paused) {
    loop.after(receiving->limits.wait, [receiving] { give(receiving, std::vector<engine::Lease>()); });
    return;
  }
  receiving->deadline = receiving->call->context.clock.mono() + receiving->limits.wait;
  receiving->call->context.queues.engine().loop_of(receiving->queue.id).post([receiving] {
    const Context& context = receiving->call->context;
    const auto given = receiving->attempt.empty()
                           ? std::nullopt
                           : context.attempts.find(receiving->queue.id, receiving->attempt, context.clock.wall());
    if (given) return give_again(receiving, *given);
    ask(receiving);
  });
}

}  // namespace trunkline::sqs
