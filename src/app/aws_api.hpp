#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "account/api.hpp"
#include "aws/client.hpp"
#include "aws/shared_files.hpp"
#include "net/io_loop.hpp"

namespace trunkline::app {

// AWS's services over a loop of its own: for commands, which wait. Credentials and endpoints as the SDKs find them.
class AwsApi final : public account::Api {
 public:
  // The loop must have been started. `region` is not empty.
  AwsApi(net::IoLoop& loop, aws::Environment environment, aws::SharedFiles files, std::string region);
  ~AwsApi() override;

  base::Result<std::string> json(std::string_view service, std::string_view operation, std::string body) override;
  base::Result<std::string> query(std::string_view service, std::string_view action,
                                  const account::Parameters& parameters) override;
  base::Result<std::string> get(std::string_view service, std::string path) override;
  base::Result<std::string> put(std::string_view service, std::string path, std::string body) override;
  // To S3, by path-style addressing, in the region of this object. `key`: letters, digits, '-', '_', '.' and '/'.
  base::Result<void> put_object(const std::string& bucket, const std::string& key, std::string bytes);

 private:
  // `within`: three tries and what lies between them.
  using Call = base::UniqueFunction<void(aws::Client&, aws::ReplyCallback)>;
  base::Result<std::string> wait(std::string_view service, Call call, base::Millis within = std::chrono::minutes(3));
  aws::Client& client(std::string_view service);  // on the loop

  net::IoLoop& loop_;
  const aws::Environment environment_;
  const aws::SharedFiles files_;
  const std::string region_;
  // On the loop.
  std::unique_ptr<aws::CredentialChain> credentials_;
  std::unique_ptr<aws::Transport> transport_;
  std::map<std::string, std::unique_ptr<aws::Client>, std::less<>> clients_;
};

}  // namespace trunkline::app
