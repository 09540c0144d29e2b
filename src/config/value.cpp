#include "config/value.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/check.hpp"
#include "base/text.hpp"
#include "config/policy.hpp"
#include "config/scope_reader.hpp"

namespace trunkline::config {
namespace {

constexpr std::size_t kTextBytesMax = 4096;  // a path or URL; no longer one is of use
constexpr std::size_t kListItemsMax = 64;    // keys, secrets, networks, headers of one option

// Reads one option. Every function reports its own refusal and then returns nothing.
class ValueReader {
 public:
  ValueReader(const Option& option, const std::string& path, ReadContext& context)
      : option_(option), path_(path), context_(context) {}

  std::optional<Value> read(const YamlNode& node) {
    if (node.kind == YamlNode::Kind::null && option_.type != Type::policy) {
      return refuse(node.place, fmt::format("'{}' needs a value", path_));
    }
    switch (option_.type) {
      case Type::secret:
        return wrap(read_secret(node, path_, context_));
      case Type::secrets:
        return secrets(node);
      case Type::keys:
        return keys(node);
      case Type::cidrs:
        return cidrs(node);
      case Type::headers:
        return headers(node);
      case Type::texts:
        return texts(node);
      case Type::pairs:
        return pairs(node);
      case Type::policy:
        return policy(node);
      default:
        break;
    }
    if (node.kind != YamlNode::Kind::scalar) {
      return refuse(node.place, fmt::format("'{}' is a single value, not {}", path_, describe(node.kind)));
    }
    return scalar(node);
  }

 private:
  std::nullopt_t refuse(Place place, std::string message) {
    context_.diagnostics.error(place, std::move(message));
    return std::nullopt;
  }
  template <class T>
  static std::optional<Value> wrap(std::optional<T> value) {
    if (!value) return std::nullopt;
    return Value(std::move(*value));
  }

  std::optional<Value> scalar(const YamlNode& node) {
    switch (option_.type) {
      case Type::boolean:
        return boolean(node);
      case Type::count:
        return count(node);
      case Type::duration:
        return duration(node);
      case Type::size:
        return size(node);
      case Type::choice:
        return choice(node);
      case Type::time:
        return time(node);
      default:
        return text(node);
    }
  }
  std::optional<Value> boolean(const YamlNode& node) {
    if (!node.quoted && node.text == "true") return Value(true);
    if (!node.quoted && node.text == "false") return Value(false);
    return refuse(node.place, fmt::format("'{}' is true or false, not '{}'", path_, node.text));
  }
  std::optional<Value> count(const YamlNode& node) {
    std::int64_t number = 0;
    const char* end = node.text.data() + node.text.size();
    const auto [stop, error] = std::from_chars(node.text.data(), end, number);
    if (node.quoted || stop != end || error != std::errc()) {
      return refuse(node.place, fmt::format("'{}' is a whole number, not '{}'", path_, node.text));
    }
    return in_bounds(node, number);
  }
  std::optional<Value> duration(const YamlNode& node) {
    const base::Result<base::Millis> value = base::parse_duration(node.text);
    if (!value) return refuse(node.place, fmt::format("'{}': {}", path_, value.error().detail));
    return in_bounds(node, value->count());
  }
  std::optional<Value> size(const YamlNode& node) {
    const base::Result<std::uint64_t> value = base::parse_size(node.text);
    if (!value) return refuse(node.place, fmt::format("'{}': {}", path_, value.error().detail));
    return in_bounds(node, static_cast<std::int64_t>(*value));  // parse_size refuses what does not fit
  }
  std::optional<Value> in_bounds(const YamlNode& node, std::int64_t value) {
    if (value >= option_.min && value <= option_.max) return Value(value);
    return refuse(node.place, fmt::format("'{}' is {} to {}, not {}", path_, format_bound(option_.type, option_.min),
                                          format_bound(option_.type, option_.max), node.text));
  }
  std::optional<Value> choice(const YamlNode& node) {
    const std::vector<std::string> choices = split_choices(option_.choices);
    const auto found = std::ranges::find(choices, node.text);
    if (found != choices.end()) return Value(static_cast<std::int64_t>(found - choices.begin()));
    const std::optional<std::string> near = base::nearest(node.text, choices);
    return refuse(node.place, fmt::format("'{}' is one of {}, not '{}'{}", path_, fmt::join(choices, ", "), node.text,
                                          near ? fmt::format("; did you mean '{}'?", *near) : ""));
  }
  std::optional<Value> time(const YamlNode& node) {
    std::optional<base::WallTime> value = base::parse_time(node.text);
    if (!value) value = base::parse_time(node.text + "T00:00:00Z");
    if (value) return Value(*value);
    return refuse(node.place,
                  fmt::format("'{}' is a date such as 2026-12-01 or a time such as 2026-12-01T06:00:00Z, not '{}'",
                              path_, node.text));
  }
  std::optional<Value> text(const YamlNode& node) {
    if (node.text.empty()) return refuse(node.place, fmt::format("'{}' is empty", path_));
    if (node.text.size() > kTextBytesMax) {
      return refuse(node.place, fmt::format("'{}' is longer than {} bytes", path_, kTextBytesMax));
    }
    if (node.text.find("${") != std::string::npos) {
      return refuse(node.place,
                    fmt::format("'{}' is no credential: references are resolved in credentials only", path_));
    }
    if (option_.type == Type::url && !is_url(node.text)) {
      return refuse(node.place,
                    fmt::format("'{}' is an address that begins with http:// or https://, not '{}'", path_, node.text));
    }
    if (option_.type == Type::address && !is_address(node.text)) {
      return refuse(node.place,
                    fmt::format("'{}' is host:port such as 127.0.0.1:8080 or [::1]:8080, not '{}'", path_, node.text));
    }
    return Value(node.text);
  }
  static bool is_url(std::string_view text) {
    for (const std::string_view scheme : {"http://", "https://"}) {
      if (!text.starts_with(scheme)) continue;
      const std::string_view rest = text.substr(scheme.size());
      const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
      return !authority.empty() && text.find_first_of(" \t\r\n") == std::string_view::npos;
    }
    return false;
  }
  static bool is_address(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return false;
    const std::string_view host = text.substr(0, colon);
    // An IPv6 address without brackets would be cut at the wrong colon.
    if (host.find(':') != std::string_view::npos && !(host.front() == '[' && host.back() == ']')) return false;
    const std::string_view port = text.substr(colon + 1);
    std::uint16_t number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    return !port.empty() && error == std::errc() && end == port.data() + port.size();
  }

  bool short_enough(const YamlNode& node, std::size_t size) {
    if (size <= kListItemsMax) return true;
    context_.diagnostics.error(node.place, fmt::format("'{}' has more than {} entries", path_, kListItemsMax));
    return false;
  }
  std::optional<Value> secrets(const YamlNode& node) {
    std::vector<Secret> list;
    if (node.kind != YamlNode::Kind::sequence) {
      std::optional<Secret> one = read_secret(node, path_, context_);
      if (!one) return std::nullopt;
      list.push_back(std::move(*one));
      return Value(std::move(list));
    }
    if (!short_enough(node, node.items.size())) return std::nullopt;
    for (const YamlNode& item : node.items) {
      std::optional<Secret> one = read_secret(item, path_, context_);
      if (one) list.push_back(std::move(*one));
    }
    return Value(std::move(list));
  }
  std::optional<Value> keys(const YamlNode& node) {
    std::vector<AcceptedKey> list;
    if (node.kind != YamlNode::Kind::sequence) {
      std::optional<Secret> one = read_secret(node, path_, context_);
      if (!one) return std::nullopt;
      list.push_back({std::move(*one), std::nullopt});
      return Value(std::move(list));
    }
    if (!short_enough(node, node.items.size())) return std::nullopt;
    for (const YamlNode& item : node.items) {
      AcceptedKey key;
      if (item.kind == YamlNode::Kind::map) {
        ReadContext inside{context_.resolver, context_.diagnostics};  // the list is one setting
        read_scope(item, item.place, key_table(), {path_, {}, inside}, key);
      } else if (std::optional<Secret> one = read_secret(item, path_, context_)) {
        key.key = std::move(*one);
      }
      list.push_back(std::move(key));
    }
    return Value(std::move(list));
  }
  std::optional<std::string> plain_text(const YamlNode& node, std::string_view name) {
    if (node.kind != YamlNode::Kind::scalar || node.text.empty() || node.text.size() > kTextBytesMax) {
      return refuse(node.place, fmt::format("'{}' is a text of 1 to {} bytes, not {}", name, kTextBytesMax,
                                            node.kind == YamlNode::Kind::scalar ? "this" : describe(node.kind)));
    }
    return node.text;
  }
  std::optional<Value> texts(const YamlNode& node) {
    std::vector<std::string> list;
    if (node.kind != YamlNode::Kind::sequence) {
      std::optional<std::string> one = plain_text(node, path_);
      if (!one) return std::nullopt;
      return Value(std::vector<std::string>{std::move(*one)});
    }
    if (!short_enough(node, node.items.size())) return std::nullopt;
    if (node.items.empty()) return refuse(node.place, fmt::format("'{}' is an empty list", path_));
    for (const YamlNode& item : node.items) {
      if (std::optional<std::string> one = plain_text(item, path_)) list.push_back(std::move(*one));
    }
    return Value(std::move(list));
  }
  std::optional<Value> pairs(const YamlNode& node) {
    if (node.kind != YamlNode::Kind::map) {
      return refuse(node.place, fmt::format("'{}' is a map of names to texts, not {}", path_, describe(node.kind)));
    }
    if (!short_enough(node, node.members.size())) return std::nullopt;
    std::vector<std::pair<std::string, Secret>> list;
    for (const YamlNode::Member& member : node.members) {
      std::optional<std::string> text = plain_text(member.value, fmt::format("{}.{}", path_, member.name));
      if (text) list.emplace_back(member.name, Secret(std::move(*text)));
    }
    return Value(std::move(list));
  }
  std::optional<Value> cidrs(const YamlNode& node) {
    if (node.kind != YamlNode::Kind::sequence) {
      return refuse(node.place, fmt::format("'{}' is a list of networks, not {}", path_, describe(node.kind)));
    }
    if (!short_enough(node, node.items.size())) return std::nullopt;
    std::vector<std::string> list;
    for (const YamlNode& item : node.items) {
      if (item.kind != YamlNode::Kind::scalar || !is_cidr(item.text)) {
        context_.diagnostics.error(item.place,
                                   fmt::format("'{}' holds networks such as 10.1.0.0/16, not '{}'", path_, item.text));
      }
      list.push_back(item.text);
    }
    return Value(std::move(list));
  }
  static bool is_cidr(const std::string& text) {
    const std::size_t slash = text.find('/');
    if (slash == std::string::npos) return false;
    const std::string ip = text.substr(0, slash);
    const std::string_view prefix = std::string_view(text).substr(slash + 1);
    unsigned bits = 0;
    const auto [end, error] = std::from_chars(prefix.data(), prefix.data() + prefix.size(), bits);
    if (error != std::errc() || end != prefix.data() + prefix.size()) return false;
    in6_addr parsed{};
    if (inet_pton(AF_INET, ip.c_str(), &parsed) == 1) return bits <= 32;
    return inet_pton(AF_INET6, ip.c_str(), &parsed) == 1 && bits <= 128;
  }
  std::optional<Value> headers(const YamlNode& node) {
    if (node.kind != YamlNode::Kind::map) {
      return refuse(node.place,
                    fmt::format("'{}' is a map of header names to values, not {}", path_, describe(node.kind)));
    }
    if (!short_enough(node, node.members.size())) return std::nullopt;
    std::vector<std::pair<std::string, Secret>> list;
    for (const YamlNode::Member& member : node.members) {
      if (!is_token(member.name)) {
        context_.diagnostics.error(member.place, fmt::format("'{}' is no header name", member.name));
      }
      if (std::optional<Secret> value = header_value(member)) list.emplace_back(member.name, std::move(*value));
    }
    return Value(std::move(list));
  }
  // Plain text is warned of only where the name says that it is a credential.
  std::optional<Secret> header_value(const YamlNode::Member& member) {
    const std::string path = fmt::format("{}.{}", path_, member.name);
    std::string lower = member.name;
    std::ranges::transform(lower, lower.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    bool credential = false;
    for (const std::string_view word : {"auth", "key", "token", "secret", "cookie", "password"}) {
      credential = credential || lower.find(word) != std::string::npos;
    }
    const bool plain = member.value.kind == YamlNode::Kind::scalar && member.value.text.find("${") == std::string::npos;
    std::optional<Secret> value =
        plain && !credential ? std::optional(Secret(member.value.text)) : read_secret(member.value, path, context_);
    if (value && value->reveal().find_first_of("\r\n") != std::string::npos) {
      return refuse(member.value.place, fmt::format("'{}' holds a line break, which no header can", path));
    }
    return value;
  }
  // RFC 9110 section 5.6.2.
  static bool is_token(std::string_view text) {
    constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
    const auto allowed = [&](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
             kMarks.find(c) != std::string_view::npos;
    };
    return !text.empty() && std::ranges::all_of(text, allowed);
  }
  std::optional<Value> policy(const YamlNode& node) {
    if (node.kind == YamlNode::Kind::scalar && node.quoted) return Value(FilterPolicy{node.text, node.place});
    if (node.kind != YamlNode::Kind::map) {
      return refuse(node.place,
                    fmt::format("'{}' is a map, or a quoted JSON text, not {}", path_, describe(node.kind)));
    }
    std::optional<std::string> json = to_json(node, context_.diagnostics);
    if (!json) return std::nullopt;
    return Value(FilterPolicy{std::move(*json), node.place});
  }

  const Option& option_;
  const std::string& path_;
  ReadContext& context_;
};

// A value's text for people, and that by which it is compared; one visitor for both.
class SettingText {
 public:
  explicit SettingText(const Option& option) : option_(option) {}

  std::string shown;
  std::string exact;

  void operator()(bool value) { both(value ? "true" : "false"); }
  void operator()(std::int64_t value) {
    if (option_.type == Type::choice) return both(split_choices(option_.choices).at(static_cast<std::size_t>(value)));
    both(format_bound(option_.type, value));
  }
  void operator()(const std::string& value) { both(value); }
  void operator()(base::WallTime value) { both(base::format_time(value)); }
  void operator()(const Secret& value) { hidden(value.reveal()); }
  void operator()(const std::vector<Secret>& list) {
    for (const Secret& secret : list) hidden(secret.reveal());
  }
  void operator()(const std::vector<AcceptedKey>& list) {
    for (const AcceptedKey& key : list)
      hidden(key.key.reveal() + (key.until ? "\n" + base::format_time(*key.until) : std::string()));
  }
  void operator()(const std::vector<std::string>& list) { both(fmt::format("[{}]", fmt::join(list, ", "))); }
  void operator()(const std::vector<std::pair<std::string, Secret>>& list) {
    for (const auto& [name, value] : list) hidden(name + "\n" + value.reveal());
  }
  void operator()(const FilterPolicy& policy) { both(policy.json); }

 private:
  void both(const std::string& text) { shown = exact = text; }
  void hidden(const std::string& text) {
    shown = "***";
    exact += text + '\0';
  }

  const Option& option_;
};

std::optional<Secret> accept_secret(const std::string& text, const YamlNode& node, const std::string& path,
                                    ReadContext& context) {
  if (!text.empty()) return Secret(text);
  context.diagnostics.error(node.place,
                            fmt::format("'{}': {} is empty", path, node.text.empty() ? "the credential" : node.text));
  return std::nullopt;
}

}  // namespace

std::optional<Value> read_value(const Option& option, const YamlNode& node, const std::string& path,
                                ReadContext& context) {
  return ValueReader(option, path, context).read(node);
}

Setting setting_of(const Option& option, std::string path, const Value& value) {
  SettingText text(option);
  std::visit(text, value);
  return {std::move(path), std::move(text.shown), Secret(std::move(text.exact)), option.reloadable};
}

Value default_value(const Option& option) {
  YamlNode node;
  if (option.type == Type::policy) {
    node.kind = YamlNode::Kind::map;
  } else {
    node.kind = YamlNode::Kind::scalar;
    node.text = option.fallback;
  }
  Diagnostics diagnostics;
  const Resolver none;
  ReadContext context{none, diagnostics};
  std::optional<Value> value = read_value(option, node, std::string(option.path), context);
  TRUNKLINE_CHECK(value && !diagnostics.failed(), option.path);
  return std::move(*value);
}

std::optional<Secret> read_secret(const YamlNode& node, const std::string& path, ReadContext& context) {
  if (node.kind != YamlNode::Kind::scalar) {
    context.diagnostics.error(node.place, fmt::format("'{}' is a credential, not {}", path, describe(node.kind)));
    return std::nullopt;
  }
  const std::string_view text = node.text;
  if (text.find("${") == std::string_view::npos) {
    if (!text.empty()) {
      context.diagnostics.warning(
          node.place, fmt::format("'{}' holds a credential in plain text: use ${{env:NAME}} or ${{file:PATH}}", path));
    }
    return accept_secret(node.text, node, path, context);
  }
  const bool whole = text.ends_with('}') && text.find('}') == text.size() - 1;
  if (whole && text.starts_with("${env:")) {
    const std::optional<std::string> value = context.resolver.environment(std::string(text.substr(6, text.size() - 7)));
    if (value) return accept_secret(*value, node, path, context);
    context.diagnostics.error(node.place, fmt::format("'{}': {} is not in the environment", path, text));
    return std::nullopt;
  }
  if (whole && text.starts_with("${file:")) {
    base::Result<std::string> value = context.resolver.file(std::string(text.substr(7, text.size() - 8)));
    if (!value) {
      context.diagnostics.error(node.place,
                                fmt::format("'{}': {} cannot be read: {}", path, text, value.error().detail));
      return std::nullopt;
    }
    const std::size_t end = value->find_last_not_of(" \t\r\n");
    return accept_secret(value->substr(0, end == std::string::npos ? 0 : end + 1), node, path, context);
  }
  context.diagnostics.error(
      node.place, fmt::format("'{}': a reference is ${{env:NAME}} or ${{file:PATH}} and nothing around it", path));
  return std::nullopt;
}

std::string format_bound(Type type, std::int64_t value) {
  if (type == Type::duration) return base::format_duration(base::Millis(value));
  if (type != Type::size) return fmt::format("{}", value);
  constexpr std::string_view kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  for (; unit < 4 && value != 0 && value % 1024 == 0; ++unit) value /= 1024;
  return fmt::format("{}{}", value, kUnits[unit]);
}

std::vector<std::string> split_choices(std::string_view choices) {
  std::vector<std::string> list;
  while (!choices.empty()) {
    const std::size_t bar = choices.find('|');
    list.emplace_back(choices.substr(0, bar));
    choices = bar == std::string_view::npos ? std::string_view() : choices.substr(bar + 1);
  }
  return list;
}

}  // namespace trunkline::config
