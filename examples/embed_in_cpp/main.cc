// SPDX-License-Identifier: Apache-2.0
// embed_in_cpp MODEL PICTURE...: classifies pictures inside this process, all at the same time.
// [start example]
#include <fstream>
#include <iostream>
#include <iterator>
#include <thread>
#include <vector>

#include <muster/service.h>

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  auto service = muster::ModelService::open(argv[1]);
  if (!service.ok()) return std::cerr << service.status().to_string() << "\n", 1;

  std::vector<std::string> answers(argc);
  std::vector<std::jthread> callers;  // what arrives together is run together
  for (int i = 2; i < argc; ++i)
    callers.emplace_back([&, i] {
      std::ifstream file(argv[i], std::ios::binary);
      std::vector<char> bytes(std::istreambuf_iterator<char>(file), {});
      auto best = (*service)->classify(std::as_bytes(std::span(bytes)));
      answers[i] = best.ok() ? best->front().label : best.status().to_string();
    });
  callers.clear();  // waits for all of them
  for (int i = 2; i < argc; ++i)
    std::cout << argv[i] << ": " << answers[i] << "\n";
}
// [end example]
