// SPDX-License-Identifier: Apache-2.0
#include "bench/workload.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <utility>

#include "base/text.h"

namespace muster::bench {
namespace {

std::string trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(" \t") - begin + 1));
}

template <typename T>
bool read_number(const std::string& text, T& target) {
  std::istringstream in(text);
  in >> target;
  return !in.fail() && in.eof();
}

template <typename T>
bool read_numbers(const std::string& text, std::vector<T>& numbers) {
  std::istringstream in(text);
  T number = 0;
  while (in >> number)
    numbers.push_back(number);
  return in.eof() && !numbers.empty();
}

bool read_words(const std::string& text, std::vector<std::string>& words) {
  std::istringstream in(text);
  std::string word;
  while (in >> word)
    words.push_back(word);
  return !words.empty();
}

bool read_arrivals(const std::string& text, std::vector<std::string>& arrivals) {
  arrivals.clear();
  return read_words(text, arrivals) && std::ranges::all_of(arrivals, [](const std::string& word) {
           return word == kPoisson || word == kBursts;
         });
}

bool read_target(const std::string& text, std::vector<Target>& targets) {
  std::istringstream in(text);
  Target target;
  std::string sign;
  in >> target.comparison >> sign >> target.bound;
  target.at_most = sign == "<=";
  if (in.fail() || !(in >> std::ws).eof() || (sign != "<=" && sign != ">=")) return false;
  targets.push_back(std::move(target));
  return true;
}

bool read_timeouts(const std::string& value, bool& tuned) {
  tuned = value == "tuned";
  return tuned || value == "target";
}

bool read_field(const std::string& key, const std::string& value, Workload& workload) {
  const auto text = [&](std::string& target) {
    target = value;
    return !value.empty();
  };
  if (key == "kind") return text(workload.kind);
  if (key == "what") return text(workload.what);
  if (key == "model") return text(workload.model);
  if (key == "pictures") return text(workload.pictures);
  if (key == "rounds") return read_number(value, workload.rounds) && workload.rounds > 0;
  if (key == "seconds") return read_number(value, workload.seconds) && workload.seconds > 0;
  if (key == "clients") return read_number(value, workload.clients) && workload.clients > 0;
  if (key == "batch") return read_number(value, workload.batch) && workload.batch > 0;
  if (key == "instances") return read_number(value, workload.instances) && workload.instances >= 0;
  if (key == "cores") return read_number(value, workload.cores) && workload.cores >= 0;
  if (key == "delay_us") return read_number(value, workload.delay_us);
  if (key == "files") return read_number(value, workload.files) && workload.files > 0;
  if (key == "ask") return read_words(value, workload.ways);
  if (key == "timeout_us")
    return read_number(value, workload.timeout_us) && workload.timeout_us > 0;
  if (key == "load") return read_number(value, workload.load) && workload.load > 0;
  if (key == "loads") return read_numbers(value, workload.loads);
  if (key == "arrivals") return read_arrivals(value, workload.arrivals);
  if (key == "timeouts") return read_timeouts(value, workload.tuned_timeouts);
  if (key == "fixed_us") return read_number(value, workload.fixed_us) && workload.fixed_us >= 0;
  if (key == "per_row_us")
    return read_number(value, workload.per_row_us) && workload.per_row_us >= 0;
  if (key == "requests") return read_number(value, workload.requests) && workload.requests > 0;
  if (key == "sizes") return read_numbers(value, workload.sizes);
  if (key == "target") return read_target(value, workload.targets);
  return false;
}

}  // namespace

Result<Workload> read_workload(const std::string& path) {
  std::ifstream file(path);
  if (!file) return not_found(printable(path) + ": cannot be read");
  Workload workload;
  workload.name = std::filesystem::path(path).stem().string();
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    const std::string content = trimmed(std::string_view(line).substr(0, line.find('#')));
    if (content.empty()) continue;
    const std::size_t colon = content.find(':');
    const std::string key = trimmed(std::string_view(content).substr(0, colon));
    const std::string value =
        colon == std::string::npos ? "" : trimmed(std::string_view(content).substr(colon + 1));
    if (!read_field(key, value, workload)) {
      return invalid_argument(printable(path) + ":" + std::to_string(number) + ": '" +
                              printable(content) +
                              "' is no known key with a fitting value; bench/README.md lists them");
    }
  }
  if (workload.kind.empty()) return invalid_argument(printable(path) + ": 'kind' is missing");
  return workload;
}

}  // namespace muster::bench
