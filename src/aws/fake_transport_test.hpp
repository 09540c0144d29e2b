#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "aws/environment.hpp"
#include "aws/transport.hpp"

namespace trunkline::aws::testing {

// Keeps what it was to send; the test answers.
struct FakeTransport final : Transport {
  struct Sent {
    net::ClientRequest request;
    net::ClientCallback done;

    std::string header(std::string_view name) const {
      return std::string(net::find_header(request.headers, name).value_or(""));
    }
    void answer(int status, std::string body, net::Headers headers = {}) {
      net::ClientResponse response;
      response.status = status;
      response.headers = std::move(headers);
      response.body = std::move(body);
      std::exchange(done, {})(std::move(response));
    }
    void fail(base::Errc code) { std::exchange(done, {})(base::Error{code, "no answer"}); }
  };
  void send(net::ClientRequest request, net::ClientCallback done) override {
    sent.push_back({std::move(request), std::move(done)});
  }
  // The oldest that waits for its answer.
  Sent take() {
    EXPECT_FALSE(sent.empty()) << "nothing was sent";
    if (sent.empty()) return {{}, [](const base::Result<net::ClientResponse>&) {}};
    Sent first = std::move(sent.front());
    sent.erase(sent.begin());
    return first;
  }
  std::vector<Sent> sent;
};

// An environment and a home of its own.
class HomeTest : public ::testing::Test {
 protected:
  HomeTest()
      : home_(std::filesystem::temp_directory_path() /
              ("trunkline-aws-" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()) + "-" +
               std::to_string(::getpid()))) {
    std::filesystem::create_directories(home_);
    variables_["HOME"] = home_.string();
  }
  ~HomeTest() override { std::filesystem::remove_all(home_); }

  void write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = home_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  std::string path(const std::string& name) const { return (home_ / name).string(); }
  Environment environment() {
    return [this](const std::string& name) -> std::optional<std::string> {
      const auto found = variables_.find(name);
      if (found == variables_.end()) return std::nullopt;
      return found->second;
    };
  }

  std::filesystem::path home_;
  std::map<std::string, std::string> variables_;
};

}  // namespace trunkline::aws::testing
