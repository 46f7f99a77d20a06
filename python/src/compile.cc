// SPDX-License-Identifier: Apache-2.0
// muster.build_engine: a model compiled ahead of time. It is compiled on a thread of its own, so
// that the one that asked can hear of signals and call Python's code.
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <nanobind/stl/string.h>

#include "base/cpu_budget.h"
#include "python/src/exit.h"
#include "python/src/module.h"
#include "python/src/pictures.h"
#include "serving/backend_library.h"
#include "serving/compile_model.h"

namespace muster::python {
namespace {

// From the threads that compile to the one that waits for them.
class Watch final : public CompileListener {
 public:
  bool on_progress(const CompileProgress& progress) override {
    const std::lock_guard lock(mutex_);
    news_ = progress;
    changed_.notify_one();
    return !stopped_;
  }
  void finish(Result<CompiledFile> outcome) {
    const std::lock_guard lock(mutex_);
    outcome_ = std::move(outcome);
    changed_.notify_one();
  }
  void stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  // What is new after so long at most: how far it is, or nothing.
  std::optional<CompileProgress> wait() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kSignalInterval, [this] { return news_ || outcome_; });
    return std::exchange(news_, std::nullopt);
  }
  [[nodiscard]] bool finished() {
    const std::lock_guard lock(mutex_);
    return outcome_.has_value();
  }
  [[nodiscard]] Result<CompiledFile> outcome() { return *std::move(outcome_); }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<CompileProgress> news_;  // guarded by mutex_, as what is below
  std::optional<Result<CompiledFile>> outcome_;
  bool stopped_ = false;
};

Result<CompiledFile> compile(const std::string& path, CompileOptions options, Watch& watch) {
  MUSTER_ASSIGN_OR_RETURN(const ModelFolder folder, ModelFolder::open(path));
  MUSTER_ASSIGN_OR_RETURN(const CompilePlan plan, plan_compile(folder, options));
  if (options.output.empty() && options.compiled_cache.empty())
    options.output = std::filesystem::path(plan.file).replace_extension(".plan").string();
  MUSTER_ASSIGN_OR_RETURN(const auto backend, open_backend(options.backend, {available_cpus()}));
  return compile_with(*backend, plan, options, watch);
}

nb::object progress_of(const CompileProgress& news) {
  const nb::object left =
      news.left ? nb::object(nb::float_(static_cast<double>(news.left->count()))) : nb::none();
  return from_package("engine", "Progress")(news.phase, news.done, left);
}

// Waits, and tells Python what is new. Whatever that raises stops the compiling first.
void attend(Watch& watch, const nb::object& listener) {
  while (!watch.finished()) {
    std::optional<CompileProgress> news;
    {
      const Outside outside;
      news = watch.wait();
    }
    if (is_exiting()) raise_named("Closed", "the interpreter ends");
    raise_if_interrupted();
    if (news && !listener.is_none()) listener(progress_of(*news));
  }
}

nb::tuple compile_for_python(nb::handle path, const std::string& backend,
                             const nb::dict& parameters, const std::string& cache,
                             const std::string& output, const nb::object& listener) {
  CompileOptions options{backend, {}, cache, output};
  for (const auto [key, value] : parameters)
    options.parameters[nb::cast<std::string>(key)] = nb::cast<std::string>(value);
  const std::string model = path_of(path);
  from_package("_runtimes", "prepare")(backend);
  Watch watch;
  std::thread worker([&] { watch.finish(compile(model, options, watch)); });
  const auto end = [&] {
    const Outside outside;
    worker.join();
  };
  try {
    attend(watch, listener);
  } catch (...) {
    watch.stop();
    end();
    throw;
  }
  end();
  const CompiledFile made = value_or_raise(watch.outcome());
  return nb::make_tuple(made.file, made.bytes, static_cast<double>(made.time.count()) / 1000,
                        made.summary);
}

}  // namespace

void bind_compile(nb::module_& module) {
  using namespace nb::literals;
  module.def(
      "compile", &compile_for_python, "path"_a, "backend"_a, "parameters"_a, "cache"_a, "output"_a,
      "progress"_a.none(),
      nb::sig("def compile(path: str | os.PathLike[str], backend: str, parameters: dict[str, str], "
              "cache: str, output: str, progress: collections.abc.Callable[[typing.Any], object] | "
              "None) "
              "-> tuple[str, int, float, str]"),
      "See muster.build_engine.");
}

}  // namespace muster::python
