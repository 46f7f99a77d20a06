// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <muster/image.h>

#include "base/temporary_folder.h"
#include "bench/experiment.h"
#include "bench/load.h"

namespace muster::bench {
namespace {

namespace fs = std::filesystem;

// A folder with `count` files, copies of the pictures in another, in memory where there is such a
// file system: the disk is not what is measured. Gone at its end.
class PictureFolder {
 public:
  PictureFolder(const fs::path& originals, int count) { fill(originals, count); }
  PictureFolder(const PictureFolder&) = delete;
  PictureFolder& operator=(const PictureFolder&) = delete;

  [[nodiscard]] std::string pictures() const { return folder_.path() / "pictures"; }
  [[nodiscard]] std::string results() const { return folder_.path() / "results.csv"; }
  [[nodiscard]] const std::vector<std::string>& files() const noexcept { return files_; }

 private:
  void fill(const fs::path& originals, int count) {
    std::vector<fs::path> sources;
    for (const auto& entry : fs::directory_iterator(originals)) {
      if (entry.path().extension() == ".png") sources.push_back(entry.path());
    }
    if (sources.empty()) throw std::runtime_error(originals.string() + ": no PNG files there");
    std::sort(sources.begin(), sources.end());
    fs::create_directory(pictures());
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
      const fs::path& source = sources[i % sources.size()];
      const std::string copy = std::to_string(i / sources.size()) + ".png";
      files_.push_back(fs::path(pictures()) / (source.stem().string() + "_" + copy));
      fs::copy_file(source, files_.back());
    }
  }

  // In memory where there is such a file system.
  static fs::path parent() {
    const fs::path memory = "/dev/shm";
    const bool in_memory = fs::is_directory(memory) && ::access(memory.c_str(), W_OK) == 0;
    return in_memory ? memory : fs::path();
  }

  const TemporaryFolder folder_ = expect(TemporaryFolder::make("muster-bench", parent()));
  std::vector<std::string> files_;
};

std::size_t lines_in(const std::string& path) {
  std::ifstream file(path);
  return static_cast<std::size_t>(std::count(std::istreambuf_iterator<char>(file), {}, '\n'));
}

// One run of the program on these paths, start to end.
Figures run_program(const std::string& program, const std::string& model, const std::string& path,
                    const std::string& results, std::size_t pictures) {
  const std::vector<std::string> words = {program,    "classify", "--model", model,
                                          "--format", "csv",      path};
  std::vector<char*> arguments;
  for (const std::string& word : words)
    arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, results.c_str(),
                                     O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const auto start = WallClock::now();
  pid_t child = 0;
  const int error =
      ::posix_spawn(&child, program.c_str(), &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error(program + " cannot be started");
  int status = 0;
  rusage usage{};
  ::wait4(child, &status, 0, &usage);
  const double seconds = std::chrono::duration<double>(since(start)).count();
  if (status != 0) throw std::runtime_error(program + " failed");
  if (lines_in(results) != pictures + 1) {
    throw std::runtime_error(program + " did not write one line for each picture");
  }
  const auto microseconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
  };
  const auto count = static_cast<double>(pictures);
  return {
      {"items_per_s", count / seconds},
      {"wall_ms", seconds * 1e3},
      {"cpu_us_per_item", (microseconds(usage.ru_utime) + microseconds(usage.ru_stime)) / count},
      {"switches_per_item", static_cast<double>(usage.ru_nvcsw) / count},
      {"resident_mib", static_cast<double>(usage.ru_maxrss) / 1024}};
}

Figures decode_all(const ModelService& service, const std::vector<std::string>& files) {
  const ImagePreprocessing& image = service.config().image.value();
  Buffer row = expect(Buffer::allocate(expect(byte_size(image.type, image.row_shape()))));
  const Usage usage;
  for (const std::string& path : files) {
    const Buffer file = expect(read_picture_file(path));
    expect(file_to_row(file.bytes(), image, row.bytes()));
  }
  Figures figures;
  usage.put_into(figures, static_cast<double>(files.size()));
  return figures;
}

Figures infer_all(RawRuntime::Loop& loop, std::size_t pictures) {
  const Usage usage;
  const std::size_t runs = pictures / static_cast<std::size_t>(loop.batch());
  for (std::size_t i = 0; i < runs; ++i)
    loop.run();
  Figures figures;
  usage.put_into(figures, static_cast<double>(runs) * static_cast<double>(loop.batch()));
  return figures;
}

double seconds_per_item(const Round& round, const std::string& contender) {
  return 1 / round.at(contender).at("items_per_s");
}

}  // namespace

Experiment classify_files(const Workload& workload, const std::string& executable) {
  const auto folder = std::make_shared<PictureFolder>(workload.pictures, workload.files);
  const std::shared_ptr<ModelService> service = open_service(workload);
  const auto runtime = std::make_shared<RawRuntime>(model_file(*service));
  const auto loop = std::make_shared<RawRuntime::Loop>(*runtime, workload.batch);
  const std::size_t pictures = folder->files().size();
  const auto program = [=, path = executable, model = workload.model](const std::string& what,
                                                                      std::size_t files) {
    return run_program(path, model, what, folder->results(), files);
  };

  Experiment experiment;
  experiment.contenders = {
      {"decode", [=] { return decode_all(*service, folder->files()); }},
      {"raw", [=] { return (void)runtime, infer_all(*loop, pictures); }},
      {"program", [=] { return program(folder->pictures(), pictures); }},
      {"program_one_picture", [=] { return program(folder->files().front(), 1); }}};
  const auto of_one_thread = [](const Round& round) {
    return (seconds_per_item(round, "decode") + seconds_per_item(round, "raw")) /
           seconds_per_item(round, "program");
  };
  const double cores = workload.cores > 0 ? workload.cores : double(usable_cores().size());
  experiment.comparisons = {
      {"program_of_one_thread", of_one_thread},
      {"program_of_all_cores", [=](const Round& round) { return of_one_thread(round) / cores; }},
      // Loading the model is not done for each picture.
      {"program_without_start_of_all_cores", [=](const Round& round) {
         const double start =
             seconds_per_item(round, "program_one_picture") / static_cast<double>(pictures);
         return (seconds_per_item(round, "decode") + seconds_per_item(round, "raw")) /
                (seconds_per_item(round, "program") - start) / cores;
       }}};
  return experiment;
}

}  // namespace muster::bench
