#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/loop.hpp"
#include "base/result.hpp"
#include "delivery/sink.hpp"
#include "net/aws_signature.hpp"
#include "sinks/http_sender.hpp"
#include "sinks/render.hpp"
#include "sinks/s3_object.hpp"

namespace trunkline::sinks {

struct S3Options {
  std::string url{};  // of a compatible store, whose buckets are paths; empty: AWS's of the region
  std::string bucket;
  std::string region = "us-east-1";
  net::AwsCredentials credentials;
  S3Layout layout{};
  std::string storage_class{};  // empty: the bucket's
  std::size_t batch_messages_max = 10'000;
  std::size_t batch_bytes_max = 64 << 20;  // of events before rendering; a PUT takes 5 GB
  base::Millis connect_timeout = std::chrono::seconds(5);
  base::Millis timeout = std::chrono::seconds(60);  // of each request
  bool shadow = false;                              // nothing is sent: every answer counts as stored
};

// Errc::invalid names the option.
base::Result<void> validate(const S3Options& options);

// Writes events to an S3-compatible object store: of each batch one object for each hour, by one signed PUT each, one after
// the other. An event is delivered when its object is stored; at the first that is not, the others of the batch stay unsent
// and come again. What the answers mean is in s3_verdict.hpp. An object of which nobody knows whether it is stored is asked
// for before its events are sent again (s3_in_doubt.hpp).
//
// A batch makes kObjectsMax objects at most; events of other hours come again at once. It ends within so many time-outs of
// its own, as a rule within one. Memory: for each batch under way its events, rendered, and the same compressed.
class S3Sink final : public delivery::Sink {
 public:
  static constexpr std::size_t kObjectsMax = 24;

  // `renderer` makes enriched bodies, on a thread of the sink's own. The loop must outlive the sink.
  static base::Result<std::unique_ptr<S3Sink>> make(S3Options options, Renderer renderer,
                                                    std::unique_ptr<HttpSender> sender, base::Loop& loop);
  // Waits for the batch that is being made into objects; no callback comes for it and for those behind it.
  ~S3Sink() override;

  delivery::SinkLimits limits() const override;
  void send(delivery::Batch batch, base::UniqueFunction<void(delivery::BatchVerdict)> done) override;
  // Asks for an object that is not there: whoever is known gets 404, or 403 AccessDenied where it may not list.
  void probe(base::UniqueFunction<void(base::Result<std::string>)> done) override;

 private:
  struct Core;
  struct Upload;
  using CorePtr = std::shared_ptr<Core>;
  using UploadPtr = std::shared_ptr<Upload>;  // shared with the answer under way

  explicit S3Sink(CorePtr core) : core_(std::move(core)) {}
  static void ask_next(const CorePtr& core, UploadPtr upload);
  static void make_objects(const CorePtr& core, UploadPtr upload);
  static void put_next(const CorePtr& core, UploadPtr upload);
  static void stop(Upload& upload, delivery::EventVerdict verdict);

  const CorePtr core_;  // held weakly by what is under way
};

}  // namespace trunkline::sinks
