// SPDX-License-Identifier: Apache-2.0
// serve PROGRAM MODEL PICTURE...: starts `muster serve` on a free port, and asks it over HTTP what
// the pictures are.
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <muster/image.h>

#include "tutorial.h"

extern char** environ;

namespace {

// [start server]
// The server as a process of its own: the library has no ports. Ends with this object.
class Server {
 public:
  Server(std::string program, std::string models) {
    int output[2];
    if (pipe(output) != 0) std::abort();
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, output[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&files, output[0]);
    std::string words[] = {program, "serve",       "--models", models,           "--http-port",
                           "0",     "--grpc-port", "0",        "--metrics-port", "0"};
    std::vector<char*> arguments;
    for (std::string& word : words)
      arguments.push_back(word.data());
    arguments.push_back(nullptr);
    if (posix_spawn(&process_, program.c_str(), &files, nullptr, arguments.data(), environ) != 0)
      process_ = -1;
    posix_spawn_file_actions_destroy(&files);
    close(output[1]);
    // It says where it listens ("muster: http 127.0.0.1:40123"), and then that it is ready.
    std::FILE* lines = fdopen(output[0], "r");
    for (char line[512]; std::fgets(line, sizeof line, lines) != nullptr;) {
      std::sscanf(line, "muster: http 127.0.0.1:%hu", &port_);
      ready_ = ready_ || std::string_view(line).starts_with("muster: ready");
      if (ready_) break;
    }
    output_ = lines;
  }
  ~Server() {
    if (process_ > 0) kill(process_, SIGTERM);  // answers what it has accepted, and ends
    if (process_ > 0) waitpid(process_, nullptr, 0);
    std::fclose(output_);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] bool ready() const { return ready_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  pid_t process_ = -1;
  std::FILE* output_ = nullptr;
  std::uint16_t port_ = 0;
  bool ready_ = false;
};
// [end server]

// [start client]
// What a server answers to one POST; any HTTP client does the same.
std::string post(std::uint16_t port, const std::string& path, std::span<const std::byte> body) {
  const int connection = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (connect(connection, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
    std::string request = "POST " + path +
                          " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                          "Content-Type: application/octet-stream\r\nContent-Length: " +
                          std::to_string(body.size()) + "\r\n\r\n";
    request.append(reinterpret_cast<const char*>(body.data()), body.size());
    std::string_view left = request;
    for (ssize_t sent = 1; sent > 0 && !left.empty();) {
      sent = send(connection, left.data(), left.size(), MSG_NOSIGNAL);
      left.remove_prefix(sent > 0 ? static_cast<std::size_t>(sent) : 0);
    }
    char part[4096];
    for (ssize_t got = 1; got > 0;) {
      got = recv(connection, part, sizeof part, 0);
      answer.append(part, got > 0 ? static_cast<std::size_t>(got) : 0);
    }
  }
  close(connection);
  return answer;
}

// The best class: the first "label" of the answer's JSON.
std::string classify(std::uint16_t port, const std::string& model, const std::string& picture) {
  const auto file = tutorial::need(muster::read_picture_file(picture));
  const std::string answer = post(port, "/v2/models/" + model + "/classify", file.bytes());
  constexpr std::string_view kLabel = "\"label\":\"";
  const auto at = answer.find(kLabel);
  if (!answer.starts_with("HTTP/1.1 200") || at == std::string::npos) return "failed: " + answer;
  const auto begin = at + kLabel.size();
  return answer.substr(begin, answer.find('"', begin) - begin);
}
// [end client]

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return std::cerr << "usage: serve PROGRAM MODEL PICTURE...\n", 2;
  const auto model = std::filesystem::canonical(argv[2]);
  const Server server(argv[1], model.parent_path().string());
  if (!server.ready()) return std::cerr << argv[1] << " did not start\n", 1;
  std::cout << "serving at http://127.0.0.1:" << server.port() << "\n";
  bool all = true;
  for (int i = 3; i < argc; ++i) {
    const std::string label = classify(server.port(), model.filename().string(), argv[i]);
    std::cout << argv[i] << ": " << label << "\n";
    all = all && !label.starts_with("failed");
  }
  return all ? 0 : 1;
}
