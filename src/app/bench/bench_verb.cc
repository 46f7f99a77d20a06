// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "app/bench/bench_arguments.h"
#include "app/bench/bench_plot.h"
#include "app/bench/bench_run.h"
#include "app/verbs.h"
#include "base/cpu_budget.h"
#include "base/text.h"
#include "model_config/model_config.h"

namespace muster {
namespace {

constexpr double kMostSeconds = 86400;

int fail(std::string_view message) {
  fmt::print(stderr, "muster: {}\n", message);
  return kExitFailed;
}

BenchFormat format_of(std::string_view name) {
  if (name == "csv") return BenchFormat::kCsv;
  return name == "json" ? BenchFormat::kJson : BenchFormat::kTable;
}

Clock::Duration duration_of(double seconds) {
  return std::chrono::duration_cast<Clock::Duration>(std::chrono::duration<double>(seconds));
}

template <typename T>
std::vector<T> without_repetitions(const std::vector<T>& values) {
  std::vector<T> once;
  for (const T& value : values) {
    if (std::ranges::find(once, value) == once.end()) once.push_back(value);
  }
  return once;
}

std::string describe_extent(const BenchOrder& order, const BenchArguments& arguments) {
  const std::string extent = arguments.iterations > 0 ? fmt::format("{} runs", arguments.iterations)
                                                      : fmt::format("{:g} s", arguments.seconds);
  return fmt::format("{} for each batch size after {:g} s of warm-up, {} {} a run", extent,
                     arguments.warm_up_seconds, order.threads,
                     order.threads == 1 ? "thread" : "threads");
}

// Takes what becomes known to the terminal at once, and keeps it for the page.
class BenchOutput {
 public:
  BenchOutput(BenchFormat format, BenchResults& results) : format_(format), results_(results) {
    if (format_ == BenchFormat::kTable)
      fmt::print("{}: {}\n", printable(results_.model), results_.conditions.front());
    put(bench_header(format_));
  }

  BenchListener listener() {
    return {[this](const std::string& backend, const std::string& runtime) {
              results_.conditions.push_back(backend + ": " + runtime);
            },
            [this](const BenchRow& row) {
              results_.rows.push_back(row);
              put(bench_line(format_, row));
            },
            [this](const BenchMiss& miss) {
              // A table is for people: there it stands among the rows.
              const std::string line = "not measured: " + describe_miss(miss) + "\n";
              if (format_ == BenchFormat::kTable) {
                put(line);
              } else {
                fmt::print(stderr, "muster: {}", line);
              }
              results_.misses.push_back(miss);
            },
            [](const BenchRow& row, double own_share) {
              fmt::print(stderr,
                         "muster: {}, batch size {}: {:.1f} % of the time went into filling inputs "
                         "and counting; it is not in the figures\n",
                         printable(row.backend), row.batch_size, own_share * 100);
            }};
  }

 private:
  static void put(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  }

  const BenchFormat format_;
  BenchResults& results_;
};

Status write_page(const std::string& file, const BenchResults& results) {
  std::ofstream stream(file, std::ios::binary);
  stream << bench_page(results);
  stream.close();
  return stream ? Status() : failed_precondition(printable(file, 4096) + " cannot be written");
}

int bench(const BenchArguments& arguments) {
  auto shapes = parse_row_shapes(arguments.shapes);
  if (!shapes.ok()) {
    fail(shapes.status().message());
    return kExitUsage;
  }
  const auto subject = BenchSubject::open(arguments.model);
  if (!subject.ok()) return fail(subject.status().message());

  BenchOrder order;
  order.backends = without_repetitions(arguments.backends);
  if (order.backends.empty()) order.backends = subject->backends();
  if (order.backends.empty()) return fail("no backend is part of this installation");
  order.batch_sizes = without_repetitions(arguments.batch_sizes);
  order.shapes = *std::move(shapes);
  order.threads = arguments.threads > 0 ? arguments.threads : available_cpus();
  order.extent = {duration_of(arguments.warm_up_seconds), arguments.iterations,
                  duration_of(arguments.seconds)};

  BenchResults results;
  results.model = subject->name();
  results.conditions.push_back(describe_extent(order, arguments));
  // What cannot be written is better known before an hour of measuring than after it.
  if (!arguments.plot.empty()) {
    const Status writable = write_page(arguments.plot, results);
    if (!writable.ok()) return fail(writable.message());
  }
  BenchOutput output(format_of(arguments.format), results);
  run_bench(*subject, order, output.listener(), steady_clock(), process_usage());

  if (!arguments.plot.empty()) {
    const Status written = write_page(arguments.plot, results);
    if (!written.ok()) return fail(written.message());
  }
  if (std::ferror(stdout) != 0) return fail("the results could not be written");
  if (results.rows.empty()) return fail("nothing could be measured");
  // What was asked for by name and is missing is a failure; what was merely tried is not.
  const bool missed = std::ranges::any_of(results.misses, [&](const BenchMiss& miss) {
    return !arguments.backends.empty() || (miss.batch_size > 0 && !arguments.batch_sizes.empty());
  });
  return missed ? kExitFailed : kExitOk;
}

void add_extent_flags(CLI::App& verb, BenchArguments& arguments) {
  CLI::Option* iterations =
      verb.add_option("--iterations", arguments.iterations, "Runs to measure for each batch size")
          ->check(CLI::Range(1, 1'000'000'000))
          ->type_name("N");
  verb.add_option("--seconds", arguments.seconds, "Time to measure for each batch size")
      ->check(CLI::Range(0.001, kMostSeconds))
      ->type_name("S")
      ->capture_default_str()
      ->excludes(iterations);
  verb.add_option("--warm-up-seconds", arguments.warm_up_seconds,
                  "Time to run before measuring, three runs at least")
      ->check(CLI::Range(0.0, kMostSeconds))
      ->type_name("S")
      ->capture_default_str();
}

void add_subject_flags(CLI::App& verb, BenchArguments& arguments) {
  verb.add_option("MODEL", arguments.model, "Model folder or model file")
      ->required()
      ->type_name("DIR|FILE");
  verb.add_option("--backend", arguments.backends,
                  "Backend to measure; may be given several times (default: all installed)")
      ->allow_extra_args(false)
      ->type_name("NAME");
  verb.add_option("--batch-sizes", arguments.batch_sizes,
                  "Batch sizes (default: 1,2,4,... up to the model's max_batch_size)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(std::int64_t{1}, kMaxBatchSize))
      ->type_name("N,N,...");
  verb.add_option("--shape", arguments.shapes,
                  "Shape of one row of an input with open dimensions; may be given several times")
      ->allow_extra_args(false)
      ->type_name("NAME:D,D,...");
  verb.add_option("--threads", arguments.threads,
                  "Threads that a run may use (default: the cores this process may use)")
      ->check(CLI::Range(1, 1024))
      ->type_name("N");
}

}  // namespace

void add_bench_verb(CLI::App& app, int& exit_status) {
  auto arguments = std::make_shared<BenchArguments>();
  CLI::App* verb = app.add_subcommand(
      "bench", "Measure a model in this process, with each backend at each batch size");
  add_subject_flags(*verb, *arguments);
  add_extent_flags(*verb, *arguments);
  verb->add_option("--format", arguments->format,
                   "csv has the columns backend,batch_size,mean_ms,p50_ms,p90_ms,p99_ms,\n"
                   "items_per_second,cpu_us_per_item,rss_mib; json is one object a line")
      ->check(CLI::IsMember({"table", "csv", "json"}))
      ->type_name("table|csv|json")
      ->capture_default_str();
  verb->add_option("--plot", arguments->plot,
                   "Also write a page with plots of latency and throughput")
      ->type_name("FILE.html");
  verb->footer(
      "What cannot be measured is named on stderr. The exit status is 1 where nothing could be, "
      "or\n"
      "status is 1 where nothing could be, or where something is missing that --backend or\n"
      "--batch-sizes asked for.\n\n"
      "Example:\n  muster bench models/lenet --batch-sizes 1,8,32 --seconds 0.2");
  verb->callback([arguments, &exit_status] { exit_status = bench(*arguments); });
}

}  // namespace muster
