#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

#include "json/writer.hpp"

// CloudFormation's notation over a JSON writer.
namespace trunkline::stack {

struct ResourceOptions {
  std::string condition{};
  bool retain = false;               // stays when the stack or this resource of it is deleted
  std::vector<std::string> after{};  // DependsOn
};

// A template's list of resources while it is written.
class Resources {
 public:
  explicit Resources(json::Writer& out) : out_(out) {}

  // `properties` writes members of Properties.
  template <class Properties>
  void add(const std::string& id, std::string_view type, std::string_view description, const Properties& properties,
           const ResourceOptions& options = {}) {
    out_.key(id).begin_object().member("Type", type);
    if (!options.condition.empty()) out_.member("Condition", options.condition);
    if (options.retain) out_.member("DeletionPolicy", "Retain").member("UpdateReplacePolicy", "Retain");
    if (!options.after.empty()) {
      out_.key("DependsOn").begin_array();
      for (const std::string& each : options.after) out_.string(each);
      out_.end_array();
    }
    out_.key("Metadata").begin_object().member("Description", description).end_object();
    out_.key("Properties").begin_object();
    properties();
    out_.end_object().end_object();
  }

  json::Writer& out() { return out_; }

  void ref(std::string_view id) { out_.begin_object().member("Ref", id).end_object(); }
  void get_att(std::string_view id, std::string_view attribute) {
    out_.begin_object().key("Fn::GetAtt").begin_array().string(id).string(attribute).end_array().end_object();
  }
  void sub(std::string_view text) { out_.begin_object().member("Fn::Sub", text).end_object(); }
  // An ARN by its name, where naming the resource itself would be a circle.
  void arn(std::string_view service, std::string_view rest) {
    sub(fmt::format("arn:${{AWS::Partition}}:{}:${{AWS::Region}}:${{AWS::AccountId}}:{}", service, rest));
  }

  // A statement that lets a service in for one source: `resource` and `source` write their values.
  template <class Resource, class Source>
  void allow(std::string_view service, std::string_view action, const Resource& resource, const Source& source) {
    out_.begin_object().member("Effect", "Allow");
    out_.key("Principal").begin_object().member("Service", service).end_object();
    out_.member("Action", action).key("Resource");
    resource();
    out_.key("Condition").begin_object().key("ArnEquals").begin_object().key("aws:SourceArn");
    source();
    out_.end_object().end_object().end_object();
  }

 private:
  json::Writer& out_;
};

}  // namespace trunkline::stack
