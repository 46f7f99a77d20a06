// SPDX-License-Identifier: Apache-2.0
#include "app/serve/serve_settings.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "app/serve/config_file.h"
#include "app/serve/setting_table.h"
#include "base/text.h"

namespace muster {
namespace {

constexpr std::string_view kPrefix = "MUSTER_";

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const std::string_view part = text.substr(0, text.find(separator));
    parts.emplace_back(part);
    if (part.size() == text.size()) return parts;
    text.remove_prefix(part.size() + 1);
  }
}

// What Kubernetes puts into a container's environment for a service whose name begins with
// "muster", and that is no setting.
bool is_service_link(std::string_view name, std::string_view value) {
  return value.starts_with("tcp://") || name.find("_SERVICE_") != std::string_view::npos ||
         name.find("_PORT_") != std::string_view::npos;
}

const std::string& address_of(const ServeSettings& settings, const std::string& own) {
  return own.empty() ? settings.host : own;
}

// An address of the loopback interface.
bool stays_on_this_machine(const std::string& address) {
  in_addr four = {};
  if (::inet_pton(AF_INET, address.c_str(), &four) == 1) {
    return (ntohl(four.s_addr) >> 24U) == 127U;
  }
  in6_addr six = {};
  return ::inet_pton(AF_INET6, address.c_str(), &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six) != 0;
}

struct Port {
  std::string_view flag;
  std::uint16_t number;
  std::string address;
};

std::vector<Port> wanted_ports(const ServeSettings& settings) {
  std::vector<Port> ports;
  const auto add = [&](bool wanted, std::string_view flag, std::uint16_t number,
                       const std::string& own) {
    if (wanted) ports.push_back({flag, number, address_of(settings, own)});
  };
  add(settings.http, "--http-port", settings.http_port, settings.http_address);
  add(settings.grpc, "--grpc-port", settings.grpc_port, settings.grpc_address);
  add(settings.metrics, "--metrics-port", settings.metrics_port, settings.metrics_address);
  return ports;
}

Status check_models(const ServeSettings& settings) {
  const LocalServiceOptions& models = settings.models;
  if (models.repositories.empty()) {
    return invalid_argument("which models? give --models DIR, a folder of model folders");
  }
  if (!models.load_models.empty() && models.control != ModelControlMode::kExplicit) {
    return invalid_argument(
        "--load-model names what to load in one mode alone; add --model-control explicit");
  }
  return {};
}

Status check_listeners(const ServeSettings& settings) {
  if (!settings.http && !settings.grpc) {
    return invalid_argument("neither HTTP nor gRPC is left; take --no-http or --no-grpc away");
  }
  const std::vector<Port> ports = wanted_ports(settings);
  for (auto port = ports.begin(); port != ports.end(); ++port) {
    const auto same = [&](const Port& other) {
      return port->number != 0 && other.number == port->number && other.address == port->address;
    };
    if (const auto twin = std::find_if(port + 1, ports.end(), same); twin != ports.end()) {
      return invalid_argument(std::string(port->flag) + " and " + std::string(twin->flag) +
                              " are both " + std::to_string(port->number) +
                              "; give one of them another port, or 0 for any");
    }
  }
  constexpr std::size_t kMostPathBytes = sizeof(sockaddr_un::sun_path) - 1 - 5;
  if (settings.unix_socket.size() > kMostPathBytes) {
    return invalid_argument(
        "--unix-socket: a path of " + std::to_string(settings.unix_socket.size()) +
        " bytes is too long for a socket; at most " + std::to_string(kMostPathBytes) + " fit");
  }
  return {};
}

Status check_tls(const TlsFiles& tls) {
  if (tls.certificate.empty() != tls.key.empty()) {
    return invalid_argument(tls.key.empty() ? "--tls-cert needs its key: add --tls-key"
                                            : "--tls-key needs its certificate: add --tls-cert");
  }
  if (!tls.client_ca.empty() && !tls.enabled()) {
    return invalid_argument("--tls-client-ca needs TLS: add --tls-cert and --tls-key");
  }
  return {};
}

}  // namespace

std::vector<GivenSetting> settings_of_environment(const char* const* environment,
                                                  std::vector<std::string>& warnings) {
  std::vector<std::pair<std::string, const SettingRow*>> known;
  for (const SettingRow& row : setting_rows()) {
    // Of those that are not shown only what a process tells itself by it.
    if (!row.group.empty() || row.name == kDeviceRestarts)
      known.emplace_back(environment_name(row), &row);
  }
  std::vector<std::string_view> names;
  for (const auto& [name, row] : known)
    names.push_back(name);

  std::vector<GivenSetting> given;
  for (; *environment != nullptr; ++environment) {
    const std::string_view line = *environment;
    const std::string_view name = line.substr(0, line.find('='));
    if (!name.starts_with(kPrefix) || name.size() == line.size()) continue;
    const std::string_view value = line.substr(name.size() + 1);
    if (value.empty()) continue;
    if (const auto found = std::ranges::find(names, name); found != names.end()) {
      const SettingRow& row = *known[static_cast<std::size_t>(found - names.begin())].second;
      given.push_back({std::string(row.name),
                       row.list ? split(value, ':') : std::vector<std::string>{std::string(value)},
                       std::string(name)});
    } else if (name != "MUSTER_CONFIG" && !is_service_link(name, value)) {
      const std::string_view near = nearest(name, names);
      if (!near.empty()) {
        warnings.push_back("the environment's " + printable(name) + " is no setting; is " +
                           std::string(near) + " meant?");
      }
    }
  }
  return given;
}

Result<std::vector<GivenSetting>> settings_of_file(const std::string& path) {
  MUSTER_ASSIGN_OR_RETURN(std::vector<FileEntry> entries, read_config_file(path));
  std::vector<GivenSetting> given;
  for (FileEntry& entry : entries) {
    const std::string where = printable(path, 4096) + ":" + std::to_string(entry.line) + ": ";
    const SettingRow* row = find_setting(entry.key);
    if (row == nullptr) {
      const RefusedFlag* refused = find_refused_flag(entry.key);
      const std::string_view near = nearest_setting(entry.key);
      return invalid_argument(where + "there is no setting '" + printable(entry.key) + "'" +
                              (refused != nullptr ? ": " + std::string(refused->instead)
                               : near.empty()     ? std::string("; 'muster serve --help' names all")
                                                  : "; did you mean '" + std::string(near) + "'?"));
    }
    if (entry.values.empty() || (entry.values.size() > 1 && !row->list)) {
      return invalid_argument(where + entry.key + " has one value");
    }
    given.push_back({std::string(row->name), std::move(entry.values), where + entry.key});
  }
  return given;
}

Result<ServeSettings> make_settings(const std::vector<GivenSetting>& given) {
  static const std::vector<std::string> kTrue = {"true"};
  ServeSettings settings;
  for (const GivenSetting& setting : given) {
    const SettingRow* row = find_setting(setting.name);
    if (row == nullptr) return internal_error("there is no setting " + setting.name);
    const Status status = row->set(settings, setting.values.empty() ? kTrue : setting.values);
    if (status.ok()) continue;
    const bool is_link = setting.where.starts_with(kPrefix) && !setting.values.empty() &&
                         is_service_link("", setting.values.back());
    const Status told = status.with_context(setting.where);
    if (!is_link) return told;
    return invalid_argument(std::string(told.message()) +
                            "; Kubernetes sets this for a service of that name: set "
                            "enableServiceLinks to false");
  }
  MUSTER_RETURN_IF_ERROR(check_models(settings));
  MUSTER_RETURN_IF_ERROR(check_listeners(settings));
  MUSTER_RETURN_IF_ERROR(check_tls(settings.tls));
  return settings;
}

std::vector<std::string> risks(const ServeSettings& settings) {
  std::string open;
  for (const Port& port : wanted_ports(settings)) {
    if (stays_on_this_machine(port.address)) continue;
    open += (open.empty() ? "" : ", ") +
            std::string(port.flag.substr(2, port.flag.find('-', 2) - 2)) + " on " + port.address;
  }
  std::vector<std::string> said;
  const FrontendLimits& limits = settings.limits;
  if (settings.grpc && limits.max_grpc_bytes <= limits.max_body_bytes) {
    said.push_back(
        "--max-grpc-bytes (" + std::to_string(limits.max_grpc_bytes) +
        ") is no more than --max-body-bytes (" + std::to_string(limits.max_body_bytes) +
        "): a message that is within the second limit may be refused by the first. Raise "
        "the one or lower the other");
  }
  if (open.empty()) return said;
  if (settings.token_file.empty()) {
    said.push_back("beyond this machine, and without tokens: " + open +
                   ". Whoever reaches these ports may use every model; loading, unloading and "
                   "shared memory stay closed there. Add --token-file, or bind to 127.0.0.1");
  } else if (!settings.tls.enabled()) {
    said.push_back("beyond this machine, and without TLS: " + open +
                   ". Tokens travel readable; add --tls-cert and --tls-key");
  }
  return said;
}

}  // namespace muster
