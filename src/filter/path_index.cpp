#include "filter/path_index.hpp"

namespace trunkline::filter {

using Op = Condition::Op;

void PathIndex::add(const Clause& clause, std::uint32_t number) {
  for (const Condition& condition : clause.conditions) {
    if (!condition.is_anything_but()) {
      add_condition(condition, number);
    } else if (condition.op == Op::anything_but_wildcard || but_last_ == number) {
      present_.add(number);
    } else {
      but_last_ = number;
      add_anything_but(condition, number);
    }
  }
}

void PathIndex::add_condition(const Condition& condition, std::uint32_t number) {
  switch (condition.op) {
    case Op::string:
      return exact_.add(condition.texts.front(), number);
    case Op::number:
      return numbers_.add({condition.numbers.front(), condition.numbers.front()}, number);
    case Op::true_literal:
      return true_.add(number);
    case Op::false_literal:
      return false_.add(number);
    case Op::null:
      return null_.add(number);
    case Op::prefix:
      return prefixes_.add(condition.texts.front(), number);
    case Op::suffix:
      return suffixes_.add(condition.texts.front(), number);
    case Op::ignore_case:
      return exact_folded_.add(condition.texts.front(), number);
    case Op::prefix_ignore_case:
      return prefixes_folded_.add(condition.texts.front(), number);
    case Op::suffix_ignore_case:
      return suffixes_folded_.add(condition.texts.front(), number);
    case Op::wildcard:
      return add_wildcard(condition.wildcards.front(), number);
    case Op::numeric:
      return numbers_.add({condition.bottom, condition.top, condition.bottom_open, condition.top_open}, number);
    case Op::cidr:
      return addresses_.add({condition.addresses.bottom, condition.addresses.top}, number);
    case Op::absent:
      return absent_.add(number);
    default:
      return present_.add(number);
  }
}

void PathIndex::add_wildcard(const Wildcard& wildcard, std::uint32_t number) {
  const std::vector<std::string>& pieces = wildcard.pieces();
  if (pieces.size() == 1) return exact_.add(pieces.front(), number);
  if (pieces.size() == 2 && pieces.back().empty()) return prefixes_.add(pieces.front(), number);
  if (pieces.size() == 2 && pieces.front().empty()) return suffixes_.add(pieces.back(), number);
  wildcards_.add(wildcard, number);
}

void PathIndex::add_anything_but(const Condition& condition, std::uint32_t number) {
  but_all_.add(number);
  for (const std::string& text : condition.texts) {
    if (condition.op == Op::anything_but_prefix) {
      but_prefixes_.add(text, number);
    } else {
      but_strings_.add(text, number);
    }
  }
  for (const Decimal& excluded : condition.numbers) but_numbers_.add({excluded, excluded}, number);
}

void PathIndex::finish() {
  prefixes_.finish();
  suffixes_.finish();
  prefixes_folded_.finish();
  suffixes_folded_.finish();
  numbers_.finish();
  addresses_.finish();
  but_prefixes_.finish();
  but_numbers_.finish();
}

void PathIndex::visit(const Scalar& value, std::span<std::uint64_t> candidates, Buffers& buffers) const {
  const auto see = [&](const Posting& posting) { posting.add_to(candidates); };
  present_.add_to(candidates);
  switch (value.kind) {
    case Scalar::Kind::string:
      visit_string(value.text, candidates, buffers.folded);
      break;
    case Scalar::Kind::number:
      if (!numbers_.empty()) numbers_.visit(*value.number, see);
      break;
    case Scalar::Kind::true_literal:
      see(true_);
      break;
    case Scalar::Kind::false_literal:
      see(false_);
      break;
    case Scalar::Kind::null:
      see(null_);
      break;
  }
  if (!but_all_.empty()) visit_anything_but(value, candidates, buffers);
}

void PathIndex::visit_string(std::string_view text, std::span<std::uint64_t> candidates,
                             std::string& folded_text) const {
  const auto see = [&](const Posting& posting) { posting.add_to(candidates); };
  exact_.visit(text, see);
  if (!prefixes_.empty()) prefixes_.visit(text, see);
  if (!suffixes_.empty()) suffixes_.visit(text, see);
  if (!wildcards_.empty()) wildcards_.visit(text, see);
  // Folding keeps the number of bytes.
  const bool may_be_exact = exact_folded_.may_hold(text.size());
  if (may_be_exact || !prefixes_folded_.empty() || !suffixes_folded_.empty()) {
    folded_text.clear();
    append_folded(folded_text, text);
    if (may_be_exact) exact_folded_.visit(folded_text, see);
    prefixes_folded_.visit(folded_text, see);
    suffixes_folded_.visit(folded_text, see);
  }
  if (addresses_.empty()) return;
  if (const std::optional<IpAddress> address = parse_ip(text)) addresses_.visit(*address, see);
}

void PathIndex::visit_anything_but(const Scalar& value, std::span<std::uint64_t> candidates, Buffers& buffers) const {
  const std::span<std::uint64_t> excluded = buffers.excluded;
  const auto exclude = [&](const Posting& posting) { posting.add_to(excluded); };
  if (value.kind == Scalar::Kind::string) {
    but_strings_.visit(value.text, exclude);
    if (!but_prefixes_.empty()) but_prefixes_.visit(value.text, exclude);
  } else if (value.number && !but_numbers_.empty()) {
    but_numbers_.visit(*value.number, exclude);
  }
  but_all_.add_rest(excluded, candidates);
}

}  // namespace trunkline::filter
