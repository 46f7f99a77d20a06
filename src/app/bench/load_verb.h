// SPDX-License-Identifier: Apache-2.0
// The part of the verb `bench` that loads a running server.
#pragma once

#include "app/bench/bench_arguments.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace muster {

// Adds --url and all that means something with it alone; returns --url.
CLI::Option* add_load_flags(CLI::App& verb, LoadArguments& arguments);
// The exit status. `arguments.load.url` is set.
[[nodiscard]] int bench_server(const BenchArguments& arguments);

}  // namespace muster
