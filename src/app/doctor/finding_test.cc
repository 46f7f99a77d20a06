// SPDX-License-Identifier: Apache-2.0
#include "app/doctor/finding.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace muster {
namespace {

const Finding kFinding{Severity::kWarning, "m/config.pbtxt", 12, "instance_group", "too many\n",
                       "set count: 1",     "oversubscribed"};

TEST(Finding, is_a_line_and_its_fix) {
  EXPECT_EQ(finding_text(DoctorFormat::kText, kFinding),
            "m/config.pbtxt:12: warning: too many\\x0a [oversubscribed]\n    fix: set count: 1\n");
  Finding of_machine = kFinding;
  of_machine.file.clear();
  EXPECT_TRUE(finding_text(DoctorFormat::kText, of_machine).starts_with("this machine: warning:"));
}

TEST(Finding, is_one_object_of_json) {
  EXPECT_EQ(finding_text(DoctorFormat::kJson, kFinding),
            R"({"severity":"warning","check":"oversubscribed","file":"m/config.pbtxt","line":12,)"
            R"("field":"instance_group","what":"too many\u000a","fix":"set count: 1"})"
            "\n");
  EXPECT_EQ(finding_text(DoctorFormat::kJson, {Severity::kNote, "", 0, "", "w", "f", "c"}),
            R"({"severity":"note","check":"c","file":null,"line":null,"field":null,"what":"w",)"
            R"("fix":"f"})"
            "\n");
}

TEST(ShellWord, is_quoted_so_that_a_shell_takes_it_as_it_is) {
  EXPECT_EQ(shell_word("models/my model"), "'models/my model'");
  EXPECT_EQ(shell_word("a'b"), R"('a'\''b')");
  EXPECT_EQ(shell_word("';rm x"), R"(''\'';rm x')");
  EXPECT_EQ(shell_word("$(x) \\ \"*\" \xC3\xA4"), "'$(x) \\ \"*\" \xC3\xA4'");
}

TEST(ShellWord, is_none_where_it_could_not_be_shown) {
  EXPECT_EQ(shell_word("a\nb"), std::nullopt);
  EXPECT_EQ(shell_word("a\xFF"), std::nullopt);
  EXPECT_EQ(shell_word(std::string(5000, 'a')), std::nullopt);
}

TEST(Findings, stand_by_severity_file_and_line) {
  Findings findings = {{Severity::kNote, "a", 1, "", "1", "", ""},
                       {Severity::kError, "b", 2, "", "2", "", ""},
                       {Severity::kError, "b", 1, "", "3", "", ""},
                       {Severity::kError, "a", 9, "", "4", "", ""}};
  sort_findings(findings);
  std::string order;
  for (const Finding& finding : findings)
    order += finding.what;
  EXPECT_EQ(order, "4321");
  EXPECT_EQ(count_of(findings, Severity::kError), 3U);
  EXPECT_EQ(count_of(findings, Severity::kWarning), 0U);
}

}  // namespace
}  // namespace muster
