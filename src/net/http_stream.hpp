#pragma once

#include <cstddef>
#include <string_view>

#include "base/loop.hpp"

namespace trunkline::net {

// The open end of a response without a length: chunked for HTTP/1.1, until the connection closes for HTTP/1.0. Loop of
// the connection only. The connection reads no further request while it is open. A stream whose last owner lets it go
// before close() is cut, so that the peer sees a body that was not finished.
class HttpStream {
 public:
  virtual ~HttpStream() = default;

  // False: the peer is gone, or has left more than HttpServerOptions::stream_unfetched_max unfetched and was cut; or
  // close() was called. Never blocks. Writes of one turn of the loop leave together.
  virtual bool write(std::string_view bytes) = 0;
  virtual std::size_t unfetched() const = 0;  // bytes that wait here for the peer
  // Ends the body properly. Later calls have no effect, and `closed` is not called any more.
  virtual void close() = 0;
  // Called once, later on the loop and never from inside of another call: when the peer is gone or was cut, or when the
  // server stops (then close() is expected soon; the deadline of the stop cuts it). A peer that has shut down its
  // sending side only still reads, and TCP cannot tell it from one that has closed before something is written to it:
  // write a sign of life now and then.
  virtual void on_closed(base::Task closed) = 0;
};

}  // namespace trunkline::net
