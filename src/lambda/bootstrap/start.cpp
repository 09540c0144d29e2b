// What Lambda starts: the program with the loader and the libraries that came in the same zip, so that nothing of the
// image is needed. Static, and of libc only.
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace {

struct Path {
  char text[PATH_MAX] = {};
  Path(const char* root, const char* rest) { std::snprintf(text, sizeof text, "%s/%s", root, rest); }
};

}  // namespace

// Arguments are not looked at: the handler is in the environment.
int main() {
  const char* given = std::getenv("LAMBDA_TASK_ROOT");  // NOLINT(concurrency-mt-unsafe): one thread
  const char* root = given != nullptr ? given : "/var/task";
  Path loader(root, "lib/loader");
  Path libraries(root, "lib");
  Path program(root, "trunkline");
  // OpenSSL's own variable for the authorities that are trusted: those of the zip, unless the function says otherwise.
  const Path authorities(root, "ca.pem");
  setenv("SSL_CERT_FILE", authorities.text, 0);  // NOLINT(concurrency-mt-unsafe)
  // The SDKs' variable for AWS's own endpoints: of five authorities instead of 140 a start reads in a millisecond.
  const Path amazon(root, "aws-ca.pem");
  setenv("AWS_CA_BUNDLE", amazon.text, 0);  // NOLINT(concurrency-mt-unsafe)
  const Path configuration(root, "trunkline.yaml");
  setenv("TRUNKLINE_CONFIG", configuration.text, 0);  // NOLINT(concurrency-mt-unsafe)
  char library_path[] = "--library-path";
  char command[] = "lambda";
  char run[] = "run";
  char* arguments[] = {loader.text, library_path, libraries.text, program.text, command, run, nullptr};
  execv(loader.text, arguments);
  std::perror(loader.text);
  return 1;
}
