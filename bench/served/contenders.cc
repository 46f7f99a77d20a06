// SPDX-License-Identifier: Apache-2.0
#include "bench/served/contenders.h"

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <stdexcept>
#include <thread>

#include <arpa/inet.h>
#include <sys/socket.h>

#include "base/descriptor.h"
#include "bench/load.h"

namespace muster::bench {
namespace {

constexpr int kStreamsOfAConnection = 8;
constexpr std::chrono::seconds kTimeToStart{120};  // large models are warmed up

// Free when it was looked for. The server's own words about its port would have to be understood.
std::uint16_t free_port() {
  const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(socket.get(), generic, size) != 0 || ::getsockname(socket.get(), generic, &size) != 0)
    throw std::runtime_error("no port is free");
  return ntohs(address.sin_port);
}

// Of a model, since the server began.
struct Batches {
  double rows = 0;
  double batches = 0;
};

double number_behind(const std::string& text, const std::string& key) {
  const std::size_t at = text.find(key);
  return at == std::string::npos ? 0 : std::strtod(text.c_str() + at + key.size(), nullptr);
}

Batches batches_of(const Doors& doors, const std::string& model) {
  const std::string body = http_exchange(doors.http, "GET", "/v2/models/" + model + "/stats").body;
  return {number_behind(body, "\"inference_count\":"), number_behind(body, "\"execution_count\":")};
}

Contender closed_loop(const std::string& name, const Asked& asked, std::vector<Question> questions,
                      const ClosedLoad& load) {
  return {name, [=, kept = std::make_shared<std::vector<Question>>(std::move(questions))] {
            return run_closed_load(asked, *kept, load);
          }};
}

Contender over_shared_memory(const std::string& name, const Asked& asked, const KnownModel& model,
                             const Workload& workload) {
  const auto memory = std::make_shared<SharedMemoryQuestions>(asked.address, model,
                                                              workload.clients, workload.batch);
  const ClosedLoad load{workload.clients, 1, workload.seconds, workload.batch};
  return {name, [=] { return run_closed_load(asked, memory->questions(), load); }};
}

}  // namespace

std::string repository_of(const Workload& workload) {
  return std::filesystem::path(workload.model).lexically_normal().parent_path();
}

MusterServer::MusterServer(const std::string& program, const std::string& repository,
                           const std::vector<std::string>& words)
    : folder_(expect(TemporaryFolder::make("muster-bench"))) {
  doors_.http = {Transport::kHttp, "127.0.0.1", free_port(), ""};
  doors_.grpc = {Transport::kGrpc, "127.0.0.1", free_port(), ""};
  doors_.unix_socket = {Transport::kHttp, "", 0, (folder_.path() / "http").string()};
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
  while (http_exchange(doors_.http, "GET", "/v2/health/ready").code != 200) {
    if (WallClock::now() - start > kTimeToStart)
      throw std::runtime_error("the server does not become ready");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  milliseconds_to_ready_ = std::chrono::duration<double, std::milli>(since(start)).count();
}

BareServer::BareServer(const std::string& program, const std::string& model_file)
    : process_({program, model_file.empty() ? "--refuse" : model_file}) {
  const int port = process_.wait_for_number_behind("port ");
  http_ = {Transport::kHttp, "127.0.0.1", static_cast<std::uint16_t>(port), ""};
}

Doors BareServer::doors() const {
  return {http_, {}, {}, process_.pid()};
}

std::optional<Doors> target_doors(const Peers& peers) {
  if (peers.target.empty()) return std::nullopt;
  Doors doors;
  doors.http = expect(parse_server_url("http://" + peers.target));
  if (!peers.target_grpc.empty())
    doors.grpc = expect(parse_server_url("grpc://" + peers.target_grpc));
  doors.pid = peers.target_pid;
  return doors;
}

std::optional<Contender> ask_server(const std::string& contender, const std::string& way,
                                    const Doors& doors, const KnownModel& model,
                                    const Workload& workload, Counting counting) {
  const int count = workload.clients;
  const Asked http{doors.http, doors.pid};
  const ClosedLoad load{count, 1, workload.seconds, 1, counting};
  if (way == "http-binary")
    return closed_loop(contender, http, binary_questions(doors.http, model, count), load);
  if (way == "http-json")
    return closed_loop(contender, http, http_json_questions(doors.http, model, count), load);
  if (way == "http-shared-memory") return over_shared_memory(contender, http, model, workload);
  if (way == "unix-binary" || way == "unix-shared-memory") {
    if (!doors.unix_socket) return std::nullopt;
    const Asked unix_socket{*doors.unix_socket, doors.pid};
    if (way == "unix-shared-memory")
      return over_shared_memory(contender, unix_socket, model, workload);
    return closed_loop(contender, unix_socket, binary_questions(*doors.unix_socket, model, count),
                       load);
  }
  if (way == "grpc" || way == "grpc-streams") {
    if (!doors.grpc) return std::nullopt;
    const int streams = way == "grpc" ? 1 : std::min(kStreamsOfAConnection, count);
    return closed_loop(contender, {*doors.grpc, doors.pid},
                       binary_questions(*doors.grpc, model, count),
                       {count / streams, streams, workload.seconds, 1, counting});
  }
  throw std::runtime_error(workload.name + ": there is no way to ask '" + way + "'");
}

Figures measure_muster(const Contender& asked, const Doors& doors, const std::string& model) {
  const Batches before = batches_of(doors, model);
  Figures figures = asked.measure();
  const Batches after = batches_of(doors, model);
  if (after.batches > before.batches)
    figures["rows_per_batch"] = (after.rows - before.rows) / (after.batches - before.batches);
  figures["resident_mib"] = resident_mib(doors.pid);
  return figures;
}

}  // namespace muster::bench
