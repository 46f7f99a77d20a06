// SPDX-License-Identifier: Apache-2.0
// benchmark MODEL [LATENCY_MS]: how long batches of 1, 2, 4 and 8 take with each runtime that is
// installed, and which one to take: the most rows a second whose batches take no longer than that.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "tutorial.h"

namespace {

namespace fs = std::filesystem;

// [start benchmark]
struct Row {
  std::string backend;
  std::int64_t batch_size = 0;
  double p50_ms = 0;
  double rows_per_second = 0;
};

// Milliseconds of a batch at the median, after a few that do not count.
double median_ms(muster::ModelService& service, std::int64_t rows, int iterations) {
  const auto images = tutorial::made_up_rows(rows);
  std::vector<double> times;
  for (int i = -10; i < iterations; ++i) {
    muster::InferRequest request;
    request.add_input("input",
                      muster::TensorView{muster::DataType::kFp32, muster::Shape{rows, 1, 28, 28},
                                         std::as_bytes(std::span(images))});
    const auto begin = std::chrono::steady_clock::now();
    tutorial::need(service.infer(std::move(request)));
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    if (i >= 0) times.push_back(took.count());
  }
  std::nth_element(times.begin(), times.begin() + iterations / 2, times.end());
  return times[static_cast<std::size_t>(iterations / 2)];
}

std::vector<Row> benchmark(muster::ModelService& service, int iterations = 100) {
  std::vector<Row> table;
  for (const std::int64_t rows : {1, 2, 4, 8}) {
    const double ms = median_ms(service, rows, iterations);
    const double rate = static_cast<double>(rows) * 1000 / ms;
    table.push_back({service.config().backend, rows, ms, rate});
  }
  return table;
}
// [end benchmark]

// [start backends]
// The same model for another runtime: the configuration says which, so a copy with another one.
muster::Result<std::unique_ptr<muster::ModelService>> open_with(const std::string& backend,
                                                                const fs::path& model,
                                                                const fs::path& scratch) {
  const fs::path copy = scratch / backend / model.filename();
  fs::create_directories(copy);
  fs::copy(model / "1", copy / "1", fs::copy_options::recursive);
  std::ofstream(copy / "config.pbtxt") << "backend: \"" << backend << "\"\n";
  return muster::ModelService::open(copy.string());
}
// [end backends]

// [start choose]
// The row with the most rows a second whose batches take no longer than that.
std::optional<Row> choose(const std::vector<Row>& table, double latency_ms) {
  std::optional<Row> best;
  for (const Row& row : table)
    if (row.p50_ms <= latency_ms && (!best || row.rows_per_second > best->rows_per_second))
      best = row;
  return best;
}
// [end choose]

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::cerr << "usage: benchmark MODEL [LATENCY_MS]\n", 2;
  const double latency_ms = argc > 2 ? std::atof(argv[2]) : INFINITY;
  std::string scratch = (fs::temp_directory_path() / "muster_tutorial_XXXXXX").string();
  if (mkdtemp(scratch.data()) == nullptr) return 1;
  std::vector<Row> table;
  for (const char* backend : {"onnxruntime", "openvino", "tensorrt"}) {
    auto service = open_with(backend, fs::canonical(argv[1]), scratch);
    if (!service.ok()) {
      std::cerr << backend << ": " << service.status().to_string() << "\n";
      continue;
    }
    for (const Row& row : benchmark(**service))
      table.push_back(row);
  }
  fs::remove_all(scratch);
  std::printf("%-12s %10s %9s %15s\n", "backend", "batch_size", "p50_ms", "rows_per_second");
  for (const Row& row : table)
    std::printf("%-12s %10lld %9.4f %15.0f\n", row.backend.c_str(),
                static_cast<long long>(row.batch_size), row.p50_ms, row.rows_per_second);
  const auto best = choose(table, latency_ms);
  if (!best) return std::cerr << "nothing answers within that latency\n", 1;
  std::printf("choose %s, batches of %lld\n", best->backend.c_str(),
              static_cast<long long>(best->batch_size));
}
