// SPDX-License-Identifier: Apache-2.0
#include "python/src/queue/batcher.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>

#include "base/clock.h"
#include "model_config/model_config.h"
#include "python/src/arrays.h"

namespace muster::python {
namespace {

std::chrono::microseconds microseconds_of(double seconds, const char* what) {
  if (!(seconds >= 0) || seconds > 1e6) {
    raise_named("InvalidArgument", std::string(what) + ": expected seconds from 0 on, given " +
                                       std::to_string(seconds));
  }
  return std::chrono::microseconds(std::llround(seconds * 1e6));
}

// Every input begins where a tensor's bytes do.
std::size_t aligned(std::size_t size) noexcept {
  return (size + Buffer::kAlignment - 1) / Buffer::kAlignment * Buffer::kAlignment;
}

std::unique_ptr<ServedModel> serve(LoadedModel& model, ServiceOptions options) {
  auto served = [&] {
    const Outside outside;
    return model.serve(std::move(options));
  }();
  return value_or_raise(std::move(served));
}

}  // namespace

Batcher::Batcher(const Model& model, const BatcherOrder& order)
    : queue_(std::make_shared<Queue>()),
      waits_when_full_(order.waits_when_full),
      stacked_(model.loaded()->stacked()),
      specs_(model.description().config.inputs),
      names_(names_of(specs_)) {
  if (order.max_queue_size < 1)
    raise_named("InvalidArgument", "max_queue_size: expected at least 1, given 0");
  ServiceOptions options;
  options.max_batch_size = order.max_batch_size;
  options.max_queue_delay = microseconds_of(order.max_delay, "max_delay");
  options.instance_count = order.instances;
  queue_->model = model.loaded();
  queue_->name = model.description().config.name;
  queue_->slots = std::make_shared<Slots>(order.max_queue_size);
  queue_->served = serve(*queue_->model, std::move(options));
}

Batcher::~Batcher() {
  // One whose constructor failed has no queue.
  if (queue_->served) close();
  let_go(std::move(queue_));
}

Queue::~Queue() {
  if (generation == fork_count()) return;
  // Its threads are not in this process: ending it would wait for them.
  [[maybe_unused]] auto* const served_for_good = served.release();
  new std::shared_ptr<LoadedModel>(std::move(model));
  new std::shared_ptr<Slots>(std::move(slots));
}

void let_go(std::shared_ptr<Queue> queue) {
  if (queue.use_count() > 1) return;
  const Outside outside;
  queue.reset();
}

void Batcher::check_usable() const {
  if (was_forked()) {
    raise_named("FailedPrecondition", "the batcher of model '" + queue_->name +
                                          "' was made before this process was forked from its "
                                          "parent, whose threads it needs: make one here");
  }
  if (closed()) raise_named("Closed", "the batcher of model '" + queue_->name + "' is closed");
}

// With a copy of the inputs, in the call's room.
InferRequest Batcher::request_of(const Inputs& inputs, Call& call) const {
  InferRequest request;
  request.inputs.reserve(specs_.size());
  std::size_t size = 0;
  for (std::size_t i = 0; i < specs_.size(); ++i)
    size += aligned(inputs[i].bytes().size());
  std::span<std::byte> room = value_or_raise(queue_->slots->make_room(call, size));
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    const std::span<const std::byte> bytes = inputs[i].bytes();
    copy_bytes(bytes, room.data());
    request.add_input(specs_[i].name,
                      TensorView{specs_[i].type, inputs.shape(i), room.first(bytes.size())});
    room = room.subspan(aligned(bytes.size()));
  }
  return request;
}

void Batcher::add(Call& call) const {
  Slots& slots = *queue_->slots;
  if (slots.try_add(call)) return;
  while (waits_when_full_ && !slots.closed()) {
    bool added = false;
    {
      const Outside outside;
      added = slots.add_within(call, kSignalInterval);
    }
    if (added) return;
    raise_if_interrupted();
  }
  check_usable();
  raise_named("ResourceExhausted", "the queue of model '" + queue_->name + "' is full: " +
                                       std::to_string(slots.limit()) + " requests wait");
}

std::unique_ptr<Future> Batcher::submit(const nb::args& arguments, std::optional<double> timeout,
                                        std::uint64_t priority) {
  check_usable();
  const Inputs inputs({specs_, names_, stacked_, true}, arguments);
  TimePoint deadline = kNoDeadline;
  if (timeout) deadline = steady_clock().now() + microseconds_of(*timeout, "timeout");
  auto call = std::make_shared<Call>(queue_->slots, inputs.is_a_row());
  auto future = std::make_unique<Future>(queue_, call);
  add(*call);
  InferRequest request;
  try {
    request = request_of(inputs, *call);
  } catch (...) {
    queue_->slots->remove(*call);
    throw;
  }
  request.priority = priority;
  request.deadline = deadline;
  request.ticket = call->ticket();
  // Short, and never waits: the lock stays.
  queue_->served->infer(std::move(request),
                        [call = std::move(call)](Result<InferResponse> outcome) {
                          call->complete(std::move(outcome));
                        });
  return future;
}

nb::object Batcher::run(const nb::args& inputs, std::optional<double> timeout,
                        std::uint64_t priority) {
  return submit(inputs, timeout, priority)->result(std::nullopt);
}

void Batcher::close() {
  if (was_forked()) return;
  const std::shared_ptr<Queue> queue = queue_;
  queue->slots->close();
  const Outside outside;
  queue->served->close();
}

void Batcher::close_at_exit() {
  // Nobody holds the batcher here: it may go while others run.
  const std::shared_ptr<Queue> queue = queue_;
  queue->slots->close();
  for (const RequestTicket ticket : queue->slots->tickets())
    queue->served->cancel(ticket);
  queue->served->close();
}

nb::dict Batcher::statistics() const {
  const ServiceStatistics all = queue_->served->statistics();
  nb::dict sizes;
  for (const auto& [rows, batches] : all.batches_by_rows)
    sizes[nb::int_(rows)] = batches;
  nb::dict result;
  result["accepted"] = all.requests_accepted;
  result["refused"] = all.requests_refused;
  result["succeeded"] = all.requests_succeeded;
  result["failed"] = all.requests_failed;
  result["expired"] = all.requests_expired;
  result["cancelled"] = all.requests_cancelled;
  result["rows"] = all.rows;
  result["batches"] = all.batches;
  result["batches_by_rows"] = sizes;
  result["waiting"] = queue_->slots->size();
  return result;
}

std::string Batcher::described() const {
  return "<muster.Batcher over '" + queue_->name + "'" + (closed() ? ", closed>" : ">");
}

void bind_batcher(nb::module_& module) {
  using namespace nb::literals;
  nb::class_<Batcher>(module, "Batcher", nb::is_weak_referenceable(),
                      R"(A queue over a model: many small requests share few large batches.

``max_batch_size``: rows of a batch at most; without it, the model's.
``max_delay``: seconds that a request may wait for others to share its batch. With 0 nobody waits: what has come while a
batch was computed is the next one.
``max_queue_size``: requests under way at most. One more is refused with ResourceExhausted, or waits in ``submit`` where
``when_full`` is ``"wait"``.
``instances``: batches that run side by side.

It keeps what it needs of the model, which may be closed. Use it from any thread and any event loop.)")
      .def(
          "__init__",
          [](Batcher* self, const Model& model, std::optional<std::int64_t> max_batch_size,
             double max_delay, std::size_t max_queue_size, int instances,
             const std::string& when_full) {
            if (when_full != "raise" && when_full != "wait") {
              raise_named("InvalidArgument",
                          "when_full: expected 'raise' or 'wait', given '" + when_full + "'");
            }
            new (self) Batcher(
                model, {max_batch_size, max_delay, max_queue_size, instances, when_full == "wait"});
          },
          "model"_a, "max_batch_size"_a = nb::none(), "max_delay"_a = 0.0, nb::kw_only(),
          "max_queue_size"_a = 4096, "instances"_a = 1, "when_full"_a = "raise",
          nb::sig("def __init__(self, model: Model, max_batch_size: int | None = None, max_delay: "
                  "float = 0.0, *, "
                  "max_queue_size: int = 4096, instances: int = 1, "
                  "when_full: typing.Literal['raise', 'wait'] = 'raise') -> None"))
      .def("submit", &Batcher::submit, "inputs"_a, nb::kw_only(), "timeout"_a = nb::none(),
           "priority"_a = 0,
           nb::sig("def submit(self, *inputs: typing.Any, timeout: float | None = None, priority: "
                   "int = 0) -> Future"),
           R"(Hands a request in and returns its future at once.

``inputs``: as ``Model.run`` takes them, with rows along the first axis; or one row without that axis, and the outputs
come without it, too. They are copied: the arrays may change at once.
``timeout``: seconds from now; a request that has not started by then fails with DeadlineExceeded.
``priority``: 1 goes first, where the model has levels; 0 is its default.

Raises WrongType, InvalidArgument, ResourceExhausted where the queue is full, Closed after ``close``.)")
      .def(
          "run", &Batcher::run, "inputs"_a, nb::kw_only(), "timeout"_a = nb::none(),
          "priority"_a = 0,
          nb::sig(
              "def run(self, *inputs: typing.Any, timeout: float | None = None, priority: int = 0) "
              "-> dict[str, numpy.typing.NDArray[typing.Any]]"),
          "``submit(...).result()``: hands a request in and waits for its outputs.")
      .def(
          "statistics", &Batcher::statistics,
          nb::sig("def statistics(self) -> dict[str, typing.Any]"),
          R"(Totals since it was made: requests ``accepted``, ``refused``, ``succeeded``, ``failed``, ``expired``,
``cancelled``; ``rows``, ``batches``, ``batches_by_rows`` {rows: batches}; and ``waiting``, the requests under way now.)")
      .def("close", &Batcher::close,
           "Refuses new requests, answers all that it has, and ends. Closing twice does nothing.")
      .def(
          "__enter__", [](nb::object self) { return self; },
          nb::sig("def __enter__(self) -> Batcher"))
      .def(
          "__exit__", [](Batcher& self, const nb::args&) { self.close(); },
          nb::sig("def __exit__(self, *exception: object) -> None"))
      .def_prop_ro("closed", &Batcher::closed, "Whether it was closed.")
      .def("__repr__", &Batcher::described);
}

}  // namespace muster::python
