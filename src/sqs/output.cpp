#include "sqs/output.hpp"

#include <fmt/format.h>

#include "base/crypto.hpp"

namespace trunkline::sqs {
namespace {

class JsonOutput final : public Output {
 public:
  JsonOutput() { writer_.begin_object(); }
  void text(std::string_view name, std::string_view value) override { writer_.member(name, value); }
  void flag(std::string_view name, bool value) override { writer_.member(name, value); }
  void number(std::string_view name, std::int64_t value) override { writer_.member(name, value); }
  void texts(std::string_view json_name, std::string_view, const std::vector<std::string>& values) override {
    if (values.empty()) return;
    writer_.key(json_name).begin_array();
    for (const std::string& value : values) writer_.string(value);
    writer_.end_array();
  }
  void map(std::string_view json_name, std::string_view, const Pairs& values, std::string_view) override {
    if (values.empty()) return;
    writer_.key(json_name).begin_object();
    for (const auto& [name, value] : values) writer_.member(name, value);
    writer_.end_object();
  }
  void attributes(const std::vector<MessageAttribute>& attributes) override {
    if (attributes.empty()) return;
    writer_.key("MessageAttributes").begin_object();
    for (const MessageAttribute& each : attributes) {
      writer_.key(each.name).begin_object();
      writer_.member("DataType", each.data_type);
      if (each.binary()) {
        writer_.member("BinaryValue", base::base64_encode(each.value)).end_object();
      } else {
        writer_.member("StringValue", each.value).end_object();
      }
    }
    writer_.end_object();
  }
  void begin_list(std::string_view json_name) override { writer_.key(json_name).begin_array(); }
  void begin_item(std::string_view) override { writer_.begin_object(); }
  void end_item(std::string_view) override { writer_.end_object(); }
  void end_list() override { writer_.end_array(); }
  std::string finish() override {
    writer_.end_object();
    return std::move(out_);
  }

 private:
  std::string out_;
  json::Writer writer_{out_};
};

class XmlOutput final : public Output {
 public:
  XmlOutput(std::string_view operation, std::string_view xml_namespace, std::string_view request_id)
      : operation_(operation), request_id_(request_id) {
    out_ =
        fmt::format("<?xml version=\"1.0\"?><{}Response xmlns=\"{}\"><{}Result>", operation, xml_namespace, operation);
  }
  void text(std::string_view name, std::string_view value) override {
    fmt::format_to(std::back_inserter(out_), "<{}>", name);
    append_xml_text(out_, value);
    fmt::format_to(std::back_inserter(out_), "</{}>", name);
  }
  void flag(std::string_view name, bool value) override { text(name, value ? "true" : "false"); }
  void number(std::string_view name, std::int64_t value) override { text(name, std::to_string(value)); }
  void texts(std::string_view, std::string_view xml_name, const std::vector<std::string>& values) override {
    for (const std::string& value : values) text(xml_name, value);
  }
  void map(std::string_view, std::string_view xml_name, const Pairs& values, std::string_view key) override {
    for (const auto& [name, value] : values) {
      begin_item(xml_name);
      text(key, name);
      text("Value", value);
      end_item(xml_name);
    }
  }
  void attributes(const std::vector<MessageAttribute>& attributes) override {
    for (const MessageAttribute& each : attributes) {
      begin_item("MessageAttribute");
      text("Name", each.name);
      begin_item("Value");
      if (each.binary()) {
        text("BinaryValue", base::base64_encode(each.value));
      } else {
        text("StringValue", each.value);
      }
      text("DataType", each.data_type);
      end_item("Value");
      end_item("MessageAttribute");
    }
  }
  void begin_list(std::string_view) override {}
  void begin_item(std::string_view xml_name) override { fmt::format_to(std::back_inserter(out_), "<{}>", xml_name); }
  void end_item(std::string_view xml_name) override { fmt::format_to(std::back_inserter(out_), "</{}>", xml_name); }
  void end_list() override {}
  std::string finish() override {
    fmt::format_to(std::back_inserter(out_),
                   "</{}Result><ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></{}Response>", operation_,
                   request_id_, operation_);
    return std::move(out_);
  }

 private:
  std::string out_;
  std::string operation_;
  std::string request_id_;
};

}  // namespace

std::unique_ptr<Output> make_output(Protocol protocol, std::string_view operation, std::string_view xml_namespace,
                                    std::string_view request_id) {
  if (protocol == Protocol::json) return std::make_unique<JsonOutput>();
  return std::make_unique<XmlOutput>(operation, xml_namespace, request_id);
}

std::string error_body(Protocol protocol, const Fault& fault, std::string_view request_id) {
  const CodeRow& row = row_of(fault.code);
  std::string out;
  if (protocol == Protocol::json) {
    json::Writer writer(out);
    writer.begin_object().member("__type", row.json_type).member("message", fault.message).end_object();
    return out;
  }
  out = fmt::format("<?xml version=\"1.0\"?><ErrorResponse xmlns=\"{}\"><Error><Type>{}</Type><Code>{}</Code><Message>",
                    kSqsNamespace, row.sender ? "Sender" : "Receiver", row.query_code);
  append_xml_text(out, fault.message);
  // AWS's own addition, by which old clients know this error.
  if (fault.code == Code::no_such_queue && out.ends_with('.')) {
    out.pop_back();
    out += " for this wsdl version.";
  }
  fmt::format_to(std::back_inserter(out), "</Message><Detail/></Error><RequestId>{}</RequestId></ErrorResponse>",
                 request_id);
  return out;
}

void append_xml_text(std::string& out, std::string_view text) {
  for (const char c : xml_characters(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\r':
        out += "&#xD;";
        break;
      default:
        out += c;
    }
  }
}

}  // namespace trunkline::sqs
