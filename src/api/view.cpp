#include "api/view.hpp"

#include <fmt/format.h>

#include <utility>

#include "api/handlers.hpp"
#include "json/document.hpp"
#include "json/writer.hpp"
#include "mapping/record.hpp"

namespace trunkline::api {
namespace {

bool asks_for_raw(const Call& call) {
  const std::string text = call.request.query_parameter("raw").value_or("0");
  return text == "1" || text == "true";
}

// Names of members stay, since they are this program's. Recurses as deep as a filter policy is nested.
void write_shown(json::Writer& writer, json::Value value, const View& view) {
  if (value.is(json::Type::string)) {
    writer.string(view.text(value.string()));
    return;
  }
  if (value.is(json::Type::number)) {
    const std::string shown = view.text(value.raw());
    if (shown == value.raw()) {
      writer.raw(shown);
    } else {
      writer.string(shown);
    }
    return;
  }
  if (!value.is(json::Type::object) && !value.is(json::Type::array)) {
    writer.raw(value.raw());
    return;
  }
  const bool object = value.is(json::Type::object);
  if (object) {
    writer.begin_object();
  } else {
    writer.begin_array();
  }
  for (auto child = value.first(); child; child = child->next()) {
    if (object) writer.key(child->name());
    write_shown(writer, *child, view);
  }
  if (object) {
    writer.end_object();
  } else {
    writer.end_array();
  }
}

}  // namespace

engine::RecordPtr View::of(const engine::Record& record) {
  if (!raw()) return mapping::shown(record, *mapping_, scratch_, &hidden_);
  return std::make_shared<engine::Record>(record);
}

engine::RecordPtr View::of(engine::RecordPtr record) {
  if (raw() || !record) return record;
  return mapping::shown(*record, *mapping_, scratch_, &hidden_);
}

std::string View::error(std::string_view error_class, std::string_view detail) const {
  return error_class == mapping::kUnmappable ? std::string(detail) : text(detail);
}

View::MappingPtr view_mapping(Hub& hub, const ConsumerInfo* consumer) {
  const View::MappingPtr own = consumer == nullptr ? nullptr : consumer->mapping;
  if (own && own->protects()) return own;
  View::MappingPtr views = hub.views();
  return views ? views : own;
}

void with_view(CallPtr call, View::MappingPtr mapping, base::UniqueFunction<void(CallPtr, View)> then) {
  if (!mapping || !asks_for_raw(*call)) return then(std::move(call), View(std::move(mapping)));
  if (mapping->protects() && !call->hub.may_see_raw(call->caller)) {
    constexpr int kForbidden = 403;
    return call->answer(error_json("forbidden", fmt::format("'{}' may not see events as they came", call->caller),
                                   "privacy.raw_by in the configuration names who may"),
                        kForbidden);
  }
  operation::AuditEntry audit;
  audit.by = call->caller;
  audit.action = "view.raw";
  audit.what = fmt::format("{} {}", call->request.method, call->request.path);
  operation::Operations& operations = call->hub.operations();
  base::Loop& loop = call->loop;
  operations.record(std::move(audit), loop,
                    [call = std::move(call), then = std::move(then)](base::Result<std::uint64_t> entry) mutable {
                      if (!entry.ok()) return call->fail(entry.error());
                      then(std::move(call), View());
                    });
}

void show_explanation(const View& view, std::string& json, std::string& text) {
  if (view.raw()) return;
  text = view.text(text);
  if (json.empty()) return;
  json::Document document;
  const auto root = document.parse(json);
  std::string shown;
  json::Writer writer(shown);
  if (root.ok()) {
    write_shown(writer, *root, view);
  } else {
    writer.null();
  }
  json = std::move(shown);
}

void show(WhyReport& report, View& view) {
  if (view.raw()) return;
  for (WhyEvent& event : report.events) {
    event.record = view.of(std::move(event.record));
    for (WhyConsumer& consumer : event.consumers) {
      show_explanation(view, consumer.filter_json, consumer.filter_text);
      consumer.group = view.text(consumer.group);
      consumer.last_error = view.text(consumer.last_error);
      consumer.error_detail = view.error(consumer.error_class, consumer.error_detail);
      for (WhyFailure& failure : consumer.failures)
        failure.error_detail = view.error(failure.error_class, failure.error_detail);
    }
  }
}

void get_mapping(CallPtr call) {
  Hub& hub = call->hub;
  base::Loop& loop = call->loop;
  const std::string version = call->captures[0];
  hub.mapping_text(version, loop, [call = std::move(call), version](const base::Result<std::string>& text) {
    if (!text.ok()) return call->fail(text.error(), "`trunkline why` says by which mapping an event was delivered");
    std::string out;
    json::Writer(out).begin_object().member("version", version).member("text", *text).end_object();
    call->answer(std::move(out));
  });
}

}  // namespace trunkline::api
