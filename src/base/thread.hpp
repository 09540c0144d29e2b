#pragma once

#include <functional>
#include <thread>

namespace trunkline::base {

// A thread that no signal interrupts: those belong to the program's main thread. `name` is what tools show, 15 bytes of it.
std::thread start_thread(const char* name, std::function<void()> body);

}  // namespace trunkline::base
