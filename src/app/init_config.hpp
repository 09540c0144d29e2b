#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"

namespace trunkline::app {

// What a first configuration is made of.
struct InitAnswers {
  std::string source = "eventbridge";               // eventbridge, eventgrid or genesys
  std::string source_name = "genesys";              // events are posted to /ingest/NAME
  std::string key = "${env:TRUNKLINE_INGEST_KEY}";  // a reference; empty: open, on loopback only
  std::string api_key{};                            // a reference; needed where `listen` is wider than loopback
  std::vector<std::string> consumers{"archive=./archive/events.jsonl"};  // NAME=URL, NAME=PATH or NAME
  std::string data_dir = "./data";
  std::string listen = "127.0.0.1:8080";
};

// The text of trunkline.yaml, with a comment at everything that a newcomer will ask about. The error names the answer
// that cannot be used.
base::Result<std::string> config_text(const InitAnswers& answers);

}  // namespace trunkline::app
