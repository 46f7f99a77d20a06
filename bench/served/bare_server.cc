// SPDX-License-Identifier: Apache-2.0
// muster_bench_bare: the least that can serve a model over HTTP/1.1 and batch for many connections.
// One epoll loop, one worker thread around the raw runtime. What a real server is measured against.
//
// It takes one fixed request: any head with Content-Length, a body whose last bytes are one row of
// the model's input. It answers with one fixed head and one row of the output behind a fixed JSON.
// No checks, no limits, no deadlines, no paths: never use it for anything else.
//
//   muster_bench_bare MODEL_FILE   prints "port N", ends with its standard input
//   muster_bench_bare --refuse     the same, and answers each request with one fixed 503: what a
//                                  refusal takes where nothing but sockets has a part in it
#include <array>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/raw_runtime.h"

namespace muster::bench {
namespace {

constexpr int kMaxBatch = 64;
constexpr std::size_t kRequestBytes = 64 << 10;

void require(bool true_of_the_system, const char* what) {
  if (true_of_the_system) return;
  std::perror(what);
  std::exit(1);
}

constexpr std::string_view kRefusal =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 29\r\n"
    "Retry-After: 1\r\n\r\n{\"error\":\"the queue is full\"}";

struct Connection {
  int fd = -1;
  std::size_t received = 0;
  std::array<char, kRequestBytes> request;
  std::vector<float> row;
  std::vector<float> answer;
};

// One row in, one row out, in batches of whatever waits.
class Worker {
 public:
  explicit Worker(const std::string& model_file) : runtime_(model_file) {
    for (int rows = 1; rows <= kMaxBatch; ++rows)
      loops_.push_back(std::make_unique<RawRuntime::Loop>(runtime_, rows));
    thread_ = std::thread([this] { work(); });
    thread_.detach();  // the process ends without it
  }

  void hand_in(const std::vector<Connection*>& connections) {
    bool sleeps = false;
    {
      const std::lock_guard lock(mutex_);
      sleeps = waiting_.empty();
      waiting_.insert(waiting_.end(), connections.begin(), connections.end());
    }
    if (sleeps) came_.notify_one();
  }

  void take_answered(std::vector<Connection*>& connections) {
    std::uint64_t ignored = 0;
    require(::read(event_, &ignored, sizeof(ignored)) == sizeof(ignored), "eventfd");
    const std::lock_guard lock(mutex_);
    connections.swap(answered_);
  }

  [[nodiscard]] int event() const { return event_; }
  [[nodiscard]] std::size_t row_size() { return loops_.front()->input().size(); }
  [[nodiscard]] std::size_t answer_size() const { return loops_.front()->output().size(); }

 private:
  void work() {
    std::vector<Connection*> taken;
    while (true) {
      taken.clear();
      {
        std::unique_lock lock(mutex_);
        came_.wait(lock, [this] { return !waiting_.empty(); });
        const std::size_t count = std::min<std::size_t>(waiting_.size(), kMaxBatch);
        const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(count);
        taken.assign(waiting_.begin(), end);
        waiting_.erase(waiting_.begin(), end);
      }
      run(taken);
      {
        const std::lock_guard lock(mutex_);
        answered_.insert(answered_.end(), taken.begin(), taken.end());
      }
      const std::uint64_t one = 1;
      require(::write(event_, &one, sizeof(one)) == sizeof(one), "eventfd");
    }
  }

  void run(const std::vector<Connection*>& connections) {
    RawRuntime::Loop& loop = *loops_[connections.size() - 1];
    float* row = loop.input().data();
    for (const Connection* connection : connections)
      row = std::copy(connection->row.begin(), connection->row.end(), row);
    loop.run();
    const std::size_t size = loop.output().size() / connections.size();
    const float* answer = loop.output().data();
    for (Connection* connection : connections) {
      connection->answer.assign(answer, answer + size);
      answer += size;
    }
  }

  RawRuntime runtime_;
  std::vector<std::unique_ptr<RawRuntime::Loop>> loops_;  // [n - 1] runs n rows
  const int event_ = ::eventfd(0, 0);
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<Connection*> waiting_;
  std::vector<Connection*> answered_;
  std::thread thread_;
};

class Loop {
 public:
  // Without a worker it refuses.
  Loop(Worker* worker, int listener) : worker_(worker), listener_(listener) {
    watch(listener_, nullptr);
    watch(STDIN_FILENO, this);
    if (worker_ == nullptr) return;
    watch(worker_->event(), worker_);
    const std::string json =
        R"({"model_name":"lenet","model_version":"1","outputs":[{"name":"output","datatype":"FP32",)"
        R"("shape":[1,10],"parameters":{"binary_data_size":40}}]})";
    const std::size_t answer = worker_->answer_size() * sizeof(float);
    reply_ =
        "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
        "Inference-Header-Content-Length: " +
        std::to_string(json.size()) +
        "\r\nContent-Length: " + std::to_string(json.size() + answer) + "\r\n\r\n" + json;
    answer_at_ = reply_.size();
    reply_.resize(answer_at_ + answer);
  }

  void run() {
    std::array<epoll_event, 256> events{};
    while (true) {
      const int count = ::epoll_wait(epoll_, events.data(), events.size(), -1);
      complete_.clear();
      for (int i = 0; i < count; ++i) {
        void* source = events[static_cast<std::size_t>(i)].data.ptr;
        if (source == this) return;
        if (source == nullptr) {
          accept();
        } else if (source == worker_) {
          write_answers();
        } else {
          receive(static_cast<Connection*>(source));
        }
      }
      if (!complete_.empty()) worker_->hand_in(complete_);
    }
  }

 private:
  void watch(int fd, void* source) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = source;
    require(::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
  }

  void accept() const {
    auto* connection = new Connection;
    connection->fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    require(connection->fd >= 0, "accept");
    const int on = 1;
    ::setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    watch(connection->fd, connection);
  }

  void receive(Connection* connection) {
    char* const begin = connection->request.data();
    const ssize_t got = ::recv(connection->fd, begin + connection->received,
                               kRequestBytes - connection->received, 0);
    if (got <= 0) {
      ::close(connection->fd);
      delete connection;
      return;
    }
    connection->received += static_cast<std::size_t>(got);
    const std::string_view text(begin, connection->received);
    const std::size_t head = text.find("\r\n\r\n");
    if (head == std::string_view::npos) return;
    constexpr std::string_view kLength = "\r\nContent-Length: ";
    const std::size_t length = text.find(kLength);
    require(length < head, "a request without Content-Length");
    const std::size_t size =
        head + 4 + std::strtoul(text.data() + length + kLength.size(), nullptr, 10);
    if (text.size() < size) return;
    if (worker_ == nullptr) {
      connection->received = 0;
      return send(connection->fd, kRefusal);
    }
    connection->row.resize(worker_->row_size());
    const std::size_t row = connection->row.size() * sizeof(float);
    std::memcpy(connection->row.data(), begin + size - row, row);
    connection->received = 0;
    complete_.push_back(connection);
  }

  void write_answers() {
    answered_.clear();
    worker_->take_answered(answered_);
    for (const Connection* connection : answered_) {
      std::memcpy(reply_.data() + answer_at_, connection->answer.data(),
                  reply_.size() - answer_at_);
      send(connection->fd, reply_);
    }
  }

  static void send(int fd, std::string_view reply) {
    const ssize_t sent = ::send(fd, reply.data(), reply.size(), MSG_NOSIGNAL);
    require(sent == static_cast<ssize_t>(reply.size()), "send");
  }

  Worker* const worker_;
  const int listener_;
  const int epoll_ = ::epoll_create1(0);
  std::string reply_;
  std::size_t answer_at_ = 0;
  std::vector<Connection*> complete_;
  std::vector<Connection*> answered_;
};

int listen_on_loopback() {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  require(::bind(listener, generic, sizeof(address)) == 0, "bind");
  require(::listen(listener, 1024) == 0, "listen");
  socklen_t size = sizeof(address);
  ::getsockname(listener, generic, &size);
  std::printf("port %d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return listener;
}

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: muster_bench_bare MODEL_FILE|--refuse\n");
    return 2;
  }
  ::setenv("ORT_DISABLE_TELEMETRY", "1", 1);
  try {
    std::optional<muster::bench::Worker> worker;
    if (std::strcmp(argv[1], "--refuse") != 0) worker.emplace(argv[1]);
    // A connection for each client, and there are thousands.
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
      files.rlim_cur = files.rlim_max;
      ::setrlimit(RLIMIT_NOFILE, &files);
    }
    muster::bench::Loop(worker ? &*worker : nullptr, muster::bench::listen_on_loopback()).run();
    std::_Exit(0);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "muster_bench_bare: %s\n", error.what());
    return 1;
  }
}
