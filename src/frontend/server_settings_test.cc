// SPDX-License-Identifier: Apache-2.0
#include "frontend/server_settings.h"

#include <gtest/gtest.h>

#include "base/log.h"

namespace muster {
namespace {

class ServerSettingsTest : public ::testing::Test {
 protected:
  ~ServerSettingsTest() override { set_log_level(LogLevel::kWarning); }
  ServerSettings settings_;
};

TEST_F(ServerSettingsTest, shows_the_names_that_clients_know) {
  const Settings log = settings_.log_settings();
  EXPECT_EQ(log.at("log_file"), SettingValue(std::string()));
  EXPECT_EQ(log.at("log_warning"), SettingValue(true));
  EXPECT_EQ(log.at("log_verbose_level"), SettingValue(std::uint64_t{0}));
  const Settings trace = settings_.trace_settings();
  EXPECT_EQ(trace.at("trace_level"), SettingValue(std::vector<std::string>{"OFF"}));
}

TEST_F(ServerSettingsTest, a_change_reaches_the_log) {
  ASSERT_TRUE(settings_.change_log_settings({{"log_info", true}}).ok());
  EXPECT_TRUE(logs(LogLevel::kInfo));
  EXPECT_FALSE(logs(LogLevel::kDebug));
  ASSERT_TRUE(settings_.change_log_settings({{"log_verbose_level", std::uint64_t{1}}}).ok());
  EXPECT_TRUE(logs(LogLevel::kDebug));
  ASSERT_TRUE(settings_
                  .change_log_settings({{"log_verbose_level", std::uint64_t{0}},
                                        {"log_info", false},
                                        {"log_warning", false},
                                        {"log_error", false}})
                  .ok());
  EXPECT_FALSE(logs(LogLevel::kError));
}

TEST_F(ServerSettingsTest, begins_with_the_level_that_the_log_has) {
  EXPECT_EQ(ServerSettings(LogLevel::kDebug).log_settings().at("log_verbose_level"),
            SettingValue(std::uint64_t{1}));
  ServerSettings info(LogLevel::kInfo);
  EXPECT_EQ(info.log_settings().at("log_info"), SettingValue(true));
  ASSERT_TRUE(info.change_log_settings({{"log_error", true}}).ok());
  EXPECT_TRUE(logs(LogLevel::kInfo));
  EXPECT_EQ(ServerSettings(LogLevel::kOff).log_settings().at("log_error"), SettingValue(false));
}

TEST_F(ServerSettingsTest, null_sets_one_back_to_what_it_was_at_the_start) {
  ServerSettings settings(LogLevel::kInfo);
  const Settings before = settings.log_settings();
  ASSERT_TRUE(settings
                  .change_log_settings({{"log_verbose_level", std::uint64_t{3}},
                                        {"log_info", false},
                                        {"log_warning", false},
                                        {"log_error", false}})
                  .ok());
  ASSERT_TRUE(settings.change_log_settings({{"log_verbose_level", std::monostate()}}).ok());
  EXPECT_EQ(settings.log_settings().at("log_verbose_level"), SettingValue(std::uint64_t{0}));
  EXPECT_EQ(settings.log_settings().at("log_info"), SettingValue(false)) << "others stay";
  Settings nulls;
  for (const auto& [name, value] : before)
    nulls.emplace(name, std::monostate());
  ASSERT_TRUE(settings.change_log_settings(nulls).ok());
  EXPECT_EQ(settings.log_settings(), before);
  EXPECT_TRUE(logs(LogLevel::kInfo));
  EXPECT_FALSE(logs(LogLevel::kDebug));
}

TEST_F(ServerSettingsTest, changes_all_or_nothing) {
  const Status status = settings_.change_log_settings({{"log_info", true}, {"log_zeal", true}});
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("log_zeal"), std::string_view::npos);
  EXPECT_EQ(settings_.log_settings().at("log_info"), SettingValue(false));
}

TEST_F(ServerSettingsTest, refuses_paths_and_wrong_types) {
  EXPECT_FALSE(settings_.change_log_settings({{"log_file", std::string("/tmp/x")}}).ok());
  EXPECT_FALSE(settings_.change_log_settings({{"log_info", std::string("yes")}}).ok());
  EXPECT_FALSE(settings_.change_log_settings({{"log_verbose_level", true}}).ok());
  EXPECT_FALSE(settings_.change_log_settings({{"log_format", std::string("ISO8601")}}).ok());
  EXPECT_FALSE(settings_.change_trace_settings({{"trace_file", std::string("/tmp/x")}}).ok());
}

TEST_F(ServerSettingsTest, traces_stay_off) {
  EXPECT_TRUE(settings_.change_trace_settings({{"trace_level", std::string("OFF")}}).ok());
  EXPECT_TRUE(settings_.change_trace_settings({{"trace_rate", std::monostate()}}).ok());
  const Status on =
      settings_.change_trace_settings({{"trace_level", std::vector<std::string>{"TIMESTAMPS"}}});
  EXPECT_EQ(on.code(), StatusCode::kInvalidArgument);
  EXPECT_FALSE(settings_.change_trace_settings({{"trace_rat", std::monostate()}}).ok());
}

}  // namespace
}  // namespace muster
