// SPDX-License-Identifier: Apache-2.0
// ClassifyPipeline: files to class scores, with decoding and inference overlapped, results in order
// and memory bounded whatever the number of files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <muster/image.h>
#include <muster/service.h>

#include "base/mutex.h"

namespace muster {

struct ClassifyOptions {
  std::int64_t batch_size = 1;  // pictures in one request
  std::size_t top_k = 1;
  std::size_t threads = 1;
  PictureLimits limits;
};

// Threads take files one by one; each decodes into its file's row of the batch that the file
// belongs to, and whoever fills a batch's last row runs the batch. A window of a few batches is
// under way at a time. run() is called once.
class ClassifyPipeline {
 public:
  using Scores = std::vector<ClassScore>;
  // Called on the thread that called run, file by file in their order.
  using OnResult = std::function<void(const std::string& path, const Result<Scores>& scores)>;
  // Called there now and then with the number of files that are done.
  using OnProgress = std::function<void(std::size_t done)>;

  // `service` must take requests of `batch_size` rows; it and `paths` must outlive this.
  ClassifyPipeline(ModelService& service, const std::vector<std::string>& paths,
                   const ClassifyOptions& options);
  ~ClassifyPipeline();
  ClassifyPipeline(const ClassifyPipeline&) = delete;
  ClassifyPipeline& operator=(const ClassifyPipeline&) = delete;

  // Fails before the first result where the model takes no pictures.
  Status run(const OnResult& on_result, const OnProgress& on_progress);

 private:
  struct Slot {
    Tensor rows;
    std::vector<Status> decoded;  // by row
    std::vector<Result<Scores>> results;
    std::size_t left = 0;  // rows still to be decoded
    bool done = false;
  };

  void work();
  // The next file's index, once its batch is inside the window; false where there is none left.
  bool take_file(std::size_t& index);
  void decode(std::size_t index);
  void run_batch(Slot& slot, std::size_t count);
  Result<std::vector<Scores>> infer(const Slot& slot, std::int64_t rows);
  void await_and_emit(std::size_t batch, const OnResult& on_result, const OnProgress& on_progress);
  [[nodiscard]] std::size_t size_of(std::size_t batch) const;

  ModelService& service_;
  const std::vector<std::string>& paths_;
  const ClassifyOptions options_;
  const std::size_t batch_size_;
  const std::size_t window_;  // batches
  std::size_t row_bytes_ = 0;
  std::vector<std::thread> threads_;

  Mutex mutex_;
  CondVar room_;             // the window moved, or everything was stopped
  CondVar ready_;            // a batch is done
  std::vector<Slot> slots_;  // [batch % window_]; a slot's fields are its rows' threads' own
  std::size_t next_file_ MUSTER_GUARDED_BY(mutex_) = 0;
  std::size_t first_batch_ MUSTER_GUARDED_BY(mutex_) = 0;  // not yet emitted
  bool stopped_ MUSTER_GUARDED_BY(mutex_) = false;
};

}  // namespace muster
