// SPDX-License-Identifier: Apache-2.0
#include "app/serve/device_fault.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "app/serve/setting_table.h"
#include "app/terminal.h"
#include "app/verbs.h"
#include "base/text.h"

namespace muster {
namespace {

// As the kernel has them, a null byte behind each. It takes none that are longer.
constexpr std::size_t kMostArgumentBytes = std::size_t{8} << 20;

// A file of the kernel's, whose size it does not tell.
Result<std::string> own_arguments() {
  std::FILE* const file = std::fopen("/proc/self/cmdline", "rbe");
  if (file == nullptr) return failed_precondition("/proc/self/cmdline cannot be read");
  std::string text(kMostArgumentBytes, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  static_cast<void>(std::fclose(file));
  if (text.empty() || text.back() != '\0')
    return failed_precondition("/proc/self/cmdline cannot be read");
  return text;
}

std::vector<char*> pointers_into(std::string& arguments) {
  std::vector<char*> pointers;
  for (std::size_t at = 0; at < arguments.size(); at = arguments.find('\0', at) + 1)
    pointers.push_back(arguments.data() + at);
  pointers.push_back(nullptr);
  return pointers;
}

// A driver's, a socket's: what is not closed would be held by the process that follows.
void close_all_on_exec() {
  std::error_code error;
  for (std::filesystem::directory_iterator entry("/proc/self/fd", error), end;
       !error && entry != end; entry.increment(error)) {
    const auto number = parse_int(entry->path().filename().string());
    if (!number || *number <= STDERR_FILENO) continue;
    const int file = static_cast<int>(*number);
    const int flags = ::fcntl(file, F_GETFD);
    if (flags >= 0) ::fcntl(file, F_SETFD, flags | FD_CLOEXEC);
  }
}

// Under its own name, which is the process's then; where the file was replaced, as it was.
std::string own_program() {
  constexpr const char* kSelf = "/proc/self/exe";
  std::error_code error;
  const std::filesystem::path file = std::filesystem::read_symlink(kSelf, error);
  return !error && ::access(file.c_str(), X_OK) == 0 ? file.string() : kSelf;
}

}  // namespace

void DeviceFault::report(const std::string& model) {
  if (way_ == OnDeviceFault::kStay || leaving_.exchange(true)) return;
  const char* const what = way_ == OnDeviceFault::kRestart ? "beginning anew" : "stopping";
  put_note("the device of model '" + printable(model) + "' is lost to this process: " + what +
           ", as --on-device-fault says");
  signals_.ask();
}

int DeviceFault::leave() const {
  if (way_ == OnDeviceFault::kRestart) {
    if (restarts_ >= most_restarts_) {
      put_note("it has begun anew " + std::to_string(restarts_) +
               " times already, as often as --max-device-restarts lets it");
    } else {
      const SettingRow& counted = *find_setting(kDeviceRestarts);
      const Status failed = begin_anew(environment_name(counted), std::to_string(restarts_ + 1));
      put_note(failed.message());
    }
  }
  return kExitDeviceLost;
}

Status begin_anew(const std::string& name, const std::string& value) {
  MUSTER_ASSIGN_OR_RETURN(std::string arguments, own_arguments());
  const std::vector<char*> pointers = pointers_into(arguments);
  if (::setenv(name.c_str(), value.c_str(), 1) != 0)
    return failed_precondition("the environment cannot be changed");
  std::fflush(nullptr);
  close_all_on_exec();
  ::execv(own_program().c_str(), pointers.data());
  return failed_precondition(std::string("the program cannot be begun anew: ") +
                             std::strerror(errno));
}

}  // namespace muster
