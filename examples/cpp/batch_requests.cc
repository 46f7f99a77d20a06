// SPDX-License-Identifier: Apache-2.0
// batch_requests MODEL: many callers with one row each share batches, from threads and by futures.
#include <future>
#include <string>
#include <thread>

#include "tutorial.h"

namespace {

using Scores = std::vector<float>;
using Answer = muster::Result<muster::InferResponse>;

muster::InferRequest one_row(std::span<const float> row) {
  muster::InferRequest request;
  request.add_input("input", muster::TensorView{muster::DataType::kFp32,
                                                muster::Shape{1, 1, 28, 28}, std::as_bytes(row)});
  return request;
}

Scores scores_of(Answer answer) {
  const auto response = tutorial::need(std::move(answer));
  const auto scores = response.find("output")->elements<float>();
  return {scores.begin(), scores.end()};
}

// [start threads]
// Rows from threads of their own; those that wait together are run together.
std::vector<Scores> from_threads(muster::ModelService& service, std::span<const float> rows) {
  std::vector<Scores> answers(rows.size() / tutorial::kPixels);
  std::vector<std::jthread> callers;
  for (std::size_t caller = 0; caller < 16; ++caller)
    callers.emplace_back([&, caller] {
      for (std::size_t row = caller; row < answers.size(); row += 16)
        answers[row] = scores_of(
            service.infer(one_row(rows.subspan(row * tutorial::kPixels, tutorial::kPixels))));
    });
  callers.clear();  // waits for all of them
  return answers;
}
// [end threads]

// [start futures]
// The same from one thread, which waits for nobody until all are handed in.
std::vector<Scores> from_futures(muster::ModelService& service, std::span<const float> rows) {
  std::vector<std::future<Answer>> waiting;
  for (std::size_t begin = 0; begin < rows.size(); begin += tutorial::kPixels)
    waiting.push_back(service.submit(one_row(rows.subspan(begin, tutorial::kPixels))));
  std::vector<Scores> answers;
  for (auto& future : waiting)
    answers.push_back(scores_of(future.get()));
  return answers;
}
// [end futures]

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::cerr << "usage: batch_requests MODEL\n", 2;
  const auto rows = tutorial::made_up_rows(256);
  // [start service]
  muster::ServiceOptions options;
  options.max_batch_size = 32;
  options.max_queue_delay = std::chrono::milliseconds(1);
  auto service = tutorial::need(muster::ModelService::open(argv[1], options));
  const auto answers = from_threads(*service, rows);
  const auto later = from_futures(*service, rows);
  const auto statistics = service->statistics();
  // [end service]
  for (std::size_t row = 0; row < answers.size(); ++row)
    if (!(tutorial::furthest_apart(answers[row], later[row]) < 1e-4F)) return 1;
  std::cout << statistics.rows << " rows in " << statistics.batches << " batches\n";
}
