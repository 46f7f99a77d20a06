// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <stdexcept>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/clients/load_loops.h"
#include "bench/clients/question.h"
#include "bench/clients/question_text.h"

namespace muster::bench {
namespace {

float* shared_floats(const std::string& name, std::size_t bytes) {
  const int fd = ::shm_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
  void* memory = MAP_FAILED;
  if (fd >= 0 && ::ftruncate(fd, static_cast<off_t>(bytes)) == 0)
    memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (fd >= 0) ::close(fd);
  if (memory == MAP_FAILED) throw std::runtime_error("no shared memory could be made");
  return static_cast<float*>(memory);
}

// Several servers are asked by one process.
std::string unique_name() {
  static int made = 0;
  return fmt::format("muster-bench-{}-{}", ::getpid(), made++);
}

// What was right is overwritten, so that it is not taken for the next answer.
bool right_in_memory(float* answers, const KnownModel& model, std::int64_t rows) {
  const std::size_t size = model.answers.front().size();
  for (std::size_t row = 0; row < static_cast<std::size_t>(rows); ++row) {
    float* answer = answers + row * size;
    if (!about_equal(answer, model.answers[row % model.answers.size()])) return false;
    std::fill_n(answer, size, -1e9F);
  }
  return true;
}

}  // namespace

SharedMemoryQuestions::SharedMemoryQuestions(const ServerAddress& http, const KnownModel& model,
                                             int count, std::int64_t rows)
    : http_(http), name_(unique_name()) {
  const auto per_row = static_cast<std::size_t>(rows);
  const std::size_t input = model.rows.front().size() * per_row;
  const std::size_t output = model.answers.front().size() * per_row;
  bytes_ = (input + output) * static_cast<std::size_t>(count) * sizeof(float);
  memory_ = shared_floats("/" + name_, bytes_);
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    float* const inputs = memory_ + i * (input + output);
    float* const answers = inputs + input;
    for (std::size_t row = 0; row < per_row; ++row)
      std::ranges::copy(model.rows[row % model.rows.size()], inputs + row * input / per_row);
    const auto place = [&](const float* at, std::size_t size) {
      return fmt::format(R"("parameters":{{"shared_memory_region":"{}","shared_memory_offset":{},)"
                         R"("shared_memory_byte_size":{}}})",
                         name_, static_cast<std::size_t>(at - memory_) * sizeof(float),
                         size * sizeof(float));
    };
    const std::string json =
        fmt::format(R"({{"id":"{}","inputs":[{{"name":"{}","shape":{},"datatype":"FP32",{}}}],)"
                    R"("outputs":[{{"name":"{}",{}}}]}})",
                    i, model.input, shape_text(model, rows), place(inputs, input), model.output,
                    place(answers, output));
    questions_.push_back({http_request({http, ""}, "POST", infer_path(model), json),
                          [=](std::string_view) { return right_in_memory(answers, model, rows); }});
  }
  register_with(bytes_);
}

void SharedMemoryQuestions::register_with(std::size_t bytes) const {
  const ServerReply reply =
      http_exchange(http_, "POST", "/v2/systemsharedmemory/region/" + name_ + "/register",
                    fmt::format(R"({{"key":"/{}","offset":0,"byte_size":{}}})", name_, bytes));
  if (reply.code != 200)
    throw std::runtime_error("shared memory is refused: " + std::to_string(reply.code) + " " +
                             reply.body);
}

SharedMemoryQuestions::~SharedMemoryQuestions() {
  (void)http_exchange(http_, "POST", "/v2/systemsharedmemory/region/" + name_ + "/unregister");
  ::munmap(memory_, bytes_);
  ::shm_unlink(("/" + name_).c_str());
}

}  // namespace muster::bench
