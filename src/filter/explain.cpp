#include "filter/explain.hpp"

#include <algorithm>

#include "json/writer.hpp"

namespace trunkline::filter {
namespace {

std::string shown(const Scalar& value) {
  std::string_view text = value.text;
  const bool cut = text.size() > kActualBytesMax;
  if (cut) {
    std::size_t end = kActualBytesMax;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    text = text.substr(0, end);
  }
  std::string out;
  if (value.kind == Scalar::Kind::string) {
    json::append_string(out, text);
  } else {
    out = text;
  }
  return cut ? out + "…" : out;
}

std::string reason_of(const Clause& clause, const Facts::Field& field, const Condition* holding) {
  if (field.malformed) return "the attribute's value is not what its type says";
  if (holding != nullptr) return holding->source + " holds";
  if (field.values.empty()) return "nothing is there";
  return clause.conditions.size() == 1 ? "no value is accepted" : "no value is accepted by any of the conditions";
}

Explanation explain_clause(const Clause& clause, const Facts& facts) {
  const Facts::Field& field = facts.at(clause.path);
  const Condition* holding = field.malformed ? nullptr : first_holding(clause, field.values);
  Explanation out;
  out.kind = Explanation::Kind::clause;
  out.holds = holding != nullptr;
  out.reason = reason_of(clause, field, holding);
  out.path = clause.path;
  out.condition = clause.source;
  out.actual_count = field.values.size();
  for (const Scalar& value : field.values) {
    if (out.actual.size() == kActualMax) break;
    out.actual.push_back(shown(value));
  }
  return out;
}

Explanation explain_node(const Policy& policy, const Policy::Node& node, const Facts& facts) {
  if (node.kind == Policy::Node::Kind::clause) return explain_clause(policy.clauses()[node.clause], facts);
  Explanation out;
  std::size_t holding = 0;
  for (const Policy::Node& child : node.children) {
    out.children.push_back(explain_node(policy, child, facts));
    holding += out.children.back().holds ? 1 : 0;
  }
  const bool all = node.kind == Policy::Node::Kind::all;
  out.kind = all ? Explanation::Kind::all : Explanation::Kind::any;
  out.holds = all ? holding == out.children.size() : holding > 0;
  out.reason = std::to_string(holding) + " of " + std::to_string(out.children.size()) +
               (all ? " hold, all must" : " hold, one must");
  return out;
}

std::string_view kind_name(Explanation::Kind kind) {
  return kind == Explanation::Kind::all ? "all" : kind == Explanation::Kind::any ? "any" : "clause";
}

void append_text(std::string& out, const Explanation& node, std::size_t indent) {
  out.append(2 * indent, ' ');
  out += node.holds ? "yes " : "no  ";
  if (node.kind == Explanation::Kind::clause) {
    out += node.path + " " + node.condition + " against ";
    if (node.actual.empty()) out += "nothing";
    for (const std::string& value : node.actual) {
      if (&value != &node.actual.front()) out += ", ";
      out += value;
    }
    if (node.actual_count > node.actual.size())
      out += " and " + std::to_string(node.actual_count - node.actual.size()) + " more";
  } else {
    out += std::string(kind_name(node.kind)) + " of";
  }
  out += ": " + node.reason + "\n";
  for (const Explanation& child : node.children) append_text(out, child, indent + 1);
}

// By hand, since json::Writer is bounded to fewer levels than a policy may have.
void append_json(std::string& out, const Explanation& node) {
  out += std::string("{\"kind\":\"") + std::string(kind_name(node.kind)) +
         "\",\"holds\":" + (node.holds ? "true" : "false");
  out += ",\"reason\":";
  json::append_string(out, node.reason);
  if (node.kind == Explanation::Kind::clause) {
    out += ",\"path\":";
    json::append_string(out, node.path);
    out += ",\"condition\":" + node.condition + ",\"actual\":[";
    for (const std::string& value : node.actual) {
      if (&value != &node.actual.front()) out += ',';
      json::append_string(out, value);
    }
    out += "],\"actual_count\":" + std::to_string(node.actual_count) + "}";
    return;
  }
  out += ",\"children\":[";
  for (const Explanation& child : node.children) {
    if (&child != &node.children.front()) out += ',';
    append_json(out, child);
  }
  out += "]}";
}

}  // namespace

Explanation explain(const Policy& policy, const Message& message) {
  if (policy.accepts_everything()) {
    Explanation out;
    out.holds = true;
    out.reason = "the policy has no clause";
    return out;
  }
  const Facts facts(message, policy.scope());
  if (facts.rejection().empty()) return explain_node(policy, policy.root(), facts);
  Explanation out;
  out.reason = facts.rejection();
  return out;
}

std::string to_text(const Explanation& explanation) {
  std::string out;
  append_text(out, explanation, 0);
  return out;
}

std::string to_json(const Explanation& explanation) {
  std::string out;
  append_json(out, explanation);
  return out;
}

}  // namespace trunkline::filter
