// Queues that come, change and go: on the thread that may wait for the disk.
#include <fmt/format.h>

#include <algorithm>

#include "json/document.hpp"
#include "sqs/operations.hpp"
#include "sqs/permission.hpp"
#include "sqs/work.hpp"

namespace trunkline::sqs {
namespace {

Texts texts_of(const Parameters& parameters, std::string_view json, std::string_view query, std::string_view key) {
  Texts out;
  for (const Parameters::Member& member : parameters.members("", json, query, key, Parameters::Values::texts))
    out[member.name] = parameters.text(member.path).value_or("");
  return out;
}
Texts attributes_in(const Parameters& parameters) {
  return texts_of(parameters, "Attributes", "Attribute", "Name");
}
Texts tags_in(const Parameters& parameters) {
  Texts tags = texts_of(parameters, "Tags", "Tag", "Key");
  for (auto& [key, value] : texts_of(parameters, "tags", "", "Key")) tags[key] = value;  // as CreateQueue spells it
  return tags;
}

// A list, as either protocol names it.
std::vector<std::string> list_of(const Parameters& parameters, std::string_view json, std::string_view query) {
  std::vector<std::string> values = parameters.list(json);
  return values.empty() ? parameters.list(query) : values;
}

Fault of_configuration(std::string_view how) {
  return {Code::unsupported,
          fmt::format("This queue belongs to the configuration: {} its consumer there and reload.", how)};
}

// Whether the dead-letter queue takes messages of this one.
bool allows_source(const Definition& target, const std::string& source_arn) {
  const auto policy = target.attributes.find("RedriveAllowPolicy");
  if (policy == target.attributes.end()) return true;
  json::Document document;
  const auto root = document.parse(policy->second, 32);
  if (!root.ok()) return false;
  const std::string_view permission = root->string_at("redrivePermission");
  if (permission != "byQueue") return permission == "allowAll";
  const auto sources = root->find("sourceQueueArns");
  if (!sources) return false;
  for (auto each = sources->first(); each; each = each->next()) {
    if (each->string() == source_arn) return true;
  }
  return false;
}

std::optional<Fault> check_target(const Call& call, const Definition& definition) {
  const auto policy = definition.redrive_policy();
  if (!policy) return std::nullopt;
  const auto bad = [&](std::string_view reason) {
    return Fault{Code::invalid_value, fmt::format("Value {} for parameter RedrivePolicy is invalid. Reason: {}",
                                                  definition.text("RedrivePolicy"), reason)};
  };
  const auto target = call.context.registry.find(policy->target);
  if (!target || call.queue_arn(*target) != policy->arn) return bad("Dead letter target does not exist.");
  Queue self;
  self.definition = std::make_shared<const Definition>(definition);
  if (!allows_source(*target->definition, call.queue_arn(self)))
    return bad("The RedriveAllowPolicy of the dead letter target does not allow this queue.");
  return std::nullopt;
}

Outcome create(Call& call, Definition definition, const Texts& wanted) {
  auto queue = find_queue(call.context, definition.name);
  if (!queue) {
    if (auto fault = check_target(call, definition)) return {fault};
    auto made = call.context.registry.create(std::move(definition));
    if (!made.ok() && made.error().code == base::Errc::overloaded)
      return {Fault{Code::over_limit, made.error().detail}};
    if (!made.ok()) return {fault_of(made.error())};
    queue = std::move(*made);
  } else {
    Texts has;
    for (auto& [name, value] : attributes_of(call, *queue)) has.emplace(name, value);
    if (const auto differs = differing_attribute(has, wanted))
      return {Fault{
          Code::queue_exists,
          fmt::format("A queue already exists with the same name and a different value for attribute {}", *differs)}};
  }
  return {{}, [url = call.queue_url(*queue)](Output& output) { output.text("QueueUrl", url); }};
}

// A change of a queue that was made through the API.
void change(CallPtr call, std::function<std::optional<Fault>(const Call&, Definition&)> how) {
  const auto queue = queue_of(*call);
  if (!queue) return;
  if (!queue->definition) return call->fail(of_configuration("change"));
  work(std::move(call), [name = queue->name(), how = std::move(how)](Call& changing) -> Outcome {
    const auto changed =
        changing.context.registry.change(name, [&](Definition& definition) { return how(changing, definition); });
    if (!changed.ok()) return {fault_of(changed.error())};
    return {*changed};
  });
}

}  // namespace

void create_queue(CallPtr call) {
  Reader reader(call->parameters);
  Definition definition;
  definition.name = reader.required("QueueName");
  if (reader.fault()) return call->fail(*reader.fault());
  const Texts attributes = attributes_in(call->parameters);
  const auto fifo = attributes.find("FifoQueue");
  if (const auto fault = check_queue_name(definition.name, fifo != attributes.end() && fifo->second == "true"))
    return call->fail(*fault);
  if (const auto fault = set_attributes(definition, attributes, true)) return call->fail(*fault);
  if (const auto fault = set_tags(definition, tags_in(call->parameters))) return call->fail(*fault);
  work(std::move(call), [definition = std::move(definition), attributes](Call& creating) {
    return create(creating, definition, attributes);
  });
}

void delete_queue(CallPtr call) {
  const auto queue = queue_of(*call);
  if (!queue) return;
  if (!queue->definition) return call->fail(of_configuration("remove"));
  work(std::move(call), [name = queue->name()](Call& deleting) -> Outcome {
    const auto removed = deleting.context.registry.remove(name);
    if (!removed.ok()) return {fault_of(removed.error())};
    return {};
  });
}

void purge_queue(CallPtr call) {
  const auto queue = queue_of(*call);
  if (!queue) return;
  if (!queue->definition) return call->fail(of_configuration("change"));
  work(std::move(call), [name = queue->name()](Call& purging) -> Outcome {
    const auto purged = purging.context.registry.purge(name);
    if (purged.ok()) return {};
    if (purged.error().code != base::Errc::conflict) return {fault_of(purged.error())};
    return {Fault{Code::purge_in_progress,
                  fmt::format("Only one PurgeQueue operation on {} is allowed every 60 seconds.", name)}};
  });
}

void set_queue_attributes(CallPtr call) {
  const Texts attributes = attributes_in(call->parameters);
  if (attributes.empty())
    return call->fail({Code::missing_parameter, "The request must contain the parameter Attribute.Name."});
  change(std::move(call), [attributes](const Call& changing, Definition& definition) {
    auto fault = set_attributes(definition, attributes, false);
    if (!fault && attributes.contains("RedrivePolicy")) fault = check_target(changing, definition);
    return fault;
  });
}

void add_permission(CallPtr call) {
  Permission permission;
  permission.label = call->parameters.text("Label").value_or("");
  permission.actions = list_of(call->parameters, "Actions", "ActionName");
  permission.accounts = list_of(call->parameters, "AWSAccountIds", "AWSAccountId");
  if (const auto fault = check_permission(permission)) return call->fail(*fault);
  change(std::move(call), [permission](const Call& changing, Definition& definition) {
    return add_permission_to(definition, changing.arn_of(definition.name), permission);
  });
}

void remove_permission(CallPtr call) {
  Reader reader(call->parameters);
  const std::string label = reader.required("Label");
  if (reader.fault()) return call->fail(*reader.fault());
  change(std::move(call),
         [label](const Call&, Definition& definition) { return remove_permission_from(definition, label); });
}

void tag_queue(CallPtr call) {
  const Texts tags = tags_in(call->parameters);
  if (tags.empty()) return call->fail({Code::missing_parameter, "The request must contain the parameter Tags."});
  change(std::move(call), [tags](const Call&, Definition& definition) { return set_tags(definition, tags); });
}

void untag_queue(CallPtr call) {
  const std::vector<std::string> keys = list_of(call->parameters, "TagKeys", "TagKey");
  if (keys.empty()) return call->fail({Code::missing_parameter, "The request must contain the parameter TagKeys."});
  change(std::move(call), [keys](const Call&, Definition& definition) {
    for (const std::string& key : keys) definition.tags.erase(key);
    return std::optional<Fault>();
  });
}

void list_queue_tags(CallPtr call) {
  const auto queue = queue_of(*call);
  if (!queue) return;
  Output::Pairs tags;
  if (queue->definition) tags.assign(queue->definition->tags.begin(), queue->definition->tags.end());
  call->answer([&](Output& output) { output.map("Tags", "Tag", tags, "Key"); });
}

}  // namespace trunkline::sqs
