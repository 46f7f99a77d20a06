// SPDX-License-Identifier: Apache-2.0
#include "bench/served/contenders.h"

#include <filesystem>
#include <functional>
#include <map>
#include <stdexcept>
#include <thread>

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>

namespace muster::bench {
namespace {

constexpr int kStreamsOfAConnection = 8;
constexpr std::chrono::seconds kTimeToStart{30};

// Free when it was looked for. The server's own words about its port would have to be understood.
std::uint16_t free_port() {
  const Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(socket.fd(), generic, size) != 0 || ::getsockname(socket.fd(), generic, &size) != 0)
    throw std::runtime_error("no port is free");
  return ntohs(address.sin_port);
}

Contender closed_loop(const std::string& name, const Asked& asked, std::vector<Question> questions,
                      const ClosedLoop& loop) {
  return {name, [=, kept = std::make_shared<std::vector<Question>>(std::move(questions))] {
            return run_closed_loop(asked, *kept, loop);
          }};
}

Contender over_shared_memory(const std::string& name, const Asked& asked, const KnownModel& model,
                             const Workload& workload) {
  const auto memory = std::make_shared<SharedMemoryQuestions>(asked.address, model,
                                                              workload.clients, workload.batch);
  const ClosedLoop loop{workload.clients, 1, workload.seconds, workload.batch};
  return {name, [=] { return run_closed_loop(asked, memory->questions(), loop); }};
}

}  // namespace

std::string repository_of(const Workload& workload) {
  return std::filesystem::path(workload.model).lexically_normal().parent_path();
}

MusterServer::MusterServer(const std::string& program, const std::string& repository,
                           const std::vector<std::string>& words) {
  std::string pattern = std::filesystem::temp_directory_path() / "muster-bench-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error(pattern + " cannot be made");
  folder_ = pattern;
  doors_.http.port = free_port();
  doors_.grpc = Address{"127.0.0.1", free_port(), {}};
  doors_.unix_socket = Address{{}, 0, folder_ + "/http"};
  const auto start = WallClock::now();
  std::vector<std::string> line = {program,          "serve",
                                   "--models",       repository,
                                   "--http-port",    std::to_string(doors_.http.port),
                                   "--grpc-port",    std::to_string(doors_.grpc->port),
                                   "--metrics-port", "0",
                                   "--unix-socket",  doors_.unix_socket->unix_path,
                                   "--shared-memory"};
  line.insert(line.end(), words.begin(), words.end());
  process_ = std::make_unique<ServerProcess>(line);
  doors_.pid = process_->pid();
  while (http_exchange(doors_.http, "GET", "/v2/health/ready").status != 200) {
    if (WallClock::now() - start > kTimeToStart)
      throw std::runtime_error("the server does not become ready");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  milliseconds_to_ready_ = static_cast<double>(nanoseconds_since(start)) / 1e6;
}

MusterServer::~MusterServer() {
  process_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

BareServer::BareServer(const std::string& program, const std::string& model_file)
    : process_({program, model_file}) {
  http_.port = static_cast<std::uint16_t>(process_.wait_for_number_behind("port "));
}

Doors BareServer::doors() const {
  return {http_, {}, {}, process_.pid()};
}

std::optional<Doors> target_doors(const Peers& peers) {
  if (peers.target.empty()) return std::nullopt;
  Doors doors;
  doors.http = parse_address(peers.target);
  if (!peers.target_grpc.empty()) doors.grpc = parse_address(peers.target_grpc);
  doors.pid = peers.target_pid;
  return doors;
}

std::optional<Contender> ask_server(const std::string& contender, const std::string& way,
                                    const Doors& doors, const KnownModel& model,
                                    const Workload& workload) {
  const int count = workload.clients;
  const Asked http{Transport::kHttp, doors.http, doors.pid};
  const ClosedLoop loop{count, 1, workload.seconds, 1};
  if (way == "http-binary")
    return closed_loop(contender, http, http_binary_questions(model, count), loop);
  if (way == "http-json")
    return closed_loop(contender, http, http_json_questions(model, count), loop);
  if (way == "http-shared-memory") return over_shared_memory(contender, http, model, workload);
  if (way == "unix-binary" || way == "unix-shared-memory") {
    if (!doors.unix_socket) return std::nullopt;
    const Asked unix_socket{Transport::kHttp, *doors.unix_socket, doors.pid};
    if (way == "unix-shared-memory")
      return over_shared_memory(contender, unix_socket, model, workload);
    return closed_loop(contender, unix_socket, http_binary_questions(model, count), loop);
  }
  if (way == "grpc" || way == "grpc-streams") {
    if (!doors.grpc) return std::nullopt;
    const int streams = way == "grpc" ? 1 : std::min(kStreamsOfAConnection, count);
    return closed_loop(contender, {Transport::kGrpc, *doors.grpc, doors.pid},
                       grpc_questions(model, count),
                       {count / streams, streams, workload.seconds, 1});
  }
  throw std::runtime_error(workload.name + ": there is no way to ask '" + way + "'");
}

}  // namespace muster::bench
