// SPDX-License-Identifier: Apache-2.0
// The same engine behind `muster serve`, asked over HTTP for rows that lie in memory which this
// process shares with it. Failures are exceptions.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <muster/service.h>

#include "base/temporary_folder.h"
#include "bench/clients/load_loops.h"
#include "bench/gpu/engine_service.h"
#include "bench/gpu/shared_bytes.h"
#include "bench/served/server_process.h"

namespace muster::bench {

// HTTP on a free port of the loopback; the engine answers when it is constructed.
class ServedEngine {
 public:
  // `words`: more of the server's command line.
  ServedEngine(const std::string& program, const ServiceShape& shape,
               const std::vector<std::string>& words);
  [[nodiscard]] Asked asked() const;

 private:
  TemporaryFolder repository_;
  ServerProcess process_;
  ServerAddress http_;
};

// `count` questions of `rows` rows each, whose inputs and outputs lie in one region. What is right
// is what `reference`, the same engine in this process, answers to the same rows.
class SharedQuestions {
 public:
  SharedQuestions(Sharing sharing, const ServedEngine& server, const RawEngine::Facts& facts,
                  ModelService& reference, int count, std::int64_t rows);
  [[nodiscard]] const std::vector<Question>& questions() const noexcept { return questions_; }

 private:
  std::unique_ptr<SharedBytes> memory_;
  std::vector<Question> questions_;
};

}  // namespace muster::bench
