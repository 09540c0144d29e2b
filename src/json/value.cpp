#include <charconv>

#include "json/tape.hpp"

namespace trunkline::json {
namespace {

std::string_view name_of(const Tape& tape, const Node& node) {
  const std::string_view from = node.name_decoded ? std::string_view(tape.arena) : tape.text;
  return from.substr(node.name_at, node.name_size);
}

}  // namespace

Type Value::type() const {
  return tape_->nodes[index_].type;
}

std::string_view Value::raw() const {
  const Node& node = tape_->nodes[index_];
  return tape_->text.substr(node.raw_at, node.raw_size);
}

std::size_t Value::offset() const {
  return tape_->nodes[index_].raw_at;
}

std::string_view Value::string() const {
  const Node& node = tape_->nodes[index_];
  if (node.type != Type::string) return {};
  if (node.text_decoded) return std::string_view(tape_->arena).substr(node.decoded_at, node.count);
  return tape_->text.substr(node.raw_at + 1, node.raw_size - 2);
}

std::optional<std::int64_t> Value::integer() const {
  if (!is(Type::number)) return std::nullopt;
  const std::string_view text = raw();
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> Value::number() const {
  if (!is(Type::number)) return std::nullopt;
  const std::string_view text = raw();
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

bool Value::boolean() const {
  return is(Type::boolean) && tape_->text[offset()] == 't';
}

std::optional<Value> Value::find(std::string_view name) const {
  const Node& node = tape_->nodes[index_];
  if (node.type != Type::object || node.count == 0) return std::nullopt;
  for (std::uint32_t child = index_ + 1; child != 0; child = tape_->nodes[child].next) {
    if (name_of(*tape_, tape_->nodes[child]) == name) return Value(tape_, child);
  }
  return std::nullopt;
}

std::string_view Value::string_at(std::string_view name) const {
  const std::optional<Value> member = find(name);
  return member ? member->string() : std::string_view();
}

std::optional<Value> Value::first() const {
  if (size() == 0) return std::nullopt;
  return Value(tape_, index_ + 1);
}

std::optional<Value> Value::next() const {
  const std::uint32_t next = tape_->nodes[index_].next;
  if (next == 0) return std::nullopt;
  return Value(tape_, next);
}

std::string_view Value::name() const {
  return name_of(*tape_, tape_->nodes[index_]);
}

std::size_t Value::size() const {
  const Node& node = tape_->nodes[index_];
  return node.type == Type::object || node.type == Type::array ? node.count : 0;
}

}  // namespace trunkline::json
