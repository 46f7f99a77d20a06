// SPDX-License-Identifier: Apache-2.0
#include "app/verify/verify_candidates.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "client/server_address.h"

namespace muster {
namespace {

constexpr const char* kWithAccelerators = "onnxruntime";

bool has(const std::vector<std::string>& list, const std::string& word) {
  return std::ranges::find(list, word) != list.end();
}

// Without repetitions, in the order given; `otherwise` where nothing is.
std::vector<std::string> once_each(const std::vector<std::string>& given,
                                   std::vector<std::string> otherwise) {
  if (given.empty()) return otherwise;
  std::vector<std::string> words;
  for (const std::string& word : given)
    if (!has(words, word)) words.push_back(word);
  return words;
}

std::string joined(const std::vector<ExecutionAccelerator>& accelerators) {
  std::string names;
  for (const ExecutionAccelerator& accelerator : accelerators)
    names += '+' + accelerator.name;
  return names;
}

// ONNX Runtime with what the configuration asks for, and with each that the command line names.
void add_accelerated(const ModelSubject& subject, const VerifyArguments& arguments, int threads,
                     std::vector<VerifyCandidate>& candidates) {
  std::vector<std::vector<ExecutionAccelerator>> lists;
  if (!subject.accelerators().empty()) lists.push_back(subject.accelerators());
  std::map<std::string, std::string, std::less<>> libraries;
  for (const std::string& text : arguments.accelerators) {
    const std::size_t equals = text.find('=');
    const std::string name = text.substr(0, equals);
    if (equals != std::string::npos) libraries[name] = text.substr(equals + 1);
    lists.push_back({{name, {}, name == "cuda" || name == "tensorrt", 0}});
  }
  for (std::vector<ExecutionAccelerator>& list : lists) {
    std::string name = kWithAccelerators + joined(list);
    candidates.push_back({std::move(name),
                          {kWithAccelerators, threads, "f32", std::move(list), libraries},
                          std::nullopt,
                          true});
  }
}

// Each is asked for the model by one name.
Status add_servers(const ModelSubject& subject, const VerifyArguments& arguments,
                   std::vector<VerifyCandidate>& candidates) {
  const std::string& model =
      arguments.server_model.empty() ? subject.name() : arguments.server_model;
  for (const std::string& url : once_each(arguments.servers, {})) {
    MUSTER_ASSIGN_OR_RETURN(ServerAccess access,
                            parse_server_access("--against", url, arguments.access));
    VerifyCandidate candidate{server_url(access.address), {}};
    candidate.server = VerifyServer{std::move(access), model};
    candidate.asked_for = true;
    candidates.push_back(std::move(candidate));
  }
  return {};
}

}  // namespace

VerifyCandidate reference_of(const ModelSubject& subject, const VerifyArguments& arguments,
                             int threads) {
  const std::size_t colon = arguments.reference.find(':');
  std::string backend = arguments.reference.substr(0, colon);
  if (backend.empty()) backend = subject.backend();
  std::string precision =
      colon == std::string::npos ? "f32" : arguments.reference.substr(colon + 1);
  std::string name = backend + ' ' + precision;
  return {
      std::move(name),
      {std::move(backend), threads, std::move(precision), std::vector<ExecutionAccelerator>(), {}}};
}

Result<std::vector<VerifyCandidate>> candidates_of(const ModelSubject& subject,
                                                   const VerifyArguments& arguments, int threads) {
  std::vector<VerifyCandidate> candidates;
  for (const std::string& backend : once_each(arguments.backends, subject.backends())) {
    const std::vector<std::string> known = precisions_of(backend);
    for (const std::string& precision : once_each(arguments.precisions, known)) {
      // What is asked for by both names and cannot be is worth a word.
      if (!has(known, precision) && arguments.backends.empty()) continue;
      candidates.push_back({backend,
                            {backend, threads, precision, std::vector<ExecutionAccelerator>(), {}},
                            std::nullopt,
                            !arguments.backends.empty()});
    }
  }
  add_accelerated(subject, arguments, threads, candidates);
  MUSTER_RETURN_IF_ERROR(add_servers(subject, arguments, candidates));
  return candidates;
}

}  // namespace muster
