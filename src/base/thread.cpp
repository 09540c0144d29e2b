#include "base/thread.hpp"

#include <pthread.h>

#include <csignal>
#include <string>
#include <utility>

namespace trunkline::base {

std::thread start_thread(const char* name, std::function<void()> body) {
  // A new thread takes over the mask of the one that starts it.
  sigset_t all;
  sigset_t former;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &former);
  std::thread thread(std::move(body));
  pthread_sigmask(SIG_SETMASK, &former, nullptr);
  pthread_setname_np(thread.native_handle(), std::string(name).substr(0, 15).c_str());
  return thread;
}

}  // namespace trunkline::base
