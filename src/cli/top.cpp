#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <ostream>
#include <thread>

#include "base/text.hpp"
#include "cli/client.hpp"
#include "cli/commands.hpp"
#include "cli/top_view.hpp"

namespace trunkline::cli {
namespace {

constexpr std::size_t kConsumersMax = 200;  // asked one by one, every second

volatile std::sig_atomic_t ended = 0;
void on_end(int) {
  ended = 1;
}
void on_resize(int) {}  // only to wake poll()

// The terminal for as long as the table is shown: another screen, keys as they are pressed, everything put back at the
// end. Ctrl-C and SIGTERM end the loop, so that they put it back, too.
class Screen {
 public:
  Screen() {
    struct sigaction action{};
    action.sa_handler = on_end;
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(signal, &action, nullptr);
    action.sa_handler = on_resize;
    ::sigaction(SIGWINCH, &action, nullptr);
    keys_ = ::tcgetattr(STDIN_FILENO, &former_) == 0;
    if (keys_) {
      termios raw = former_;
      raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
      ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    put("\x1b[?1049h\x1b[?25l");
  }
  ~Screen() {
    put("\x1b[?25h\x1b[?1049l");
    if (keys_) ::tcsetattr(STDIN_FILENO, TCSANOW, &former_);
  }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  void show(const TopView& view) const {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) size = {24, 80, 0, 0};
    // Each line is cleared behind its end, and the rest of the screen behind the last: without a flicker.
    std::string frame = "\x1b[H";
    const std::size_t lines = size.ws_row > 2 ? size.ws_row - 2u : 1u;
    for (const char c : view.render(size.ws_col, lines)) {
      if (c == '\n') frame += "\x1b[K";
      frame += c;
    }
    put(frame + "\x1b[Kq quits\x1b[J");
  }
  // False: the person wants to go.
  bool wait(base::Millis delay) const {
    pollfd keys{STDIN_FILENO, POLLIN, 0};
    if (::poll(&keys, keys_ ? 1 : 0, static_cast<int>(delay.count())) <= 0) return ended == 0;
    char key = 0;
    const ssize_t got = ::read(STDIN_FILENO, &key, 1);
    return ended == 0 && got == 1 && key != 'q' && key != 'Q' && key != 4;
  }

 private:
  static void put(std::string_view text) {
    while (!text.empty()) {
      const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
      if (written <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  termios former_{};
  bool keys_ = false;
};

bool sample(Client& client, TopView& view) {
  const auto status = client.get("/api/v1/status");
  const auto list = status ? client.get("/api/v1/consumers") : std::nullopt;
  if (!list) return false;
  std::vector<Answer> answers;
  const auto consumers = list->root().find("consumers");
  for (auto consumer = consumers ? consumers->first() : std::nullopt; consumer && answers.size() < kConsumersMax;
       consumer = consumer->next()) {
    // One that a reload has removed in between is left out.
    auto answer = client.get("/api/v1/consumers/" + base::percent_encode(consumer->string_at("name")));
    if (answer) answers.push_back(std::move(*answer));
  }
  std::vector<json::Value> values;
  values.reserve(answers.size());
  for (const Answer& answer : answers) values.push_back(answer.root());
  view.add_sample(status->root(), values, base::SystemClock().mono());
  return true;
}

}  // namespace

int run_top(const TopOptions& options, const Terminal& terminal) {
  Client client(options.connection, terminal);
  TopView view;
  if (!sample(client, view)) return client.exit_code();
  const bool screen_there = ::isatty(STDOUT_FILENO) == 1;
  if (options.once || options.connection.json || !screen_there) {
    // Rates need two looks.
    std::this_thread::sleep_for(options.interval);
    if (!sample(client, view)) return client.exit_code();
    terminal.out << (options.connection.json ? view.json() + "\n" : view.render(SIZE_MAX, SIZE_MAX));
    return exit_ok;
  }
  bool reached = true;
  {
    const Screen screen;
    do {
      screen.show(view);
    } while (screen.wait(options.interval) && (reached = sample(client, view)));
  }
  return reached ? exit_ok : client.exit_code();
}

}  // namespace trunkline::cli
