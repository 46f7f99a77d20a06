// SPDX-License-Identifier: Apache-2.0
#include "app/serve/config_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "base/text.h"

namespace muster {
namespace {

bool is_bare(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
         (letter >= '0' && letter <= '9') || letter == '-' || letter == '_';
}

bool is_number(std::string_view text) {
  return parse_int(text).has_value() || parse_double(text).has_value();
}

class ConfigReader {
 public:
  ConfigReader(std::string_view text, const std::string& file) : rest_(text), file_(file) {}

  Result<std::vector<FileEntry>> read() {
    std::vector<FileEntry> entries;
    while (true) {
      skip_lines();
      if (rest_.empty()) return entries;
      if (rest_.front() == '[') return wrong("there are no sections; keys stand alone");
      FileEntry entry;
      entry.line = line_;
      entry.key = take_while(is_bare);
      if (entry.key.empty()) return wrong("a line begins with the name of a setting");
      const auto has_this_key = [&](const FileEntry& other) { return other.key == entry.key; };
      if (std::ranges::any_of(entries, has_this_key)) {
        return wrong("'" + printable(entry.key) + "' was given before");
      }
      skip_blanks();
      if (!take('=')) return wrong("behind '" + printable(entry.key) + "' comes = and its value");
      skip_blanks();
      MUSTER_ASSIGN_OR_RETURN(entry.values, read_value_or_list());
      skip_blanks();
      skip_comment();
      if (!rest_.empty() && rest_.front() != '\n') {
        return wrong("there is more behind the value; text stands in quotes");
      }
      entries.push_back(std::move(entry));
    }
  }

 private:
  [[nodiscard]] Status wrong(const std::string& what) const {
    return invalid_argument(file_ + ":" + std::to_string(line_) + ": " + what);
  }

  bool take(char letter) {
    if (rest_.empty() || rest_.front() != letter) return false;
    if (letter == '\n') ++line_;
    rest_.remove_prefix(1);
    return true;
  }

  template <typename Predicate>
  std::string take_while(Predicate belongs) {
    const auto end = std::ranges::find_if_not(rest_, belongs);
    std::string taken(rest_.begin(), end);
    rest_.remove_prefix(taken.size());
    return taken;
  }

  void skip_blanks() {
    take_while([](char letter) { return letter == ' ' || letter == '\t' || letter == '\r'; });
  }
  void skip_comment() {
    if (!rest_.empty() && rest_.front() == '#')
      take_while([](char letter) { return letter != '\n'; });
  }
  void skip_lines() {
    do {
      skip_blanks();
      skip_comment();
    } while (take('\n'));
  }

  Result<std::vector<std::string>> read_value_or_list() {
    std::vector<std::string> values;
    if (!take('[')) {
      MUSTER_ASSIGN_OR_RETURN(std::string value, read_value());
      values.push_back(std::move(value));
      return values;
    }
    while (true) {
      skip_lines();
      if (take(']')) return values;
      MUSTER_ASSIGN_OR_RETURN(std::string value, read_value());
      values.push_back(std::move(value));
      skip_lines();
      if (!take(',') && (rest_.empty() || rest_.front() != ']')) {
        return wrong("a list's values are separated by commas and end with ]");
      }
    }
  }

  Result<std::string> read_value() {
    if (take('\'')) return read_literal();
    if (take('"')) return read_quoted();
    const std::string word =
        take_while([](char letter) { return is_bare(letter) || letter == '.' || letter == '+'; });
    if (word == "true" || word == "false") return word;
    std::string digits = word;
    std::erase(digits, '_');
    if (is_number(digits)) return digits;
    return wrong("a value is text in quotes, a number, true, false, or a list of them");
  }

  Result<std::string> read_literal() {
    std::string text = take_while([](char letter) { return letter != '\'' && letter != '\n'; });
    if (!take('\'')) return wrong("a text does not end");
    return text;
  }

  Result<std::string> read_quoted() {
    std::string text;
    while (true) {
      text +=
          take_while([](char letter) { return letter != '"' && letter != '\\' && letter != '\n'; });
      if (take('"')) return text;
      if (!take('\\')) return wrong("a text does not end");
      if (rest_.empty() || (rest_.front() != '"' && rest_.front() != '\\')) {
        return wrong("\\ stands before \" and \\ only; single quotes take text as it is");
      }
      text += rest_.front();
      rest_.remove_prefix(1);
    }
  }

  std::string_view rest_;
  const std::string& file_;
  std::size_t line_ = 1;
};

}  // namespace

Result<std::vector<FileEntry>> parse_config_file(std::string_view text, const std::string& file) {
  return ConfigReader(text, file).read();
}

Result<std::vector<FileEntry>> read_config_file(const std::string& path) {
  const std::string shown = printable(path, 4096);
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxConfigFileBytes + 1, '\0');
  if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
  // A folder opens, and fails at its first byte.
  if (!file.eof() || (file.gcount() == 0 && file.bad())) {
    if (file) return invalid_argument(shown + " has more than 1 MiB");
    return invalid_argument("the configuration file " + shown +
                            " cannot be read: " + std::strerror(errno));
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  return parse_config_file(text, shown);
}

}  // namespace muster
