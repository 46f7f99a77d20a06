// SPDX-License-Identifier: Apache-2.0
// Questions: requests of the protocol put together beforehand, each with what a right answer holds.
// No two that are in flight at once ask the same, so that an answer that went to another is
// noticed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "client/server_address.h"

namespace muster::bench {

struct Question {
  std::string bytes;                                 // for a wire of that server
  std::function<bool(std::string_view body)> right;  // whether this is the answer
};

// A model with one float32 input and one output, known by what it answers to some rows.
struct KnownModel {
  std::string name;
  std::string input;
  std::string output;
  std::vector<std::int64_t> row_shape;  // without the batch axis
  std::vector<std::vector<float>> rows;
  std::vector<std::vector<float>> answers;  // one for each of `rows`
};

// The model in a folder of a repository: an ONNX file, asked through the raw runtime; or a scripted
// model, which answers with its input.
[[nodiscard]] KnownModel know_model(const std::string& folder);

// `count` questions of one row each for a server there, with binary tensors. timeout_us 0 = none.
[[nodiscard]] std::vector<Question> binary_questions(const ServerAddress& server,
                                                     const KnownModel& model, int count,
                                                     std::int64_t timeout_us = 0);
// Tensors as JSON numbers, both ways, over HTTP.
[[nodiscard]] std::vector<Question> http_json_questions(const ServerAddress& server,
                                                        const KnownModel& model, int count);

// Memory that is shared with a server: inputs and outputs of `count` questions of `rows` rows, at
// places of their own in one region, which is registered here and unregistered at the end.
class SharedMemoryQuestions {
 public:
  SharedMemoryQuestions(const ServerAddress& http, const KnownModel& model, int count,
                        std::int64_t rows);
  ~SharedMemoryQuestions();
  SharedMemoryQuestions(const SharedMemoryQuestions&) = delete;
  SharedMemoryQuestions& operator=(const SharedMemoryQuestions&) = delete;

  [[nodiscard]] const std::vector<Question>& questions() const noexcept { return questions_; }

 private:
  void register_with(std::size_t bytes) const;

  ServerAddress http_;
  std::string name_;
  float* memory_ = nullptr;
  std::size_t bytes_ = 0;
  std::vector<Question> questions_;
};

}  // namespace muster::bench
