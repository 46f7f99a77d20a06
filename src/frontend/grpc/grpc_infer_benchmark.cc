// SPDX-License-Identifier: Apache-2.0
// What one inference over gRPC costs the server, without the model: single rows of LeNet's size to
// a service that answers at once, on a thread of its own, all that wait together.
//
//   muster_grpc_infer_benchmark [SECONDS [IN_FLIGHT [CHANNELS]]]      (2, 64, 4)
//
// The server is a process of its own, so that its CPU time can be told from the client's.
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "frontend/grpc/grpc_frontend.h"
#include "frontend/testing/fake_services.h"
#include "open_inference.pb.h"

namespace muster {
namespace {

constexpr std::size_t kInputBytes = 28 * 28 * sizeof(float);
constexpr std::size_t kOutputBytes = 10 * sizeof(float);

// One worker that takes all that waits, as a batch would.
class BatchingEcho final : public InferenceService {
 public:
  BatchingEcho() : thread_([this] { work(); }) {}
  // The process ends without it.
  ~BatchingEcho() override { thread_.detach(); }

  void infer(InferRequest request, Completion completion) override {
    const MutexLock lock(mutex_);
    waiting_.push_back({std::move(request), std::move(completion)});
    if (!std::exchange(sleeping_, false)) return;
    came_.notify_one();
  }
  bool cancel(RequestTicket) override { return false; }
  Result<std::shared_ptr<const ModelDescription>> describe(std::string_view,
                                                           std::int64_t) const override {
    return model_;
  }

 private:
  struct Waiting {
    InferRequest request;
    Completion completion;
  };
  void work() {
    std::vector<Waiting> batch;
    while (true) {
      {
        MutexLock lock(mutex_);
        while (waiting_.empty()) {
          sleeping_ = true;
          came_.wait(lock);
        }
        batch.swap(waiting_);
      }
      for (Waiting& one : batch) {
        InferResponse response;
        response.id = one.request.id;
        response.model = model_;
        response.batch.rows = static_cast<std::int64_t>(batch.size());
        static constexpr std::array<std::byte, kOutputBytes> kScores = {};
        response.outputs.push_back(
            {"output", Tensor::copy_of(DataType::kFp32, {1, 10}, kScores).value()});
        one.completion.complete(std::move(response));
      }
      batch.clear();
    }
  }

  const std::shared_ptr<const ModelDescription> model_ = testing::echo_model();
  Mutex mutex_;
  CondVar came_;
  std::vector<Waiting> waiting_ MUSTER_GUARDED_BY(mutex_);
  bool sleeping_ MUSTER_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

// Tells its port through the pipe and serves until it is killed.
[[noreturn]] void serve(int pipe) {
  testing::FakeServices fakes(steady_clock());
  BatchingEcho echo;
  FrontServices made = fakes.services();
  const FrontServices services{
      echo,        made.models,     made.pictures, made.regions,    made.settings,
      made.access, made.access_log, made.metrics,  made.exposition, made.identity,
      made.limits, made.clock};
  auto frontend = GrpcFrontend::start(services, {.listeners = {GrpcListener{}}});
  MUSTER_CHECK(frontend.ok());
  const std::uint16_t port = (*frontend)->ports()[0];
  MUSTER_CHECK(write(pipe, &port, sizeof(port)) == sizeof(port));
  while (true)
    pause();
}

std::string infer_message() {
  ::inference::ModelInferRequest request;
  request.set_model_name("echo");
  auto& input = *request.add_inputs();
  input.set_name("input");
  input.set_datatype("FP32");
  for (const std::int64_t dimension : {1, 1, 28, 28})
    input.add_shape(dimension);
  request.add_raw_input_contents(std::string(kInputBytes, '\0'));
  return request.SerializeAsString();
}

// As many calls at a time as were asked for, over raw bytes, so that the client costs little.
class Load {
 public:
  Load(std::uint16_t port, std::size_t channels) {
    for (std::size_t index = 0; index < channels; ++index) {
      grpc::ChannelArguments arguments;
      arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
      stubs_.push_back(std::make_unique<grpc::GenericStub>(grpc::CreateCustomChannel(
          "127.0.0.1:" + std::to_string(port), grpc::InsecureChannelCredentials(), arguments)));
    }
    const grpc::Slice slice(infer_message());
    message_ = grpc::ByteBuffer(&slice, 1);
  }
  void begin(std::size_t number) {
    auto* call = new Call;
    call->number = number;
    call->reader = stubs_[number % stubs_.size()]->PrepareUnaryCall(
        &call->context, "/inference.GRPCInferenceService/ModelInfer", message_, &queue_);
    call->reader->StartCall();
    call->reader->Finish(&call->reply, &call->status, call);
  }
  // Waits for one answer and asks again on its behalf.
  void step() {
    void* tag = nullptr;
    bool ok = false;
    MUSTER_CHECK(queue_.Next(&tag, &ok));
    const std::unique_ptr<Call> call(static_cast<Call*>(tag));
    MUSTER_CHECK(call->status.ok());
    begin(call->number);
  }

 private:
  struct Call {
    grpc::ClientContext context;
    grpc::ByteBuffer reply;
    grpc::Status status;
    std::unique_ptr<grpc::ClientAsyncResponseReader<grpc::ByteBuffer>> reader;
    std::size_t number = 0;
  };
  grpc::CompletionQueue queue_;
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs_;
  grpc::ByteBuffer message_;
};

double cpu_seconds(pid_t process) {
  clockid_t clock = 0;
  timespec time = {};
  MUSTER_CHECK(clock_getcpuclockid(process, &clock) == 0 && clock_gettime(clock, &time) == 0);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

void measure(pid_t server, std::uint16_t port, double seconds, std::size_t in_flight,
             std::size_t channels) {
  using Time = std::chrono::steady_clock;
  Load load(port, channels);
  for (std::size_t number = 0; number < in_flight; ++number)
    load.begin(number);
  const auto run_for = [&load](double length) {
    const auto begin = Time::now();
    std::size_t answers = 0;
    std::chrono::duration<double> passed{0};
    while (passed.count() < length) {
      load.step();
      ++answers;
      passed = Time::now() - begin;
    }
    return std::pair(answers, passed.count());
  };
  run_for(seconds / 4);
  const double cpu_before = cpu_seconds(server);
  const auto [answers, passed] = run_for(seconds);
  const double cpu = cpu_seconds(server) - cpu_before;
  const auto count = static_cast<double>(answers);
  std::printf("in flight %zu, channels %zu: %.0f requests/s, %.1f us of server CPU a request\n",
              in_flight, channels, count / passed, 1e6 * cpu / count);
  std::fflush(stdout);
}

}  // namespace
}  // namespace muster

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 2;
  const auto in_flight = static_cast<std::size_t>(argc > 2 ? std::atoi(argv[2]) : 64);
  const auto channels = static_cast<std::size_t>(argc > 3 ? std::atoi(argv[3]) : 4);
  std::array<int, 2> ends = {};
  if (pipe(ends.data()) != 0) return 1;
  // Before gRPC has threads in this process.
  const pid_t server = fork();
  if (server == 0) muster::serve(ends[1]);
  std::uint16_t port = 0;
  if (read(ends[0], &port, sizeof(port)) == sizeof(port))
    muster::measure(server, port, seconds, in_flight, channels);
  kill(server, SIGKILL);
  waitpid(server, nullptr, 0);
  std::quick_exit(port == 0 ? 1 : 0);
}
