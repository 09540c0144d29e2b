#include "event/event.hpp"

#include <array>
#include <utility>

#include "event/rejected.hpp"

namespace trunkline::event {
namespace {

constexpr std::array<std::string_view, 6> kForms = {"eventbridge",        "eventgrid", "cloudevents",
                                                    "lambda_destination", "bare",      "flat"};
constexpr std::array<std::string_view, 5> kOrders = {"none", "conversation", "agent", "queue", "topic"};
constexpr std::array<std::string_view, 13> kReasons = {
    "empty_body", "invalid_utf8", "not_json",        "too_deep",       "too_nested",   "empty_array", "too_many_items",
    "wrong_type", "unknown_form", "bare_event_body", "missing_member", "wrong_member", "control"};

}  // namespace

static_assert(kReasons.size() == static_cast<std::size_t>(Reason::control) + 1);

std::string_view name(Form form) {
  return kForms[static_cast<std::size_t>(form)];
}

std::string_view name(Order order) {
  return kOrders[static_cast<std::size_t>(order)];
}

std::string_view name(Reason reason) {
  return kReasons[static_cast<std::size_t>(reason)];
}

std::optional<Order> parse_order(std::string_view text) {
  for (std::size_t i = 0; i < kOrders.size(); ++i) {
    if (kOrders[i] == text) return static_cast<Order>(i);
  }
  return std::nullopt;
}

std::string group_text(const Event& event, Order order) {
  std::string text;
  append_group_text(text, event, order);
  return text;
}

void append_group_text(std::string& out, const Event& event, Order order) {
  if (order == Order::none) return;
  std::string_view id;
  if (order == Order::conversation) id = event.conversation_id;
  if (order == Order::agent) id = event.user_id;
  if (order == Order::queue) id = event.queue_id;
  const Order kind = id.empty() ? Order::topic : order;
  if (id.empty()) id = event.topic_name;
  out.reserve(out.size() + name(kind).size() + event.org_id.size() + id.size() + 2);
  out.append(name(kind)).append(1, '/').append(event.org_id).append(1, '/').append(id);
}

}  // namespace trunkline::event
