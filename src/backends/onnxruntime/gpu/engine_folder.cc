// SPDX-License-Identifier: Apache-2.0
#include "backends/onnxruntime/gpu/engine_folder.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>
#include <vector>

#include "base/bounded_file.h"
#include "base/log.h"
#include "base/text.h"
#include "onnx/external_files.h"

namespace muster::onnxruntime {
namespace {

namespace fs = std::filesystem;

constexpr EntryKind kEngines = {"MUSTEROT", ".ort-engines"};
constexpr std::size_t kMaxNameBytes = 255;

void put_number(std::string& to, std::uint64_t number) {
  for (int shift = 0; shift < 64; shift += 8)
    to += static_cast<char>(number >> shift & 0xff);
}

// Nothing where it is not all there.
std::optional<std::uint64_t> take_number(std::string_view& from) {
  if (from.size() < 8) return std::nullopt;
  std::uint64_t number = 0;
  for (int i = 7; i >= 0; --i)
    number = number << 8 | static_cast<unsigned char>(from[static_cast<std::size_t>(i)]);
  from.remove_prefix(8);
  return number;
}

std::optional<std::string_view> take_text(std::string_view& from) {
  const std::optional<std::uint64_t> size = take_number(from);
  if (!size || *size > from.size()) return std::nullopt;
  const std::string_view text = from.substr(0, *size);
  from.remove_prefix(*size);
  return text;
}

// Of a file in the folder itself.
bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\0", 2)) == std::string_view::npos;
}

Result<std::vector<fs::path>> files_in(const std::string& folder) {
  std::error_code error;
  std::vector<fs::path> files;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->is_regular_file(error)) files.push_back(entry->path());
    if (files.size() > kMaxEngineFiles) return resource_exhausted("its files are too many");
  }
  if (error) return failed_precondition(printable(folder) + ": " + error.message());
  std::ranges::sort(files);
  return files;
}

// Of names, sizes and times: who writes a file anew changes it. "" = nothing is there, or it cannot
// be told.
std::string listing_of(const std::string& folder) {
  const Result<std::vector<fs::path>> files = files_in(folder);
  if (!files.ok()) return {};
  std::string listing;
  std::error_code error;
  for (const fs::path& file : *files) {
    listing += file.filename().string() + ' ' + std::to_string(fs::file_size(file, error)) + ' ' +
               std::to_string(fs::last_write_time(file, error).time_since_epoch().count()) + '\n';
  }
  return listing;
}

}  // namespace

Result<std::string> pack_folder(const std::string& folder) {
  MUSTER_ASSIGN_OR_RETURN(const std::vector<fs::path> files, files_in(folder));
  std::string content;
  for (const fs::path& file : files) {
    MUSTER_ASSIGN_OR_RETURN(const std::string bytes,
                            read_bounded(file.string(), kMaxEngineBytes - content.size()));
    const std::string name = file.filename().string();
    put_number(content, name.size());
    content += name;
    put_number(content, bytes.size());
    content += bytes;
  }
  return content;
}

Status unpack_into(const std::string& folder, std::string_view content) {
  for (std::size_t count = 0; !content.empty(); ++count) {
    const std::optional<std::string_view> name = take_text(content);
    const std::optional<std::string_view> bytes = name ? take_text(content) : std::nullopt;
    if (!bytes || !is_name(*name) || count == kMaxEngineFiles)
      return invalid_argument("it does not hold the files of a folder");
    std::ofstream file(fs::path(folder) / *name, std::ios::binary | std::ios::trunc);
    file.write(bytes->data(), static_cast<std::streamsize>(bytes->size()));
    file.close();
    if (!file) return failed_precondition(printable(folder) + " cannot be written to");
  }
  return {};
}

Result<std::unique_ptr<EngineFolder>> EngineFolder::make(const std::string& cache,
                                                         const DigestBytes& key,
                                                         const std::string& model) {
  MUSTER_ASSIGN_OR_RETURN(TemporaryFolder folder, TemporaryFolder::make("muster-ort-engines"));
  std::optional<ContentStore> store;
  if (!cache.empty()) {
    Result<ContentStore> opened = ContentStore::open(cache, kEngines);
    if (opened.ok()) {
      store = std::move(opened).value();
    } else {
      log(LogLevel::kWarning,
          "onnxruntime: " + std::string(opened.status().message()) + "; engines are not kept");
    }
  }
  std::unique_ptr<EngineFolder> made(
      new EngineFolder(std::move(folder), std::move(store), key, model));
  made->fill();
  return made;
}

EngineFolder::~EngineFolder() {
  if (keeps_) keep();
}

void EngineFolder::fill() {
  if (!store_) return;
  std::string fault;
  const std::optional<std::string> content = store_->find(key_, fault);
  if (content) {
    const Status unpacked = unpack_into(path(), *content);
    filled_ = unpacked.ok();
    if (!filled_) fault = std::string(unpacked.message());
    if (filled_) listing_ = listing_of(path());
  }
  (filled_ ? use_.hits : fault.empty() ? use_.misses : use_.rebuilt) = 1;
  if (fault.empty()) return;
  log(LogLevel::kWarning,
      printable(model_) + ": the engines that were kept are not used but built anew: " + fault);
}

Status EngineFolder::forget() {
  filled_ = false;
  listing_.clear();
  use_ = {.hits = 0, .misses = 0, .rebuilt = 1};
  std::error_code error;
  std::vector<fs::path> entries;
  for (fs::directory_iterator entry(path(), error), end; !error && entry != end;
       entry.increment(error))
    entries.push_back(entry->path());
  for (const fs::path& entry : entries)
    fs::remove_all(entry, error);
  if (error) return failed_precondition(printable(path()) + ": " + error.message());
  return store_ ? store_->remove(key_) : Status();
}

void EngineFolder::keep() noexcept {
  keeps_ = true;
  if (!store_) return;
  try {
    keep_changes();
  } catch (const std::exception& error) {
    log(LogLevel::kWarning, std::string("onnxruntime: engines were not kept: ") + error.what());
  }
}

void EngineFolder::keep_changes() {
  const std::string listing = listing_of(path());
  if (listing.empty() || listing == listing_) return;
  const Result<std::string> content = pack_folder(path());
  const Status kept = content.ok() ? store_->store(key_, *content) : content.status();
  if (kept.ok()) {
    listing_ = listing;
    return;
  }
  log(LogLevel::kWarning,
      printable(model_) + ": its engines were not kept: " + std::string(kept.message()));
}

Result<DigestBytes> engine_key(const std::string& model_file, const std::string& runtimes,
                               const std::string& gpu, const std::string& options) {
  MUSTER_ASSIGN_OR_RETURN(const onnx::Outline outline, onnx::check_model_file(model_file));
  std::vector<std::string> paths = {model_file};
  for (const onnx::ExternalLocation& external : outline.external)
    paths.push_back((fs::path(model_file).parent_path() / external.location).string());
  MUSTER_ASSIGN_OR_RETURN(const DigestBytes model, digest_of_files("onnx", paths));
  Digest digest;
  digest.add("ort-tensorrt-1");
  digest.add(model);
  for (const std::string* const part : {&runtimes, &gpu, &options}) {
    std::string size;
    put_number(size, part->size());
    digest.add(size);
    digest.add(*part);
  }
  return digest.finish();
}

}  // namespace muster::onnxruntime
