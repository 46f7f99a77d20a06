// SPDX-License-Identifier: Apache-2.0
#include "app/build_engine/build_text.h"

#include <fmt/format.h>

#include "app/progress_bar.h"
#include "app/result_writer.h"
#include "base/text.h"

namespace muster {
namespace {

constexpr std::size_t kMaxPathBytes = 4096;

double seconds_of(const CompiledFile& built) {
  return std::chrono::duration<double>(built.time).count();
}

std::string place_of(const CompiledFile& built, std::string_view cache) {
  if (!built.file.empty()) return printable(built.file, kMaxPathBytes);
  return "in the cache " + printable(cache, kMaxPathBytes);
}

}  // namespace

std::string build_line(const CompileProgress& progress) {
  std::string line = part_line(progress.done);
  if (progress.left) line += fmt::format(", about {} s left", progress.left->count());
  return progress.phase.empty() ? line : line + "  " + printable(progress.phase);
}

std::string built_table(std::string_view model, std::string_view runtime, const CompiledFile& built,
                        std::string_view cache) {
  const bool was_kept = built.time.count() == 0;
  // Of an engine that was kept nobody wrote down what it was made of.
  const std::string made_of =
      built.summary.empty() ? "" : fmt::format("made of   {}\n", built.summary);
  return fmt::format("model     {}\nruntime   {}\nengine    {}, {} bytes\n{}time      {}\n",
                     printable(model), runtime, place_of(built, cache), built.bytes, made_of,
                     was_kept ? std::string("none: it was in the cache already")
                              : fmt::format("{:.1f} s", seconds_of(built)));
}

std::string built_json(std::string_view model, std::string_view runtime, const CompiledFile& built,
                       std::string_view cache) {
  return fmt::format(
      R"({{"model":{},"runtime":{},"engine":{},"cache":{},"bytes":{},"seconds":{:.3f},)"
      R"("was_in_cache":{},"summary":{}}})"
      "\n",
      json_string(model), json_string(runtime),
      built.file.empty() ? "null" : json_string(built.file),
      cache.empty() ? "null" : json_string(cache), built.bytes, seconds_of(built),
      built.time.count() == 0, built.summary.empty() ? "null" : json_string(built.summary));
}

}  // namespace muster
