#include "sqs/definition.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "engine/sent.hpp"
#include "json/document.hpp"
#include "json/writer.hpp"

namespace trunkline::sqs {
namespace {

enum class Kind : std::uint8_t { number, flag, word, document, redrive, encryption };
struct Rule {
  std::string_view name;
  Kind kind = Kind::number;
  std::string_view fallback{};  // what a queue has that was told nothing; empty: nothing is said
  std::int64_t least = 0;
  std::int64_t most = 0;
  bool fifo = false;
  std::string_view words{};  // what it may be, with blanks between
};
// Bounds and defaults: the API reference of SQS.
constexpr std::array kRules = {
    Rule{"ContentBasedDeduplication", Kind::flag, "false", 0, 0, true},
    Rule{"DeduplicationScope", Kind::word, "queue", 0, 0, true, "queue messageGroup"},
    Rule{"DelaySeconds", Kind::number, "0", 0, kDelaySecondsMax},
    Rule{"FifoQueue", Kind::flag, "true", 0, 0, true},
    Rule{"FifoThroughputLimit", Kind::word, "perQueue", 0, 0, true, "perQueue perMessageGroupId"},
    Rule{"KmsDataKeyReusePeriodSeconds", Kind::number, "", 60, 86'400},
    Rule{"KmsMasterKeyId", Kind::encryption},
    Rule{"MaximumMessageSize", Kind::number, "1048576", 1'024, kMessageBytesMax},
    Rule{"MessageRetentionPeriod", Kind::number, "345600", 60, 1'209'600},
    Rule{"Policy", Kind::document},
    Rule{"ReceiveMessageWaitTimeSeconds", Kind::number, "0", 0, 20},
    Rule{"RedriveAllowPolicy", Kind::document},
    Rule{"RedrivePolicy", Kind::redrive},
    Rule{"SqsManagedSseEnabled", Kind::encryption, "false"},
    Rule{"VisibilityTimeout", Kind::number, "30", 0, 43'200},
};
constexpr std::size_t kDocumentBytesMax = 20'480;  // of a policy, as on AWS
constexpr std::size_t kTagKeyMax = 128;
constexpr std::size_t kTagValueMax = 256;

const Rule* rule_of(std::string_view name) {
  const auto found = std::ranges::find(kRules, name, &Rule::name);
  return found == kRules.end() ? nullptr : &*found;
}

std::optional<std::int64_t> whole(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Fault invalid(std::string_view attribute) {
  return {Code::invalid_attribute_value, fmt::format("Invalid value for the parameter {}.", attribute)};
}
Fault bad_redrive(const std::string& value, std::string_view reason) {
  return {Code::invalid_value,
          fmt::format("Value {} for parameter RedrivePolicy is invalid. Reason: {}", value, reason)};
}

std::optional<std::int64_t> count_in(const json::Value& value) {
  if (const auto number = value.integer()) return number;
  return whole(value.string());
}

std::optional<RedrivePolicy> parse_redrive(const std::string& text) {
  json::Document document;
  const auto root = document.parse(text, 4);
  if (!root.ok()) return std::nullopt;
  const auto count = root->find("maxReceiveCount");
  const auto most = count ? count_in(*count) : std::nullopt;
  const std::string_view arn = root->string_at("deadLetterTargetArn");
  const std::string_view target = queue_in_arn(arn);
  if (!most || *most < 1 || *most > 1'000 || target.empty()) return std::nullopt;
  return RedrivePolicy{std::string(arn), std::string(target), static_cast<std::uint32_t>(*most)};
}

std::optional<Fault> check_redrive(const Definition& definition, const std::string& value) {
  json::Document document;
  const auto root = document.parse(value, 4);
  if (!root.ok() || !root->is(json::Type::object))
    return bad_redrive(value, "Amazon SQS can't create the redrive policy, as it's in an unsupported format.");
  const auto count = root->find("maxReceiveCount");
  if (!count) return bad_redrive(value, "Redrive policy does not contain mandatory attribute: maxReceiveCount.");
  if (!root->find("deadLetterTargetArn"))
    return bad_redrive(value, "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.");
  const auto most = count_in(*count);
  if (!most || *most < 1 || *most > 1'000)
    return bad_redrive(value, fmt::format("Invalid value for maxReceiveCount: {}, valid values are from 1 to 1000 both "
                                          "inclusive.",
                                          count->string().empty() ? count->raw() : count->string()));
  const std::string_view target = queue_in_arn(root->string_at("deadLetterTargetArn"));
  if (target.empty()) return bad_redrive(value, "Invalid value for deadLetterTargetArn.");
  if (target.ends_with(".fifo") != definition.fifo())
    return bad_redrive(value, "Dead-letter queue must be same type of queue as the source.");
  if (target == definition.name) return bad_redrive(value, "A queue is not the dead-letter queue of itself.");
  return std::nullopt;
}

std::optional<Fault> check_document(const std::string& name, const std::string& value) {
  json::Document document;
  const auto root = document.parse(value, 32);
  if (value.size() > kDocumentBytesMax || !root.ok() || !root->is(json::Type::object)) return invalid(name);
  if (name != "RedriveAllowPolicy") return std::nullopt;
  const std::string_view permission = root->string_at("redrivePermission");
  const auto sources = root->find("sourceQueueArns");
  const bool by_queue = permission == "byQueue";
  if (!by_queue && permission != "allowAll" && permission != "denyAll") return invalid(name);
  if (by_queue != sources.has_value()) return invalid(name);
  if (sources && (!sources->is(json::Type::array) || sources->size() < 1 || sources->size() > 10)) return invalid(name);
  return std::nullopt;
}

bool is_word_of(std::string_view words, std::string_view value) {
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    if (words.substr(0, end) == value) return true;
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return false;
}

std::optional<Fault> check_value(const Definition& definition, const Rule& rule, const std::string& value) {
  const std::string name(rule.name);
  switch (rule.kind) {
    case Kind::number: {
      const auto number = whole(value);
      if (!number || *number < rule.least || *number > rule.most) return invalid(name);
      return std::nullopt;
    }
    case Kind::flag:
      return value == "true" || value == "false" ? std::nullopt : std::optional(invalid(name));
    case Kind::word:
      return is_word_of(rule.words, value) ? std::nullopt : std::optional(invalid(name));
    case Kind::document:
      return value.empty() ? std::nullopt : check_document(name, value);
    case Kind::redrive:
      return value.empty() ? std::nullopt : check_redrive(definition, value);
    case Kind::encryption:
      if (value.empty() || value == "false") return std::nullopt;
      return Fault{Code::invalid_attribute_value,
                   fmt::format("Invalid value for the parameter {}. Reason: this hub does not encrypt what it stores; "
                               "encrypt the volume instead.",
                               name)};
  }
  return invalid(name);
}

std::optional<Fault> check_fifo(const Definition& definition, const std::string& name, const std::string& value,
                                bool is_new) {
  if (!definition.fifo()) {
    if (name == "DeduplicationScope" || name == "FifoThroughputLimit")
      return Fault{Code::invalid_attribute_name,
                   fmt::format("You can specify the {} only when FifoQueue is set to true.", name)};
    return Fault{Code::invalid_attribute_name, fmt::format("Unknown Attribute {}.", name)};
  }
  if (name == "FifoQueue" && !is_new && value != "true")
    return Fault{Code::invalid_attribute_value,
                 "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported."};
  return std::nullopt;
}

}  // namespace

std::string Definition::text(std::string_view attribute) const {
  const auto found = attributes.find(std::string(attribute));
  if (found != attributes.end()) return found->second;
  const Rule* rule = rule_of(attribute);
  return rule == nullptr || (rule->fifo && !fifo()) ? std::string() : std::string(rule->fallback);
}

std::int64_t Definition::number(std::string_view attribute) const {
  return whole(text(attribute)).value_or(0);
}

std::optional<RedrivePolicy> Definition::redrive_policy() const {
  const auto found = attributes.find("RedrivePolicy");
  return found == attributes.end() ? std::nullopt : parse_redrive(found->second);
}

Texts attributes_of(const Definition& definition) {
  Texts out;
  for (const Rule& rule : kRules) {
    if (std::string value = definition.text(rule.name); !value.empty())
      out.emplace(std::string(rule.name), std::move(value));
  }
  return out;
}

std::optional<Fault> check_queue_name(std::string_view name, bool fifo) {
  const bool right_end = name.ends_with(".fifo") == fifo;
  const std::string_view plain = fifo && right_end ? name.substr(0, name.size() - 5) : name;
  const bool right_letters = std::ranges::all_of(plain, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
  if (right_end && right_letters && !plain.empty() && name.size() <= 80) return std::nullopt;
  return Fault{Code::invalid_value,
               fifo
                   ? "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must "
                     "end with .fifo suffix and be 1 to 80 in length."
                   : "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"};
}

std::optional<Fault> set_attributes(Definition& definition, const Texts& attributes, bool is_new) {
  for (const auto& [name, value] : attributes) {
    const Rule* rule = rule_of(name);
    if (rule == nullptr) return Fault{Code::invalid_attribute_name, fmt::format("Unknown Attribute {}.", name)};
    if (rule->fifo) {
      if (auto fault = check_fifo(definition, name, value, is_new)) return fault;
    }
    if (auto fault = check_value(definition, *rule, value)) return fault;
    if (value.empty()) {
      definition.attributes.erase(name);
    } else {
      definition.attributes[name] = value;
    }
  }
  const bool per_group = definition.text("DeduplicationScope") == "messageGroup";
  if (is_new) definition.dedup_per_group = per_group;
  if (!per_group && definition.text("FifoThroughputLimit") == "perMessageGroupId")
    return Fault{Code::invalid_attribute_value,
                 "The perMessageGroupId value is allowed only when the value for DeduplicationScope is messageGroup."};
  return std::nullopt;
}

std::optional<Fault> set_tags(Definition& definition, const Texts& tags) {
  for (const auto& [key, value] : tags) {
    if (key.empty() || key.size() > kTagKeyMax || value.size() > kTagValueMax)
      return Fault{Code::invalid_value, "A tag has a key of 1 to 128 bytes and a value of up to 256."};
    definition.tags[key] = value;
  }
  if (definition.tags.size() > kTagsMax)
    return Fault{Code::invalid_value, fmt::format("Too many tags added for queue {}.", definition.name)};
  return std::nullopt;
}

std::optional<std::string> differing_attribute(const Texts& has, const Texts& wanted) {
  for (const auto& [name, value] : wanted) {
    const auto found = has.find(name);
    const std::string now = found == has.end() ? std::string() : found->second;
    if (now == value) continue;
    if (name == "RedrivePolicy") {
      const auto one = parse_redrive(now);
      const auto other = parse_redrive(value);
      if (one && other && one->arn == other->arn && one->max_receive_count == other->max_receive_count) continue;
    }
    return name;
  }
  return std::nullopt;
}

std::string_view queue_in_arn(std::string_view arn) {
  if (!arn.starts_with("arn:")) return {};
  std::size_t colons = 0;
  for (std::size_t i = 0; i < arn.size(); ++i) {
    if (arn[i] != ':') continue;
    if (++colons == 2 && arn.substr(i + 1, 4) != "sqs:") return {};
    if (colons == 5) return arn.substr(i + 1);
  }
  return {};
}

engine::QueueSpec queue_spec(const Definition& definition) {
  engine::QueueSpec spec;
  spec.name = std::string(engine::kSentPrefix) + definition.name;
  spec.order = definition.fifo() ? event::Order::conversation : event::Order::none;
  spec.max_wait = std::chrono::seconds(definition.number("MessageRetentionPeriod"));
  spec.pulled = true;
  // To the engine 0 is no timeout; AWS hands such messages out again at once.
  spec.visibility_timeout =
      std::max<base::Millis>(base::Millis(1), std::chrono::seconds(definition.number("VisibilityTimeout")));
  spec.max_receive_count = 0;  // the API moves such messages itself, to a queue of their own
  // All messages of a FIFO queue have one delay, and the window keeps their order.
  if (definition.fifo()) spec.event_time_window = std::chrono::seconds(definition.number("DelaySeconds"));
  return spec;
}

std::string encode_definition(const Definition& definition) {
  std::string out;
  json::Writer writer(out);
  const auto put = [&](std::string_view name, const Texts& texts) {
    writer.key(name).begin_object();
    for (const auto& [key, value] : texts) writer.member(key, value);
    writer.end_object();
  };
  writer.begin_object().member("name", definition.name);
  put("attributes", definition.attributes);
  put("tags", definition.tags);
  writer.member("created", definition.created).member("modified", definition.modified);
  writer.member("dedup_per_group", definition.dedup_per_group).end_object();
  return out;
}

base::Result<Definition> decode_definition(const std::string& text) {
  const base::Error corrupt{base::Errc::corrupt, "a stored queue of the SQS API does not decode"};
  json::Document document;
  const auto root = document.parse(text, 8);
  if (!root.ok()) return corrupt;
  Definition definition;
  definition.name = root->string_at("name");
  const auto take = [&](std::string_view name, Texts& out) {
    const auto object = root->find(name);
    if (!object || !object->is(json::Type::object)) return false;
    for (auto member = object->first(); member; member = member->next())
      out.emplace(std::string(member->name()), std::string(member->string()));
    return true;
  };
  const auto created = root->find("created");
  const auto modified = root->find("modified");
  const auto per_group = root->find("dedup_per_group");
  if (definition.name.empty() || !created || !modified || !per_group || !take("attributes", definition.attributes) ||
      !take("tags", definition.tags))
    return corrupt;
  definition.created = created->integer().value_or(0);
  definition.modified = modified->integer().value_or(0);
  definition.dedup_per_group = per_group->boolean();
  return definition;
}

}  // namespace trunkline::sqs
