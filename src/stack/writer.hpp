#pragma once

#include <fmt/format.h>

#include <initializer_list>
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

  // A statement of a policy of what may be done: `resources` writes the values of a list, `rest` more members.
  template <class Written, class More>
  void statement(std::string_view effect, std::initializer_list<std::string_view> actions, const Written& resources,
                 const More& rest) {
    out_.begin_object().member("Effect", effect).key("Action").begin_array();
    for (const std::string_view action : actions) out_.string(action);
    out_.end_array().key("Resource").begin_array();
    resources();
    out_.end_array();
    rest();
    out_.end_object();
  }
  template <class Written>
  void statement(std::initializer_list<std::string_view> actions, const Written& resources) {
    statement("Allow", actions, resources, [] {});
  }
  // Properties of a role that `service` takes, with one policy of these statements.
  template <class Written>
  void role(std::string_view service, std::string_view policy, const Written& statements) {
    out_.key("AssumeRolePolicyDocument").begin_object().member("Version", "2012-10-17").key("Statement").begin_array();
    out_.begin_object().member("Effect", "Allow").key("Principal").begin_object().member("Service", service);
    out_.end_object().member("Action", "sts:AssumeRole").end_object().end_array().end_object();
    out_.key("Policies").begin_array().begin_object().member("PolicyName", policy).key("PolicyDocument").begin_object();
    out_.member("Version", "2012-10-17").key("Statement").begin_array();
    statements();
    out_.end_array().end_object().end_object().end_array();
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
