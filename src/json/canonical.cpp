#include "json/canonical.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "json/scan.hpp"
#include "json/writer.hpp"

namespace trunkline::json {
namespace {

// Names shorter than 8 bytes are filled with zeros, which sort before every byte.
std::uint64_t prefix_of(std::string_view name) {
  std::uint64_t prefix = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    prefix = prefix << 8 | (i < name.size() ? static_cast<std::uint8_t>(name[i]) : std::uint8_t{0});
  }
  return prefix;
}

}  // namespace

void Canonical::append_scalar(Value value) {
  const std::string_view raw = value.raw();
  // A string without a backslash is spelled the one way already.
  if (value.is(Type::string) && raw.find('\\') != std::string_view::npos) {
    append_string(out_, value.string());
  } else {
    out_.append(raw);
  }
}

bool Canonical::before(const Member& a, const Member& b) {
  if (a.prefix != b.prefix) return a.prefix < b.prefix;
  const int order = a.name.compare(b.name);
  // Members of one name keep their input order, so that std::sort need not be stable (stable_sort allocates).
  return order != 0 ? order < 0 : a.value.offset() < b.value.offset();
}

void Canonical::append_object(Value value, std::string_view without) {
  const std::size_t begin = members_.size();
  bool sorted = true;
  for (auto child = value.first(); child; child = child->next()) {
    const std::string_view name = child->name();
    if (!without.empty() && name == without) continue;
    members_.push_back({prefix_of(name), name, *child});
    if (members_.size() > begin + 1 && before(members_.back(), members_[members_.size() - 2])) sorted = false;
  }
  if (!sorted) std::sort(members_.begin() + static_cast<std::ptrdiff_t>(begin), members_.end(), before);
  out_.push_back('{');
  const std::size_t end = members_.size();
  for (std::size_t i = begin; i < end; ++i) {
    if (i > begin) out_.push_back(',');
    append_string(out_, members_[i].name);
    out_.push_back(':');
    append(members_[i].value, {});
  }
  out_.push_back('}');
  members_.erase(members_.begin() + static_cast<std::ptrdiff_t>(begin), members_.end());
}

void Canonical::append(Value value, std::string_view without) {
  if (value.is(Type::object)) {
    append_object(value, without);
  } else if (value.is(Type::array)) {
    out_.push_back('[');
    bool first = true;
    for (auto child = value.first(); child; child = child->next()) {
      if (!first) out_.push_back(',');
      first = false;
      append(*child, {});
    }
    out_.push_back(']');
  } else {
    append_scalar(value);
  }
}

std::string_view Canonical::text(Value value, std::string_view without) {
  out_.clear();
  members_.clear();
  append(value, without);
  return out_;
}

base::Hash128 Canonical::hash(Value value, std::string_view without) {
  return base::hash128(text(value, without));
}

std::string canonical(Value value) {
  return std::string(Canonical().text(value));
}

base::Hash128 canonical_hash(Value value) {
  return Canonical().hash(value);
}

std::string splice_members(std::string_view raw_object, std::string_view members) {
  const std::size_t brace = raw_object.rfind('}');
  TRUNKLINE_CHECK(brace != std::string_view::npos && brace > 0, "splice_members needs an object");
  if (members.empty()) return std::string(raw_object);
  std::size_t at = brace;
  while (at > 0 && is_space(raw_object[at - 1])) --at;
  std::string out;
  out.reserve(raw_object.size() + members.size() + 1);
  out.append(raw_object.substr(0, at));
  if (raw_object[at - 1] != '{') out.push_back(',');
  out.append(members);
  out.append(raw_object.substr(at));
  return out;
}

}  // namespace trunkline::json
