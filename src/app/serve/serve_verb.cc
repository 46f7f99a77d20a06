// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include "app/cuda_environment.h"
#include "app/serve/device_fault.h"
#include "app/serve/serve_settings.h"
#include "app/serve/server_app.h"
#include "app/serve/setting_table.h"
#include "app/serve/stop_signals.h"
#include "app/verbs.h"
#include "app/version.h"
#include "base/text.h"

namespace muster {
namespace {

// What it may take to take everything down once all requests are answered.
constexpr std::chrono::seconds kEndingTime{5};

void complain(std::string_view message) {
  fmt::print(stderr, "muster: {}\n", message);
}

void say(std::string_view line) {
  fmt::print("muster: {}\n", line);
  std::fflush(stdout);
}

std::string name_of(const ModelIndexEntry& model) {
  return printable(model.name) + (model.version > 0 ? fmt::format("/{}", model.version) : "");
}

// False where a model failed.
bool report_models(ServerApp& app, const ServeSettings& settings,
                   std::chrono::steady_clock::time_point begin) {
  // Each failure is in the log, like those of later loads.
  const bool all_loaded = app.await_loaded().empty();
  if (!all_loaded && settings.exit_on_error) return false;
  std::string models;
  for (const ModelIndexEntry& model : app.ready_models()) {
    const std::string runtime = app.runtime_of(model);
    models += (models.empty() ? " " : ", ") + name_of(model);
    // Here, too: at the default level the log is silent of it.
    if (!runtime.empty()) models += " (" + printable(runtime) + ")";
  }
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - begin);
  say(fmt::format("ready in {} ms, models:{}", took.count(), models.empty() ? " none" : models));
  return all_loaded;
}

// The C library raises these two by itself, to many megabytes, as soon as something large is freed.
// Each thread's heap then keeps as much, also of a model that is no longer there.
void keep_heaps_small() {
#ifdef __GLIBC__
  constexpr int kKeptAtTheTop = 4 << 20;
  constexpr int kMappedFrom = 32 << 20;
  ::mallopt(M_TRIM_THRESHOLD, kKeptAtTheTop);
  ::mallopt(M_MMAP_THRESHOLD, kMappedFrom);
#endif
}

// Takes everything down under the limit, also on the way out of an exception.
class Leaving {
 public:
  explicit Leaving(StopSignals& signals) : signals_(signals) {}
  Leaving(const Leaving&) = delete;
  Leaving& operator=(const Leaving&) = delete;
  ~Leaving() { signals_.leave_in_time(); }

 private:
  StopSignals& signals_;
};

// Where something fails, what was there already is taken down, which may get stuck as well.
Status listen(ServerApp& app, StopSignals& signals) {
  const StopSignals::Limit limit(signals, "beginning to listen");
  return app.listen();
}

int serve(ServeSettings settings) {
  const auto begin = std::chrono::steady_clock::now();
  keep_heaps_small();
  set_log_level(settings.log_level);
  for (const std::string& risk : risks(settings))
    complain("warning: " + risk);
  // Before the first thread: all inherit what it blocks.
  StopSignals signals(settings.exit_timeout + kEndingTime);
  DeviceFault device_fault(settings, signals);
  settings.models.on_broken = [&device_fault](const std::string& model, const std::string&) {
    device_fault.report(model);
  };
  const auto app = ServerApp::start(settings, kVersion, steady_clock());
  if (!app.ok()) {
    complain(app.status().message());
    return kExitFailed;
  }
  const Leaving before_the_app(signals);
  if (const Status listens = listen(**app, signals); !listens.ok()) {
    complain(listens.message());
    return kExitFailed;
  }
  for (const std::string& line : (*app)->listening())
    say(line);
  bool all_loaded = true;
  // Beside this thread, so that a signal is heard while a large model is still being read.
  std::thread loading([&] {
    all_loaded = report_models(**app, settings, begin);
    if (!all_loaded && settings.exit_on_error) signals.ask();
  });
  signals.wait();
  const bool drained = (*app)->stop();
  // What a lost device holds up cannot be taken down in order.
  if (device_fault.is_leaving()) {
    const int status = device_fault.leave();
    std::fflush(nullptr);
    ::_exit(status);
  }
  if (!drained) {
    complain("not every request was answered within --exit-timeout-seconds; leaving");
    std::fflush(nullptr);
    // Whoever is stuck would also hold up the end of what it uses.
    ::_exit(kExitFailed);
  }
  loading.join();
  if (!all_loaded && settings.exit_on_error) {
    complain("a model failed to load, and --exit-on-error was given");
    return kExitFailed;
  }
  say("stopped");
  return kExitOk;
}

struct Flag {
  const SettingRow* row;
  CLI::Option* option;
  std::string name;
};

struct Arguments {
  std::vector<Flag> flags;
  std::string config;
};

Flag add_flag(CLI::App& verb, const SettingRow& row, std::string_view name, bool shown) {
  std::string help(row.help);
  if (!row.initial.empty() && !row.value.empty()) help += " (" + std::string(row.initial) + ")";
  CLI::Option* option = verb.add_option("--" + std::string(name));
  option->description(help)->group(shown ? std::string(row.group) : std::string());
  option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  if (row.value.empty()) {
    option->expected(0, 1)->type_name("");
  } else {
    option->expected(1)->type_name(std::string(row.value));
  }
  return {&row, option, std::string(name)};
}

std::vector<GivenSetting> settings_of_flags(const Arguments& arguments) {
  std::vector<GivenSetting> given;
  for (const Flag& flag : arguments.flags) {
    if (flag.option->count() == 0) continue;
    std::vector<std::string> values = flag.option->results();
    // A switch without a value.
    if (flag.row->value.empty() && values.back().empty()) values = {};
    // Triton's name and ours are the same setting: a list has the values of both.
    if (!given.empty() && given.back().name == flag.row->name) {
      for (std::string& value : values)
        given.back().values.push_back(std::move(value));
    } else {
      given.push_back({std::string(flag.row->name), std::move(values), "--" + flag.name});
    }
  }
  return given;
}

// What no flag of ours has taken.
std::optional<std::string> complaint_of(const std::vector<std::string>& rest) {
  if (rest.empty()) return std::nullopt;
  const std::string_view word = rest.front();
  if (!word.starts_with("--")) {
    return "'" + printable(word) + "' is no flag; models are given by --models DIR";
  }
  const std::string_view name = word.substr(2, word.find('=') - 2);
  if (const RefusedFlag* refused = find_refused_flag(name)) {
    return "--" + printable(name) + " does not exist here: " + std::string(refused->instead);
  }
  const std::string_view near = nearest_setting(name);
  return "there is no flag --" + printable(name) +
         (near.empty() ? std::string() : "; did you mean --" + std::string(near) + "?");
}

Result<ServeSettings> gather_settings(const Arguments& arguments) {
  std::vector<GivenSetting> given;
  const char* config_of_environment = std::getenv("MUSTER_CONFIG");
  std::string config = arguments.config;
  if (config.empty() && config_of_environment != nullptr) config = config_of_environment;
  if (!config.empty()) {
    MUSTER_ASSIGN_OR_RETURN(given, settings_of_file(config));
  }
  std::vector<std::string> warnings;
  for (GivenSetting& setting : settings_of_environment(environ, warnings))
    given.push_back(std::move(setting));
  for (const std::string& warning : warnings)
    complain("warning: " + warning);
  for (GivenSetting& setting : settings_of_flags(arguments))
    given.push_back(std::move(setting));
  MUSTER_ASSIGN_OR_RETURN(ServeSettings settings, make_settings(given));
  settings.gpus.cuda = cuda_environment();
  return settings;
}

int run(const Arguments& arguments, const std::vector<std::string>& rest) {
  if (const auto complaint = complaint_of(rest)) {
    complain(*complaint + "\nTry: muster serve --help");
    return kExitUsage;
  }
  auto settings = gather_settings(arguments);
  if (!settings.ok()) {
    complain(std::string(settings.status().message()) + "\nTry: muster serve --help");
    return kExitUsage;
  }
  return serve(*std::move(settings));
}

}  // namespace

void add_serve_verb(CLI::App& app, int& exit_status) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* verb = app.add_subcommand(
      "serve", "Serve folders of models over HTTP and gRPC, by the Open Inference Protocol");
  for (const SettingRow& row : setting_rows()) {
    arguments->flags.push_back(add_flag(*verb, row, row.name, !row.group.empty()));
    for (const std::string_view name : words_of(row.triton_names))
      arguments->flags.push_back(add_flag(*verb, row, name, false));
  }
  verb->add_option(
          "--config", arguments->config,
          "File with these settings, \"http-port = 8000\" a line; MUSTER_CONFIG does as well")
      ->type_name("FILE");
  verb->allow_extras();
  verb->footer(
      "Flags stand above the environment (MUSTER_HTTP_PORT=8000; lists with ':' between), the\n"
      "environment above the file. Names of Triton's flags with the same meaning are taken too.\n"
      "SIGTERM: not ready, answer what was accepted, leave; a second one leaves at once.\n\n"
      "Example:\n  muster serve --models models");
  verb->callback(
      [arguments, verb, &exit_status] { exit_status = run(*arguments, verb->remaining()); });
}

}  // namespace muster
