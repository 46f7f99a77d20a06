// SPDX-License-Identifier: Apache-2.0
// muster.bench: one model at one batch size, as `muster bench` measures it, in this process.
#include <string>

#include <nanobind/stl/string.h>

#include "base/clock.h"
#include "measuring/measure_batches.h"
#include "measuring/sample_inputs.h"
#include "python/src/model.h"
#include "python/src/module.h"

namespace muster::python {
namespace {

constexpr double kMebibyte = 1 << 20;

RowShapes shapes_of(const nb::dict& given) {
  RowShapes shapes;
  for (const auto [name, dims] : given) {
    std::vector<std::int64_t> shape;
    for (const nb::handle dim : dims)
      shape.push_back(nb::cast<std::int64_t>(dim));
    shapes[nb::cast<std::string>(name)] = Shape(std::span<const std::int64_t>(shape));
  }
  return shapes;
}

Result<BatchMeasurement> measured(LoadedModel& model, std::int64_t rows, const RowShapes& shapes,
                                  const MeasuringExtent& extent) {
  UsageMeter& usage = process_usage();
  MUSTER_ASSIGN_OR_RETURN(const SampleInputs inputs,
                          SampleInputs::make(model.signature(), model.stacked(), rows, shapes,
                                             usage.available_bytes() / 2));
  MUSTER_ASSIGN_OR_RETURN(auto session, model.lease());
  return measure_batches(*session, inputs, model.signature().outputs.size(), rows, extent,
                         steady_clock(), usage);
}

nb::dict measure(const Model& model, std::int64_t rows, std::uint64_t iterations, double warm_up,
                 const nb::dict& shapes) {
  const std::shared_ptr<LoadedModel> loaded = model.loaded();
  if (rows < 1 || iterations < 1 || !(warm_up >= 0) || warm_up > 3600) {
    raise_named("InvalidArgument",
                "expected batch sizes and iterations of at least 1 and a warm-up of 0 to 3600 s, "
                "given " +
                    std::to_string(rows) + ", " + std::to_string(iterations) + " and " +
                    std::to_string(warm_up));
  }
  if (!loaded->stacked() && rows != 1) {
    raise_named("FailedPrecondition", "model '" + model.description().config.name +
                                          "' has no batch axis: its only batch size is 1");
  }
  MeasuringExtent extent;
  extent.warm_up =
      std::chrono::duration_cast<Clock::Duration>(std::chrono::duration<double>(warm_up));
  extent.iterations = iterations;
  const RowShapes row_shapes = shapes_of(shapes);
  auto outcome = [&] {
    const Outside outside;
    return measured(*loaded, rows, row_shapes, extent);
  }();
  const BatchMeasurement found = value_or_raise(std::move(outcome));
  raise_if_interrupted();
  nb::dict row;
  row["backend"] = model.backend();
  row["batch_size"] = rows;
  row["mean_ms"] = found.latency.mean().count();
  row["p50_ms"] = found.latency.percentile(50).count();
  row["p90_ms"] = found.latency.percentile(90).count();
  row["p99_ms"] = found.latency.percentile(99).count();
  row["items_per_second"] = found.items_per_second();
  row["cpu_us_per_item"] = found.cpu_us_per_item();
  row["rss_mib"] = static_cast<double>(found.resident_bytes) / kMebibyte;
  row["runs"] = found.latency.count();
  return row;
}

}  // namespace

void bind_measure(nb::module_& module) {
  using namespace nb::literals;
  module.def("measure", &measure, "model"_a, "batch_size"_a, "iterations"_a, "warm_up"_a,
             "shapes"_a,
             nb::sig("def measure(model: Model, batch_size: int, iterations: int, warm_up: float, "
                     "shapes: dict[str, collections.abc.Sequence[int]]) -> dict[str, typing.Any]"),
             "See muster.bench.");
}

}  // namespace muster::python
