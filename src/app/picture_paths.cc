// SPDX-License-Identifier: Apache-2.0
#include "app/picture_paths.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <iterator>
#include <string_view>
#include <system_error>

#include <glob.h>

#include "base/text.h"

namespace muster {
namespace {

namespace fs = std::filesystem;

bool is_picture_name(const fs::path& path) {
  constexpr std::array<std::string_view, 3> kEndings = {".png", ".jpg", ".jpeg"};
  std::string ending = path.extension().string();
  std::ranges::transform(ending, ending.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return std::ranges::find(kEndings, ending) != kEndings.end();
}

void add_folder(const std::string& name, PicturePaths& found) {
  std::vector<std::string> files;
  std::error_code error;
  fs::recursive_directory_iterator entry(name, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_regular_file(ignored) && is_picture_name(entry->path())) {
      files.push_back(entry->path().string());
    }
  }
  if (error) {
    found.errors.push_back(printable(name) + ": the folder cannot be read: " + error.message());
  } else if (files.empty()) {
    found.errors.push_back(printable(name) + ": no .png, .jpg or .jpeg file in this folder");
  }
  std::ranges::sort(files);
  std::ranges::move(files, std::back_inserter(found.files));
}

void add(const std::string& name, PicturePaths& found) {
  std::error_code error;
  if (fs::is_directory(name, error)) {
    add_folder(name, found);
  } else {
    // What cannot be read is told when its turn comes, in order with the others.
    found.files.push_back(name);
  }
}

void add_matches(const std::string& pattern, PicturePaths& found) {
  glob_t matches{};
  const int outcome = glob(pattern.c_str(), 0, nullptr, &matches);
  if (outcome == 0) {
    for (std::size_t i = 0; i < matches.gl_pathc; ++i)
      add(matches.gl_pathv[i], found);
  } else {
    found.errors.push_back(printable(pattern) + ": no file has such a name");
  }
  globfree(&matches);
}

}  // namespace

PicturePaths find_pictures(const std::vector<std::string>& names) {
  PicturePaths found;
  for (const std::string& name : names) {
    std::error_code error;
    if (fs::exists(fs::symlink_status(name, error))) {
      add(name, found);
    } else if (name.find_first_of("*?[") != std::string::npos) {
      add_matches(name, found);
    } else {
      found.errors.push_back(printable(name) + ": no such file or folder");
    }
  }
  return found;
}

}  // namespace muster
