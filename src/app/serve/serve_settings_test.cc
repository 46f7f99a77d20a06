// SPDX-License-Identifier: Apache-2.0
#include "app/serve/serve_settings.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "app/serve/config_file.h"
#include "app/serve/setting_table.h"

namespace muster {
namespace {

using std::chrono::milliseconds;

GivenSetting flag(std::string name, std::vector<std::string> values) {
  std::string where = "--" + name;
  return {std::move(name), std::move(values), std::move(where)};
}

Result<ServeSettings> settings_of(std::vector<GivenSetting> given) {
  given.insert(given.begin(), flag("models", {"models"}));
  return make_settings(given);
}

std::string error_of(std::vector<GivenSetting> given) {
  const auto settings = settings_of(std::move(given));
  return settings.ok() ? "" : std::string(settings.status().message());
}

bool starts_with(const std::string& text, std::string_view begin) {
  return text.substr(0, begin.size()) == begin;
}

// What the settings' rows can change, as one text.
std::string as_text(const ServeSettings& s) {
  std::string text;
  const auto add = [&](const auto& value) {
    if constexpr (requires { std::to_string(value); }) {
      text += std::to_string(value) + '|';
    } else if constexpr (requires { value.count(); }) {
      text += std::to_string(value.count()) + '|';
    } else if constexpr (std::is_enum_v<std::remove_cvref_t<decltype(value)>>) {
      text += std::to_string(static_cast<int>(value)) + '|';
    } else {
      text += std::string(value) + '|';
    }
  };
  for (const auto& list : {s.models.repositories, s.models.load_models}) {
    for (const std::string& entry : list)
      add(entry);
    add("");
  }
  for (const auto& [name, file] : s.models.service.accelerator_libraries) {
    add(name);
    add(file);
  }
  const auto all = [&](const auto&... values) { (add(values), ...); };
  all(s.models.control, s.models.poll_interval, s.models.load_threads, s.models.thread_budget,
      s.models.service.compiled_cache, s.models.picture_threads, s.models.max_waiting_pictures,
      s.models.max_waiting_picture_bytes, s.models.strict_readiness, s.exit_on_error);
  all(s.host, s.http_address, s.grpc_address, s.metrics_address, s.http_port, s.grpc_port,
      s.metrics_port, s.unix_socket, s.http, s.grpc, s.metrics, s.gpu_metrics, s.gpus.interval,
      s.http_threads, s.grpc_threads);
  all(s.token_file, s.tls.certificate, s.tls.key, s.tls.client_ca, s.shared_memory,
      s.shared_memory_limits.max_regions, s.shared_memory_limits.max_bytes,
      s.shared_memory_limits.max_name_bytes, s.shared_memory_limits.max_openings,
      s.cuda_memory_backend);
  const FrontendLimits& limits = s.limits;
  all(limits.max_body_bytes, limits.max_decompressed_bytes, limits.max_control_bytes,
      limits.max_header_bytes, limits.max_connections, limits.max_pipelined_requests,
      limits.max_pictures, limits.max_streams, limits.max_resets, limits.max_control_frames,
      limits.max_grpc_bytes, limits.idle_timeout, limits.grpc_idle_timeout, limits.receive_timeout,
      limits.send_timeout, limits.min_send_rate, limits.refusal_pause,
      limits.protocol.max_json_depth, limits.protocol.max_tensors, limits.protocol.max_parameters,
      limits.protocol.max_rank, limits.protocol.max_name_bytes, limits.protocol.max_id_bytes,
      limits.protocol.max_classes, limits.protocol.max_input_bytes);
  all(s.models.service.max_request_rows.value_or(kDefaultMaxRequestRows));
  all(s.log_level, s.access_log, s.exit_timeout, s.on_device_fault, s.max_device_restarts,
      s.device_restarts);
  return text;
}

TEST(SettingTableTest, tells_the_defaults_as_they_are) {
  for (const SettingRow& row : setting_rows()) {
    if (row.initial.empty()) continue;
    ServeSettings settings;
    const std::string value(row.initial);
    ASSERT_TRUE(row.set(settings, std::span(&value, 1)).ok()) << row.name;
    EXPECT_EQ(as_text(settings), as_text(ServeSettings())) << row.name << " is not " << value;
  }
}

// A row whose setter writes another row's setting would be found here, and one that writes none.
TEST(SettingTableTest, has_a_setting_of_its_own_behind_each_row) {
  std::set<std::string> seen;
  for (const SettingRow& row : setting_rows()) {
    if (row.group.empty()) continue;
    ServeSettings settings;
    bool changed = false;
    for (const std::string value : {"true", "false", "700", "7", "9MiB", "explicit", "127.1.1.1",
                                    "error", "/x", "n=/x", "exit"}) {
      settings = {};
      if (!row.set(settings, std::span(&value, 1)).ok()) continue;
      changed = as_text(settings) != as_text(ServeSettings());
      if (changed) break;
    }
    EXPECT_TRUE(changed) << row.name;
    EXPECT_TRUE(seen.insert(as_text(settings)).second) << row.name;
  }
}

// "| `--http-port PORT` | `8000` | 0 = any free one | |", with Triton's names last.
std::string row_of_document(const SettingRow& row) {
  const auto code = [](const std::string& text) { return text.empty() ? "" : '`' + text + "` "; };
  const std::string flag = "--" + std::string(row.name) + (row.value.empty() ? "" : " ");
  std::string value(row.value);
  for (std::size_t bar = 0; (bar = value.find('|', bar)) != std::string::npos; bar += 2)
    value.insert(bar, "\\");
  std::string text = "| " + code(flag + value) + "| " + code(std::string(row.initial)) + "| " +
                     std::string(row.help) + " | ";
  for (const std::string_view name : words_of(row.triton_names))
    text += code("--" + std::string(name));
  return text + "|";
}

TEST(SettingTableTest, is_what_the_document_says) {
  std::ifstream file(MUSTER_SOURCE_DIR "/docs/server.md");
  std::stringstream stream;
  stream << file.rdbuf();
  const std::string document = stream.str();
  for (const SettingRow& row : setting_rows()) {
    if (row.group.empty()) {
      EXPECT_NE(document.find("`--" + std::string(row.name)), std::string::npos) << row.name;
    } else {
      EXPECT_NE(document.find(row_of_document(row)), std::string::npos) << row_of_document(row);
    }
  }
  for (const RefusedFlag& flag : refused_flags())
    EXPECT_NE(document.find("`--" + std::string(flag.name) + "`"), std::string::npos) << flag.name;
}

TEST(SettingTableTest, gives_no_name_two_meanings) {
  std::set<std::string_view> names = {"config", "help", "version"};
  for (const SettingRow& row : setting_rows()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    for (const std::string_view name : words_of(row.triton_names))
      EXPECT_TRUE(names.insert(name).second) << name;
  }
  for (const RefusedFlag& refused : refused_flags()) {
    EXPECT_TRUE(names.insert(refused.name).second) << refused.name;
    for (const SettingRow& row : setting_rows())
      EXPECT_NE(find_refused_flag(row.name), &refused) << row.name;
  }
}

TEST(SettingTableTest, finds_settings_by_tritons_names_and_slips_of_the_keys) {
  ASSERT_NE(find_setting("model-repository"), nullptr);
  EXPECT_EQ(find_setting("model-repository"), find_setting("models"));
  EXPECT_EQ(find_setting("backend-directory"), nullptr);
  EXPECT_EQ(nearest_setting("http-prot"), "http-port");
  EXPECT_EQ(nearest_setting("model-repositroy"), "model-repository");
  EXPECT_NE(find_refused_flag("trace-level"), nullptr);
  EXPECT_NE(find_refused_flag("grpc-keepalive-time"), nullptr);
  EXPECT_EQ(find_refused_flag("models"), nullptr);
}

TEST(ServeSettingsTest, lets_the_last_word_stand_and_replaces_lists) {
  const auto settings = settings_of({flag("http-port", {"1"}), flag("http-port", {"2", "3"}),
                                     flag("models", {"a", "b"}), flag("strict-readiness", {})});
  ASSERT_TRUE(settings.ok()) << settings.status().to_string();
  EXPECT_EQ(settings->http_port, 3);
  EXPECT_EQ(settings->models.repositories, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(settings->models.strict_readiness);
}

TEST(ServeSettingsTest, understands_units) {
  const auto settings =
      settings_of({flag("max-body-bytes", {"3MiB"}), flag("poll-seconds", {"0.25"}),
                   flag("exit-timeout-seconds", {"0"})});
  ASSERT_TRUE(settings.ok()) << settings.status().to_string();
  EXPECT_EQ(settings->limits.max_body_bytes, std::size_t{3} << 20);
  EXPECT_EQ(settings->models.poll_interval, milliseconds(250));
  EXPECT_EQ(settings->exit_timeout, milliseconds(0));
}

TEST(ServeSettingsTest, takes_the_interval_of_metrics_in_tritons_unit) {
  const auto settings = settings_of({flag("metrics-interval-ms", {"1500"})});
  ASSERT_TRUE(settings.ok()) << settings.status().to_string();
  EXPECT_EQ(settings->gpus.interval, milliseconds(1500));
  EXPECT_FALSE(settings_of({flag("allow-gpu-metrics", {"false"})})->gpu_metrics);
  EXPECT_TRUE(
      starts_with(error_of({flag("metrics-interval-ms", {"99"})}),
                  "--metrics-interval-ms: '99' is not right; give a whole number from 100"));
}

TEST(ServeSettingsTest, names_the_flag_and_the_fix) {
  EXPECT_TRUE(starts_with(std::string(make_settings({}).status().message()),
                          "which models? give --models DIR"));
  for (const char* port : {"65536", "-1", "", "http", "80 ", "0x50", "99999999999999999999"})
    EXPECT_TRUE(starts_with(error_of({flag("http-port", {port})}),
                            "--http-port: '" + std::string(port) + "' is not right; give a whole"))
        << port;
  EXPECT_TRUE(starts_with(error_of({flag("host", {"example.com"})}),
                          "--host: 'example.com' is not right; give an IP address"));
  EXPECT_TRUE(starts_with(error_of({flag("max-body-bytes", {"99999999GiB"})}), "--max-body-bytes"));
  EXPECT_TRUE(starts_with(error_of({flag("poll-seconds", {"nan"})}), "--poll-seconds"));
  EXPECT_TRUE(starts_with(error_of({flag("no-http", {"maybe"})}), "--no-http: 'maybe'"));
  EXPECT_TRUE(starts_with(error_of({flag("load-model", {"m"})}), "--load-model"));
  EXPECT_TRUE(starts_with(error_of({flag("no-http", {}), flag("no-grpc", {})}), "neither HTTP"));
  EXPECT_TRUE(starts_with(error_of({flag("tls-cert", {"c"})}), "--tls-cert needs its key"));
  EXPECT_TRUE(starts_with(error_of({flag("tls-key", {"k"})}), "--tls-key needs its certificate"));
  EXPECT_TRUE(starts_with(error_of({flag("tls-client-ca", {"a"})}), "--tls-client-ca needs TLS"));
  EXPECT_TRUE(starts_with(error_of({flag("unix-socket", {std::string(200, 's')})}),
                          "--unix-socket: a path of 200 bytes is too long"));
  EXPECT_EQ(
      error_of({flag("access-log", {"a\nb\x1b[31m"}), flag("log-level", {"x\ny"})}).find('\n'),
      std::string::npos);
}

TEST(ServeSettingsTest, finds_ports_that_are_given_twice) {
  EXPECT_TRUE(starts_with(error_of({flag("grpc-port", {"8000"})}),
                          "--http-port and --grpc-port are both 8000"));
  EXPECT_EQ(error_of({flag("grpc-port", {"8000"}), flag("no-http", {})}), "");
  EXPECT_EQ(error_of({flag("grpc-port", {"8000"}), flag("grpc-address", {"127.0.0.2"})}), "");
  EXPECT_EQ(error_of({flag("http-port", {"0"}), flag("grpc-port", {"0"})}), "");
}

TEST(ServeSettingsTest, warns_where_grpc_has_no_room_for_the_largest_message) {
  const auto said = risks(*settings_of({flag("max-grpc-bytes", {"64MiB"})}));
  ASSERT_EQ(said.size(), 1U);
  EXPECT_TRUE(said[0].starts_with("--max-grpc-bytes (67108864) is no more than --max-body-bytes"))
      << said[0];
  EXPECT_TRUE(
      risks(*settings_of({flag("max-grpc-bytes", {"64MiB"}), flag("no-grpc", {})})).empty());
  EXPECT_TRUE(risks(*settings_of({flag("max-grpc-bytes", {"65MiB"})})).empty());
}

TEST(ServeSettingsTest, warns_beyond_loopback_without_tokens_or_tls) {
  EXPECT_TRUE(risks(*settings_of({})).empty());
  EXPECT_TRUE(
      risks(*settings_of({flag("host", {"127.8.8.8"}), flag("grpc-address", {"::1"})})).empty());
  const auto open = risks(*settings_of({flag("host", {"0.0.0.0"}), flag("http-address", {"::1"})}));
  ASSERT_EQ(open.size(), 1U);
  EXPECT_NE(open[0].find("without tokens: grpc on 0.0.0.0, metrics on 0.0.0.0."), std::string::npos)
      << open[0];
  const auto readable = risks(*settings_of({flag("host", {"::"}), flag("token-file", {"t"})}));
  ASSERT_EQ(readable.size(), 1U);
  EXPECT_NE(readable[0].find("without TLS"), std::string::npos);
  EXPECT_TRUE(risks(*settings_of({flag("host", {"::"}), flag("token-file", {"t"}),
                                  flag("tls-cert", {"c"}), flag("tls-key", {"k"})}))
                  .empty());
}

TEST(ServeSettingsTest, takes_only_what_stays_in_this_machine_for_loopback) {
  for (const char* address : {"127.0.0.1", "127.255.0.1", "::1", "localhost"})
    EXPECT_TRUE(risks(*settings_of({flag("host", {address})})).empty()) << address;
  for (const char* address : {"0.0.0.0", "::", "10.0.0.1", "128.0.0.1", "::ffff:10.0.0.1"})
    EXPECT_FALSE(risks(*settings_of({flag("host", {address})})).empty()) << address;
}

TEST(ServeEnvironmentTest, gives_settings_and_leaves_other_names_alone) {
  const char* environment[] = {"PATH=/bin",
                               "MUSTER_HTTP_PORT=81",
                               "MUSTER_MODELS=/a:/b c",
                               "MUSTER_GRPC_PROT=1",
                               "MUSTER_HOST=",
                               "MUSTER_SERVICE_PORT_HTTP=80",
                               "MUSTER_PORT_8000_TCP=tcp://10.0.0.1:8000",
                               "MUSTER_CONFIG=/c",
                               "MUSTER_HOME_GROWN_THING=1",
                               "HTTP_PORT=82",
                               nullptr};
  std::vector<std::string> warnings;
  const auto given = settings_of_environment(environment, warnings);
  ASSERT_EQ(given.size(), 2U);
  EXPECT_EQ(given[0].name, "http-port");
  EXPECT_EQ(given[0].where, "MUSTER_HTTP_PORT");
  EXPECT_EQ(given[1].values, (std::vector<std::string>{"/a", "/b c"}));
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_EQ(warnings[0],
            "the environment's MUSTER_GRPC_PROT is no setting; is MUSTER_GRPC_PORT meant?");
}

TEST(ServeEnvironmentTest, explains_what_kubernetes_sets_for_a_service_of_that_name) {
  const char* environment[] = {"MUSTER_HTTP_PORT=tcp://10.0.0.1:80", nullptr};
  std::vector<std::string> warnings;
  const std::string message = error_of(settings_of_environment(environment, warnings));
  EXPECT_TRUE(starts_with(message, "MUSTER_HTTP_PORT: 'tcp://10.0.0.1:80' is not right"));
  EXPECT_NE(message.find("enableServiceLinks"), std::string::npos) << message;
}

class ConfigFileTest : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }

  Result<std::vector<GivenSetting>> given_by(std::string_view text) {
    std::ofstream(path_, std::ios::binary) << text;
    return settings_of_file(path_);
  }
  // Without the file's name.
  std::string error_in(std::string_view text) {
    const auto given = given_by(text);
    if (given.ok()) return "";
    const std::string message(given.status().message());
    EXPECT_TRUE(starts_with(message, path_ + ":")) << message;
    return message.substr(std::min(message.size(), path_.size() + 1));
  }

  const std::string path_ = testing::TempDir() + "muster_config_" + std::to_string(::getpid());
};

TEST_F(ConfigFileTest, gives_settings_of_every_kind) {
  const auto given = given_by(
      "# our server\n\nhttp-port = 81   # not 80\r\n\thost='::1'\n"
      "models = [\"/a#b\", # first\n '/c \"d\"',\n]\nstrict-readiness=true\n"
      "max-id-bytes = 1_000\nload-model = []\n");
  ASSERT_FALSE(given.ok());  // a setting needs a value
  const auto right = given_by(
      "# our server\n\nhttp-port = 81   # not 80\r\n\thost='::1'\n"
      "models = [\"/a#b\", # first\n '/c \"d\"',\n]\nstrict-readiness=true\n"
      "repository-poll-secs = 1.5\naccess-log = \"a \\\"b\\\" \\\\ c\"");
  ASSERT_TRUE(right.ok()) << right.status().to_string();
  const auto settings = make_settings(*right);
  ASSERT_TRUE(settings.ok()) << settings.status().to_string();
  EXPECT_EQ(settings->http_port, 81);
  EXPECT_EQ(settings->host, "::1");
  EXPECT_EQ(settings->models.repositories, (std::vector<std::string>{"/a#b", "/c \"d\""}));
  EXPECT_TRUE(settings->models.strict_readiness);
  EXPECT_EQ(settings->models.poll_interval, milliseconds(1500));
  EXPECT_EQ(settings->access_log, "a \"b\" \\ c");
}

TEST_F(ConfigFileTest, names_the_line_of_what_it_cannot_take) {
  EXPECT_TRUE(starts_with(error_in("\nhttp-prot = 1\n"),
                          "2: there is no setting 'http-prot'; did "
                          "you mean 'http-port'?"));
  EXPECT_TRUE(
      starts_with(error_in("log-file = 'x'\n"), "1: there is no setting 'log-file': the log"));
  EXPECT_TRUE(starts_with(error_in("config = 'x'\n"), "1: there is no setting 'config'"));
  EXPECT_TRUE(starts_with(error_in("[http]\nport = 1\n"), "1: there are no sections"));
  EXPECT_TRUE(starts_with(error_in("http-port = 1\nhttp-port = 2\n"), "2: 'http-port' was given"));
  EXPECT_TRUE(starts_with(error_in("http-port = [1, 2]\n"), "1: http-port has one value"));
  EXPECT_TRUE(starts_with(error_in("models = [\n 'a'\n 'b']\n"), "3: a list's values"));
  EXPECT_TRUE(starts_with(error_in("models = ['a',"), "1: a value is text"));
  EXPECT_TRUE(starts_with(error_in("models = [['a']]"), "1: a value is text"));
  EXPECT_TRUE(starts_with(error_in("host = localhost\n"), "1: a value is text in quotes"));
  EXPECT_TRUE(starts_with(error_in("host = 'a' 'b'\n"), "1: there is more behind the value"));
  EXPECT_TRUE(starts_with(error_in("host = 'a\n'"), "1: a text does not end"));
  EXPECT_TRUE(starts_with(error_in("host = \"a\\n\"\n"), "1: \\ stands before"));
  EXPECT_TRUE(starts_with(error_in("host = \"a\\"), "1: \\ stands before"));
  EXPECT_TRUE(starts_with(error_in("host\n"), "1: behind 'host' comes ="));
  EXPECT_TRUE(starts_with(error_in("host =\n"), "1: a value is text"));
  EXPECT_TRUE(starts_with(error_in("= 1\n"), "1: a line begins with"));
  EXPECT_TRUE(starts_with(error_in("a.b = 1\n"), "1: behind 'a' comes ="));
}

TEST_F(ConfigFileTest, tells_a_wrong_value_by_its_line) {
  const auto given = given_by("models = 'm'\nhttp-port = 70000\n");
  ASSERT_TRUE(given.ok());
  const std::string message(make_settings(*given).status().message());
  EXPECT_TRUE(starts_with(message, path_ + ":2: http-port: '70000' is not right")) << message;
}

TEST_F(ConfigFileTest, says_why_it_cannot_be_read) {
  EXPECT_NE(
      settings_of_file(path_ + ".none").status().message().find("cannot be read: No such file"),
      std::string::npos);
  EXPECT_NE(settings_of_file(testing::TempDir()).status().message().find("cannot be read"),
            std::string::npos);
  EXPECT_NE(given_by(std::string(kMaxConfigFileBytes + 1, '#')).status().message().find("1 MiB"),
            std::string::npos);
  EXPECT_TRUE(given_by("").ok());
  EXPECT_TRUE(given_by(std::string(kMaxConfigFileBytes, '#')).ok());
}

}  // namespace
}  // namespace muster
