// SPDX-License-Identifier: Apache-2.0
// The command line's verbs: what main needs of each.
#pragma once

namespace CLI {
class App;
}

namespace muster {

// The process's exit statuses.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;      // something could not be done; stderr names it
inline constexpr int kExitUsage = 2;       // the command line was wrong
inline constexpr int kExitDeviceLost = 3;  // serve: a device was lost, and it was told to end then

// Each adds its verb to `app`. When the verb was given, parsing runs it and leaves its exit status
// in `exit_status`, which must outlive the parsing.
void add_advise_verb(CLI::App& app, int& exit_status);
void add_bench_verb(CLI::App& app, int& exit_status);
void add_build_engine_verb(CLI::App& app, int& exit_status);
void add_classify_verb(CLI::App& app, int& exit_status);
void add_doctor_verb(CLI::App& app, int& exit_status);
void add_explain_verb(CLI::App& app, int& exit_status);
void add_inspect_verb(CLI::App& app, int& exit_status);
void add_serve_verb(CLI::App& app, int& exit_status);
void add_verify_verb(CLI::App& app, int& exit_status);

}  // namespace muster
