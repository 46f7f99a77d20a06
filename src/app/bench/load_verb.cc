// SPDX-License-Identifier: Apache-2.0
#include "app/bench/load_verb.h"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "app/bench/bench_output.h"
#include "app/bench/load_plot.h"
#include "app/bench/load_run.h"
#include "app/bench/plot_page.h"
#include "app/flag_values.h"
#include "app/subject/row_shapes.h"
#include "app/terminal.h"
#include "app/verbs.h"
#include "base/temporary_folder.h"
#include "base/text.h"
#include "client/connections.h"

namespace muster {
namespace {

constexpr int kMostConcurrency = static_cast<int>(Connections::kMostSlots);
constexpr double kMostRate = 10'000'000;
constexpr double kMostBurstSeconds = 3600;
constexpr int kMostStreams = 1024;
constexpr int kConnectionsOfOpenLoops = 256;
constexpr int kMostSamplesPerQuery = 65536;

// Takes what becomes known to the terminal at once, and keeps it for the page.
class LoadOutput {
 public:
  LoadOutput(BenchFormat format, LoadResults& results) : format_(format), results_(results) {
    if (format == BenchFormat::kTable)
      put_out(fmt::format("{} {}\n", printable(results.model), results.conditions.front()));
    put_out(load_header(format));
  }

  LoadListener listener() {
    return {[this](const LoadRow& row) {
              results_.rows.push_back(row);
              put_out(load_line(format_, row));
              // Programs find it in its column, and people look at the terminal.
              if (format_ == BenchFormat::kTable) return;
              for (const std::string& limit : row.limits)
                put_note(row.name() + ": " + limit);
            },
            [this](const LoadRow& row, const std::string& remark) {
              if (format_ == BenchFormat::kTable) return put_out("  " + remark + "\n");
              put_note(row.name() + ": " + remark);
            },
            [this](const std::string& load, const std::string& reason) {
              results_.misses.push_back(load + ": " + reason);
              put_miss(format_, results_.misses.back());
            }};
  }

  [[nodiscard]] int finish() const {
    if (std::ferror(stdout) != 0) return fail_with("the results could not be written");
    if (results_.rows.empty()) return fail_with("nothing could be measured");
    return results_.misses.empty() ? kExitOk : kExitFailed;
  }

 private:
  const BenchFormat format_;
  LoadResults& results_;
};

LoadsOrder order_of(const BenchArguments& arguments) {
  const LoadArguments& load = arguments.load;
  LoadsOrder order;
  order.batch_sizes = without_repetitions(arguments.batch_sizes);
  if (order.batch_sizes.empty()) order.batch_sizes = {1};
  order.concurrency = without_repetitions(load.concurrency);
  order.rates = without_repetitions(load.rates);
  order.burst_length = duration_of(load.burst_seconds);
  for (const std::string& name : load.scenarios)
    order.scenarios.push_back(*parse_scenario(name));      // the flag was checked
  order.scenarios = without_repetitions(order.scenarios);  // by whatever names
  order.samples_per_query = load.samples_per_query;
  order.target_latency = duration_of(load.target_latency_ms / 1000);
  if (order.concurrency.empty() && order.rates.empty() && order.scenarios.empty())
    order.concurrency = {1, 2, 4, 8, 16, 32, 64};
  order.connections = load.connections.value_or(kConnectionsOfOpenLoops);
  order.streams = load.streams;
  order.warm_up = duration_of(arguments.warm_up_seconds);
  order.duration = duration_of(arguments.seconds);
  return order;
}

LoadResults nothing_yet(const LoadsOrder& order, const BenchArguments& arguments) {
  const std::string platform =
      order.model.platform.empty() ? "" : "(" + printable(order.model.platform) + ") ";
  const std::string url = printable(server_url(order.server.address), 4096);
  LoadResults results;
  results.model = order.model.name;
  results.conditions.push_back(fmt::format("{}at {}: {:g} s for each load after {:g} s of warm-up",
                                           platform, url, arguments.seconds,
                                           arguments.warm_up_seconds));
  return results;
}

void add_loop_flags(CLI::App& verb, LoadArguments& arguments, CLI::Option* url) {
  verb.add_option("--concurrency", arguments.concurrency,
                  "Closed loops with so many requests in flight (default: 1,2,4,...,64)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(1, kMostConcurrency))
      ->type_name("N,N,...")
      ->needs(url);
  CLI::Option* const rate =
      verb.add_option("--rate", arguments.rates,
                      "Open loops with so many requests a second, at random (Poisson);\n"
                      "latencies count from the intended send time")
          ->delimiter(',')
          ->allow_extra_args(false)
          ->check(CLI::Range(0.001, kMostRate))
          ->type_name("R,R,...")
          ->needs(url);
  verb.add_option("--bursts", arguments.burst_seconds,
                  "Open loops come in bursts that last so long in the mean: twice the rate\n"
                  "for a third of the time, else half of it")
      ->check(CLI::Range(0.001, kMostBurstSeconds))
      ->type_name("S")
      ->needs(rate);
  verb.add_option(
          "--connections", arguments.connections,
          fmt::format("Of an open loop or a scenario (default: {})", kConnectionsOfOpenLoops))
      ->check(CLI::Range(1, kMostConcurrency))
      ->type_name("N")
      ->needs(url);
  verb.add_option("--streams", arguments.streams, "Requests in flight on a connection of gRPC")
      ->check(CLI::Range(1, kMostStreams))
      ->type_name("N")
      ->capture_default_str()
      ->needs(url);
}

void add_scenario_flags(CLI::App& verb, LoadArguments& arguments, CLI::Option* url) {
  CLI::Option* const scenario =
      verb.add_option("--scenario", arguments.scenarios,
                      "Scenarios of MLPerf, by its LoadGen: Offline, Server (with --rate),\n"
                      "SingleStream, MultiStream")
          ->delimiter(',')
          ->allow_extra_args(false)
          ->check(CLI::Validator(
              [](std::string& name) {
                return parse_scenario(name) ? "" : "there is no scenario '" + printable(name) + "'";
              },
              "", "scenario"))
          ->type_name("NAME,NAME,...")
          ->needs(url);
  verb.add_option("--samples-per-query", arguments.samples_per_query, "Of MultiStream")
      ->check(CLI::Range(1, kMostSamplesPerQuery))
      ->type_name("N")
      ->capture_default_str()
      ->needs(scenario);
  verb.add_option("--target-latency-ms", arguments.target_latency_ms,
                  "Of 99 % of the samples of Server, for LoadGen to say VALID")
      ->check(CLI::Range(0.001, kMostTimeoutSeconds * 1000))
      ->type_name("MS")
      ->capture_default_str()
      ->needs(scenario);
  verb.add_option("--log-dir", arguments.log_folder, "Keep LoadGen's own logs of the last scenario")
      ->check(CLI::ExistingDirectory)
      ->type_name("DIR")
      ->needs(scenario);
}

// What the flags leave open or cannot say together.
Status check_scenarios(const LoadsOrder& order) {
  if (order.scenarios.empty()) return {};
  const bool server =
      std::ranges::find(order.scenarios, Scenario::kServer) != order.scenarios.end();
  if (server && order.rates.empty())
    return invalid_argument("--scenario Server needs a --rate: how many samples come in a second");
  if (order.burst_length.count() > 0)
    return invalid_argument("--bursts does not go with --scenario: LoadGen's Server is Poisson");
  if (!server && !order.rates.empty())
    return invalid_argument("--rate goes with the scenario Server alone");
  if (!order.concurrency.empty())
    return invalid_argument("--concurrency does not go with --scenario, which decides that itself");
  return {};
}

int run(LoadsOrder order, const BenchArguments& arguments, UsageMeter* of_server) {
  std::optional<TemporaryFolder> folder;
  order.log_folder = arguments.load.log_folder;
  if (!order.scenarios.empty() && order.log_folder.empty()) {
    auto made = TemporaryFolder::make("muster-loadgen");
    if (!made.ok()) return fail_with(made.status().message());
    order.log_folder = folder.emplace(*std::move(made)).path().string();
  }
  LoadResults results = nothing_yet(order, arguments);
  const auto write_plot = [&] {
    return arguments.plot.empty() ? Status() : write_page(arguments.plot, load_page(results));
  };
  // What cannot be written is better known before an hour of measuring than after it.
  if (const Status writable = write_plot(); !writable.ok()) return fail_with(writable.message());
  LoadOutput output(parse_bench_format(arguments.format), results);
  run_loads(order, output.listener(), steady_clock(), {process_usage(), of_server});
  if (const Status written = write_plot(); !written.ok()) return fail_with(written.message());
  return output.finish();
}

}  // namespace

CLI::Option* add_load_flags(CLI::App& verb, LoadArguments& arguments) {
  CLI::Option* const url =
      verb.add_option("--url", arguments.url,
                      "Measure a running server: http://HOST:PORT, grpc://HOST:PORT, unix:PATH\n"
                      "or unix+grpc:PATH")
          ->type_name("URL");
  verb.add_option("--model", arguments.model, "Its model (default: the only one that is ready)")
      ->type_name("NAME")
      ->needs(url);
  add_loop_flags(verb, arguments, url);
  add_scenario_flags(verb, arguments, url);
  add_server_flags(verb, arguments.access, url);
  verb.add_option("--server-pid", arguments.server_pid,
                  "Its process on this machine, whose processor time and memory are read")
      ->check(CLI::Range(1, std::numeric_limits<int>::max()))
      ->type_name("PID")
      ->needs(url);
  return url;
}

int bench_server(const BenchArguments& arguments) {
  auto shapes = parse_row_shapes(arguments.shapes);
  if (!shapes.ok()) return misuse(shapes.status());
  auto server = parse_server_access("--url", arguments.load.url, arguments.load.access);
  if (!server.ok()) return misuse(server.status());
  LoadsOrder order = order_of(arguments);
  const Status possible = check_scenarios(order);
  if (!possible.ok()) return misuse(possible);
  const Status there = order.scenarios.empty() ? Status() : check_loadgen();
  if (!there.ok()) return fail_with(there.message());
  std::unique_ptr<UsageMeter> of_server;
  if (arguments.load.server_pid > 0) {
    auto usage = usage_of(arguments.load.server_pid);
    if (!usage.ok()) return fail_with("--server-pid: " + std::string(usage.status().message()));
    of_server = *std::move(usage);
  }
  auto model = find_remote_model(*server, arguments.load.model);
  if (!model.ok()) return fail_with(model.status().message());

  order.server = *std::move(server);
  order.model = *std::move(model);
  order.shapes = *std::move(shapes);
  return run(std::move(order), arguments, of_server.get());
}

}  // namespace muster
