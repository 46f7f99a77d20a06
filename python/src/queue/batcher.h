// SPDX-License-Identifier: Apache-2.0
// Batcher: muster.Batcher, and muster.Future, which it gives.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "python/src/exit.h"
#include "python/src/inputs.h"
#include "python/src/model.h"
#include "python/src/python.h"
#include "python/src/queue/call.h"
#include "serving/served_model.h"

namespace muster::python {

// What futures need of a batcher. The queue, its workers and the model go with the last of them.
struct Queue {
  Queue() = default;
  ~Queue();
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  const std::uint64_t generation = fork_count();
  std::shared_ptr<LoadedModel> model;
  std::unique_ptr<ServedModel> served;
  std::shared_ptr<Slots> slots;
  std::string name;
};

// The last one ends the queue and its workers, without the interpreter's lock.
void let_go(std::shared_ptr<Queue> queue);

struct BatcherOrder {
  std::optional<std::int64_t> max_batch_size;
  double max_delay = 0;  // seconds
  std::size_t max_queue_size = 4096;
  int instances = 1;
  bool waits_when_full = false;
};

class Future {
 public:
  Future(std::shared_ptr<Queue> queue, std::shared_ptr<Call> call)
      : queue_(std::move(queue)), call_(std::move(call)) {}
  ~Future() { let_go(std::move(queue_)); }
  Future(const Future&) = delete;
  Future& operator=(const Future&) = delete;

  // Seconds; nothing: as long as it takes.
  nb::object result(std::optional<double> timeout);
  nb::object exception(std::optional<double> timeout);
  [[nodiscard]] bool done() const noexcept { return call_->done(); }
  bool cancel();
  [[nodiscard]] bool cancelled() const;
  [[nodiscard]] nb::object await() const;
  static void add_done_callback(nb::object self, nb::object function);

  [[nodiscard]] const std::shared_ptr<Call>& call() const noexcept { return call_; }

 private:
  void wait(std::optional<double> timeout);

  std::shared_ptr<Queue> queue_;
  const std::shared_ptr<Call> call_;
};

class Batcher final : public Closeable {
 public:
  Batcher(const Model& model, const BatcherOrder& order);
  ~Batcher() override;

  std::unique_ptr<Future> submit(const nb::args& inputs, std::optional<double> timeout,
                                 std::uint64_t priority);
  nb::object run(const nb::args& inputs, std::optional<double> timeout, std::uint64_t priority);
  nb::dict statistics() const;
  // Runs what waits, then stops. Twice does nothing.
  void close();
  void close_at_exit() override;
  [[nodiscard]] bool closed() const { return queue_->slots->closed(); }
  [[nodiscard]] std::string described() const;

 private:
  void check_usable() const;
  InferRequest request_of(const Inputs& inputs, Call& call) const;
  void add(Call& call) const;

  std::shared_ptr<Queue> queue_;
  const bool waits_when_full_;
  const bool stacked_;
  std::vector<TensorSpec> specs_;
  std::vector<nb::str> names_;
};

void bind_batcher(nb::module_& module);
void bind_future(nb::module_& module);

}  // namespace muster::python
