// SPDX-License-Identifier: Apache-2.0
// The metrics of GPUs. What a GPU does not tell has no series, and where there is no GPU there are
// no families.
#pragma once

#include <vector>

#include <prometheus/metric_family.h>

#include "nvml/gpu_sampler.h"

namespace muster {

// With the labels gpu, uuid and name.
void add_gpus(std::vector<prometheus::MetricFamily>& page, const std::vector<GpuSample>& gpus);
// Under Triton's names, with its label gpu_uuid.
void add_triton_gpus(std::vector<prometheus::MetricFamily>& page,
                     const std::vector<GpuSample>& gpus);

}  // namespace muster
