// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "app/bench/backend_bench.h"
#include "app/bench/bench_arguments.h"
#include "app/bench/bench_output.h"
#include "app/bench/bench_plot.h"
#include "app/bench/bench_run.h"
#include "app/bench/load_verb.h"
#include "app/bench/plot_page.h"
#include "app/flag_values.h"
#include "app/subject/row_shapes.h"
#include "app/subject/ways.h"
#include "app/terminal.h"
#include "app/verbs.h"
#include "base/cpu_budget.h"
#include "base/text.h"
#include "model_config/model_config.h"

namespace muster {
namespace {

constexpr double kMostSeconds = 86400;

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
    put_out(bench_header(format_));
  }

  BenchListener listener() {
    return {[this](const std::string& backend, const std::string& runtime) {
              results_.conditions.push_back(backend + ": " + runtime);
            },
            [this](const BenchRow& row) {
              results_.rows.push_back(row);
              put_out(bench_line(format_, row));
            },
            [this](const BenchMiss& miss) {
              put_miss(format_, describe_miss(miss));
              results_.misses.push_back(miss);
            },
            [](const BenchRow& row, double own_share) {
              put_note(
                  fmt::format("{}, batch size {}: {:.1f} % of the time went into filling inputs "
                              "and counting; it is not in the figures",
                              printable(row.backend), row.batch_size, own_share * 100));
            }};
  }

 private:
  const BenchFormat format_;
  BenchResults& results_;
};

int bench_model(const BenchArguments& arguments) {
  auto shapes = parse_row_shapes(arguments.shapes);
  if (!shapes.ok()) return misuse(shapes.status());
  const auto subject = ModelSubject::open(arguments.model);
  if (!subject.ok()) return fail_with(subject.status().message());

  std::vector<std::string> backends = without_repetitions(arguments.backends);
  if (backends.empty()) {
    backends = subject->backends();
    std::ranges::move(offered_ways_on_gpus(), std::back_inserter(backends));
  }
  if (backends.empty()) return fail_with("no backend is part of this installation");
  BenchOrder order;
  order.shapes = *std::move(shapes);
  order.threads = arguments.threads > 0 ? arguments.threads : available_cpus();
  order.extent = {duration_of(arguments.warm_up_seconds), arguments.iterations,
                  duration_of(arguments.seconds)};

  BenchResults results;
  results.model = subject->name();
  results.conditions.push_back(describe_extent(order, arguments));
  const auto write_plot = [&] {
    return arguments.plot.empty() ? Status() : write_page(arguments.plot, bench_page(results));
  };
  // What cannot be written is better known before an hour of measuring than after it.
  if (const Status writable = write_plot(); !writable.ok()) return fail_with(writable.message());
  BenchOutput output(parse_bench_format(arguments.format), results);
  run_bench(backends, without_repetitions(arguments.batch_sizes),
            backend_bench(*subject, order, steady_clock(), process_usage()), output.listener());

  if (const Status written = write_plot(); !written.ok()) return fail_with(written.message());
  if (std::ferror(stdout) != 0) return fail_with("the results could not be written");
  if (results.rows.empty()) return fail_with("nothing could be measured");
  // What was asked for by name and is missing is a failure; what was merely tried is not.
  const bool missed = std::ranges::any_of(results.misses, [&](const BenchMiss& miss) {
    return !arguments.backends.empty() || (miss.batch_size > 0 && !arguments.batch_sizes.empty());
  });
  return missed ? kExitFailed : kExitOk;
}

int bench(const BenchArguments& arguments) {
  if (!arguments.load.url.empty()) return bench_server(arguments);
  if (!arguments.model.empty()) return bench_model(arguments);
  put_note(
      "a model to measure is missing: MODEL, or the --url of a server\nTry: muster bench --help");
  return kExitUsage;
}

void add_extent_flags(CLI::App& verb, BenchArguments& arguments, CLI::Option* url) {
  CLI::Option* iterations =
      verb.add_option("--iterations", arguments.iterations, "Runs to measure for each batch size")
          ->check(CLI::Range(1, 1'000'000'000))
          ->type_name("N")
          ->excludes(url);
  verb.add_option("--seconds", arguments.seconds, "Time to measure for each batch size or load")
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

void add_subject_flags(CLI::App& verb, BenchArguments& arguments, CLI::Option* url) {
  verb.add_option("MODEL", arguments.model, "Model folder or model file")
      ->type_name("DIR|FILE")
      ->excludes(url);
  verb.add_option("--backend", arguments.backends,
                  "Backend to measure, also onnxruntime+cuda and the like; may be given several\n"
                  "times (default: all installed)")
      ->allow_extra_args(false)
      ->type_name("NAME")
      ->excludes(url);
  verb.add_option(
          "--batch-sizes", arguments.batch_sizes,
          "Batch sizes (default: 1,2,4,... up to the model's max_batch_size; 1 of a server)")
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
      ->type_name("N")
      ->excludes(url);
}

}  // namespace

void add_bench_verb(CLI::App& app, int& exit_status) {
  auto arguments = std::make_shared<BenchArguments>();
  CLI::App* verb = app.add_subcommand(
      "bench",
      "Measure a model in this process, with each backend at each batch size, or a running server");
  CLI::Option* const url = add_load_flags(*verb, arguments->load);
  add_subject_flags(*verb, *arguments, url);
  add_extent_flags(*verb, *arguments, url);
  verb->add_option(
          "--format", arguments->format,
          "csv has the columns backend,batch_size,mean_ms,p50_ms,p90_ms,p99_ms,\n"
          "items_per_second,cpu_us_per_item,rss_mib,gpu_mib, of a server also others; json is one\n"
          "object a line")
      ->check(CLI::IsMember({"table", "csv", "json"}))
      ->type_name("table|csv|json")
      ->capture_default_str();
  verb->add_option("--plot", arguments->plot,
                   "Also write a page with plots of latency and throughput")
      ->type_name("FILE.html");
  verb->footer(
      "What cannot be measured is named on stderr. The exit status is 1 where nothing could be, "
      "or\n"
      "where something is missing that was asked for.\n\n"
      "A running server: muster bench --url http://127.0.0.1:8000 --concurrency 1,16,64\n\n"
      "Example:\n  muster bench models/lenet --batch-sizes 1,8,32 --seconds 0.2");
  verb->callback([arguments, &exit_status] { exit_status = bench(*arguments); });
}

}  // namespace muster
