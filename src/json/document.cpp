#include "json/document.hpp"

#include <simdjson.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "base/check.hpp"
#include "json/scan.hpp"
#include "json/tape.hpp"

namespace trunkline::json {
namespace {

using base::Errc;
using base::Error;

// Buffers of a text beyond this are given back. 1 MiB covers every sender's single event (256 KB) and most batches; at
// one node of 32 bytes for two bytes of text and 4 bytes of structural index for one, it bounds an idle document at 36
// MiB and the arena.
constexpr std::size_t kKeptTextBytes = 1u << 20;

Error invalid(std::size_t at, std::string_view what) {
  std::string detail = "not JSON at byte ";
  detail += std::to_string(at);
  detail += ": ";
  detail += what;
  return {Errc::invalid, std::move(detail)};
}

// Builds the tape from simdjson's structural indexes: the positions of { } [ ] : , and of the first byte of every
// string and literal, none of them inside a string. simdjson's own second stage keeps neither raw spans nor number
// text.
class Builder {
 public:
  Builder(Tape& tape, std::vector<std::uint32_t>& open, const std::uint32_t* indexes, std::size_t count,
          std::size_t depth_max)
      : tape_(tape), open_(open), text_(tape.text), indexes_(indexes), count_(count), depth_max_(depth_max) {}

  base::Result<void> run();

 private:
  struct Name {
    std::uint32_t at = 0;
    std::uint32_t size = 0;
    bool decoded = false;
  };

  // The next structural position, or the end of the text.
  std::size_t peek() const { return next_ < count_ ? indexes_[next_] : text_.size(); }
  char peek_char() const { return next_ < count_ ? text_[indexes_[next_]] : '\0'; }

  base::Result<void> value(const Name& name);
  base::Result<void> scalar(std::size_t at, Node& node);
  base::Result<void> string(std::size_t at, Node& node);
  base::Result<Name> member_name();
  base::Result<void> close();
  // Behind a value: ',' leaves to the next element, a bracket closes.
  base::Result<bool> after_value();
  // One past the closing quote of the string that starts at `at`, which is what structural index was taken last.
  std::size_t string_end() const;
  bool has_escape(std::size_t at, std::size_t end);
  void append(Node& node, const Name& name);

  Tape& tape_;
  std::vector<std::uint32_t>& open_;
  std::string_view text_;
  const std::uint32_t* indexes_;
  std::size_t count_;
  std::size_t depth_max_;
  std::size_t next_ = 0;
  std::size_t backslash_ = 0;     // no backslash stands between where the last search began and here
  std::uint32_t last_child_ = 0;  // of the innermost open container; 0 when it has none yet
};

std::size_t Builder::string_end() const {
  // Nothing but white space stands between the closing quote and the next structural character.
  std::size_t end = peek();
  while (is_space(text_[end - 1])) --end;
  return end;
}

bool Builder::has_escape(std::size_t at, std::size_t end) {
  if (backslash_ < at) {
    backslash_ = text_.find('\\', at);
    if (backslash_ == std::string_view::npos) backslash_ = text_.size();
  }
  return backslash_ < end;
}

base::Result<void> Builder::string(std::size_t at, Node& node) {
  const std::size_t end = string_end();
  node.type = Type::string;
  node.raw_size = static_cast<std::uint32_t>(end - at);
  if (!has_escape(at, end)) return {};
  node.text_decoded = true;
  node.decoded_at = static_cast<std::uint32_t>(tape_.arena.size());
  const auto wrong = unescape(text_.substr(at + 1, end - at - 2), tape_.arena);
  if (wrong) return invalid(at + 1 + *wrong, "a wrong escape or a lone surrogate in a string");
  node.count = static_cast<std::uint32_t>(tape_.arena.size() - node.decoded_at);
  return {};
}

base::Result<Builder::Name> Builder::member_name() {
  const std::size_t at = peek();
  if (peek_char() != '"') return invalid(at, "a member name expected");
  ++next_;
  Node node;
  TRUNKLINE_TRY_VOID(string(at, node));
  if (peek_char() != ':') return invalid(peek(), "a colon expected");
  ++next_;
  if (node.text_decoded) return Name{node.decoded_at, node.count, true};
  return Name{static_cast<std::uint32_t>(at + 1), node.raw_size - 2, false};
}

base::Result<void> Builder::scalar(std::size_t at, Node& node) {
  const char c = text_[at];
  if (c == '"') return string(at, node);
  std::size_t end = at;
  if (c == 't' && text_.substr(at, 4) == "true") {
    node.type = Type::boolean;
    end += 4;
  } else if (c == 'f' && text_.substr(at, 5) == "false") {
    node.type = Type::boolean;
    end += 5;
  } else if (c == 'n' && text_.substr(at, 4) == "null") {
    node.type = Type::null;
    end += 4;
  } else if (const auto number = scan_number(text_, at); number) {
    node.type = Type::number;
    end = *number;
  } else {
    return invalid(at, "a value expected");
  }
  // simdjson marks only the first byte of a run: whatever follows the literal without a separator is found here.
  if (end < text_.size() && end != peek() && !is_space(text_[end])) return invalid(end, "an unexpected character");
  node.raw_size = static_cast<std::uint32_t>(end - at);
  return {};
}

void Builder::append(Node& node, const Name& name) {
  node.name_at = name.at;
  node.name_size = name.size;
  node.name_decoded = name.decoded;
  const auto index = static_cast<std::uint32_t>(tape_.nodes.size());
  if (last_child_ != 0) tape_.nodes[last_child_].next = index;
  if (!open_.empty()) ++tape_.nodes[open_.back()].count;
  last_child_ = index;
  tape_.nodes.push_back(node);
}

base::Result<void> Builder::value(const Name& name) {
  const std::size_t at = peek();
  const char c = peek_char();
  ++next_;
  Node node;
  node.raw_at = static_cast<std::uint32_t>(at);
  if (c == '{' || c == '[') {
    if (open_.size() >= depth_max_) {
      return {Errc::too_large, "nested deeper than " + std::to_string(depth_max_) + " at byte " + std::to_string(at)};
    }
    node.type = c == '{' ? Type::object : Type::array;
    append(node, name);
    open_.push_back(last_child_);
    last_child_ = 0;
    return {};
  }
  if (at == text_.size()) return invalid(at, "a value expected, the text ends");
  TRUNKLINE_TRY_VOID(scalar(at, node));
  append(node, name);
  return {};
}

base::Result<void> Builder::close() {
  Node& node = tape_.nodes[open_.back()];
  const bool object = node.type == Type::object;
  if (peek_char() != (object ? '}' : ']')) {
    return invalid(peek(),
                   object ? "a comma or the end of the object expected" : "a comma or the end of the array expected");
  }
  node.raw_size = static_cast<std::uint32_t>(peek() + 1 - node.raw_at);
  last_child_ = open_.back();
  open_.pop_back();
  ++next_;
  return {};
}

base::Result<bool> Builder::after_value() {
  const bool comma = peek_char() == ',';
  if (comma) {
    ++next_;
  } else {
    TRUNKLINE_TRY_VOID(close());
  }
  return comma;
}

base::Result<void> Builder::run() {
  TRUNKLINE_TRY_VOID(value({}));
  bool fresh = true;  // the innermost container has been opened just now, or a comma has been read
  while (!open_.empty()) {
    const bool empty = last_child_ == 0;
    if (fresh && !(empty && (peek_char() == '}' || peek_char() == ']'))) {
      Name name;
      if (tape_.nodes[open_.back()].type == Type::object) {
        TRUNKLINE_TRY(name, member_name());
      }
      const std::size_t depth = open_.size();
      TRUNKLINE_TRY_VOID(value(name));
      fresh = open_.size() > depth;
    } else {
      TRUNKLINE_TRY(fresh, after_value());
    }
  }
  if (next_ != count_) return invalid(peek(), "the text goes on behind the value");
  return {};
}

}  // namespace

struct Document::Impl {
  std::unique_ptr<simdjson::internal::dom_parser_implementation> parser;
  Tape tape;
  std::vector<std::uint32_t> open;

  base::Result<void> index(std::string_view text);
  void shrink();
};

void Document::Impl::shrink() {
  parser.reset();
  tape.nodes = {};
  tape.arena = {};
}

base::Result<void> Document::Impl::index(std::string_view text) {
  if (parser && parser->capacity() > kKeptTextBytes && text.size() <= kKeptTextBytes) shrink();
  if (!parser || parser->capacity() < text.size()) {
    // Doubling, as a vector grows.
    const std::size_t room = std::max({text.size(), std::size_t{4096}, parser ? 2 * parser->capacity() : 0});
    const std::size_t capacity = text.size() > kKeptTextBytes ? text.size() : std::min(room, kKeptTextBytes);
    parser.reset();
    // The depth given here belongs to simdjson's second stage, which is not used.
    const auto failed = simdjson::get_active_implementation()->create_dom_parser_implementation(capacity, 1, parser);
    if (failed) return {Errc::overloaded, "no memory for a JSON text of " + std::to_string(text.size()) + " bytes"};
  }
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  switch (parser->stage1(bytes, text.size(), simdjson::stage1_mode::regular)) {
    case simdjson::SUCCESS:
      return {};
    case simdjson::EMPTY:
      return invalid(0, "no value, the text is empty");
    case simdjson::UTF8_ERROR:
      return invalid(utf8_error_at(text), "not UTF-8");
    case simdjson::UNESCAPED_CHARS:
      return invalid(string_error_at(text), "a control character in a string");
    case simdjson::UNCLOSED_STRING:
      return invalid(string_error_at(text), "a string without an end");
    default:
      return invalid(0, "the text cannot be read");
  }
}

Document::Document() : impl_(std::make_unique<Impl>()) {}
Document::~Document() = default;
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;

base::Result<Value> Document::parse(std::string_view text, std::size_t depth_max) {
  if (!impl_) impl_ = std::make_unique<Impl>();  // moved from
  Impl& impl = *impl_;
  impl.tape.text = text;
  impl.tape.nodes.clear();
  impl.tape.arena.clear();
  impl.open.clear();
  // Room for 64 bytes behind the last structural index must stay countable in 32 bits.
  if (text.size() > std::numeric_limits<std::uint32_t>::max() - 64) {
    return {Errc::too_large, "a JSON text of 4 GiB or more"};
  }
  TRUNKLINE_TRY_VOID(impl.index(text));
  Builder builder(impl.tape, impl.open, impl.parser->structural_indexes.get(), impl.parser->n_structural_indexes,
                  depth_max);
  TRUNKLINE_TRY_VOID(builder.run());
  return Value(&impl.tape, 0);
}

}  // namespace trunkline::json
