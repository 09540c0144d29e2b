#pragma once

#include "config/config.hpp"
#include "config/option.hpp"
#include "config/scope_reader.hpp"

namespace trunkline::config {

Table<SqsQueue> sqs_queue_table();

// Reads `sqs` of a source and checks that it stands where `kind` is sqs, and that nothing stands there which belongs to a
// source over HTTP. `source` is the member of `sources`.
void read_sqs_queue(const YamlNode::Member& source, const ScopeReader& reader, Source& out);

}  // namespace trunkline::config
