// SPDX-License-Identifier: Apache-2.0
#include "app/verify/verify_candidates.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "app/subject/ways.h"
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

using Accelerators = std::vector<ExecutionAccelerator>;

// What a provider can be asked to compute in, the closest first, and the parameter that says so.
struct ProviderPrecision {
  std::string_view provider;
  const char* precision;
  const char* parameter;
  const char* value;
};
constexpr ProviderPrecision kProviderPrecisions[] = {
    {"cuda", "f32", "use_tf32", "0"},
    {"cuda", "tf32", "use_tf32", "1"},
    {"tensorrt", "tf32", "precision_mode", "FP32"},
    {"tensorrt", "f16", "precision_mode", "FP16"},
};

// A list of the command line's, in each precision of its provider.
void add_precisions(const VerifyArguments& arguments, const VerifyCandidate& candidate,
                    std::vector<VerifyCandidate>& candidates) {
  const std::string provider = candidate.order.accelerators->front().name;
  bool has_any = false;
  for (const ProviderPrecision& way : kProviderPrecisions) {
    if (way.provider != provider) continue;
    has_any = true;
    if (!arguments.precisions.empty() && !has(arguments.precisions, way.precision)) continue;
    VerifyCandidate asked = candidate;
    asked.precision = way.precision;
    asked.order.accelerators->front().parameters[way.parameter] = way.value;
    candidates.push_back(std::move(asked));
  }
  if (!has_any) candidates.push_back(candidate);
}

// ONNX Runtime with what the configuration asks for, with each that the command line names, and
// where it names no backends, with those on a GPU that the runtime has.
void add_accelerated(const ModelSubject& subject, const VerifyArguments& arguments, int threads,
                     std::vector<VerifyCandidate>& candidates) {
  const auto candidate_with = [&](Accelerators list, bool asked_for) {
    VerifyCandidate candidate{name_of_way(kWithAccelerators, list),
                              {kWithAccelerators, threads, "f32"}};
    candidate.order.accelerators = std::move(list);
    candidate.asked_for = asked_for;
    return candidate;
  };
  if (!subject.accelerators().empty())
    candidates.push_back(candidate_with(subject.accelerators(), true));
  std::vector<std::string> named;
  for (const std::string& text : arguments.accelerators) {
    const std::size_t equals = text.find('=');
    named.push_back(text.substr(0, equals));
    const Way way = parse_way(std::string(kWithAccelerators) + '+' + named.back(), {});
    VerifyCandidate candidate = candidate_with(*way.accelerators, true);
    if (equals != std::string::npos)
      candidate.order.accelerator_libraries[named.back()] = text.substr(equals + 1);
    add_precisions(arguments, candidate, candidates);
  }
  if (!arguments.backends.empty()) return;
  for (const std::string& way : offered_ways_on_gpus()) {
    Accelerators list = *parse_way(way, {}).accelerators;
    if (!has(named, list.front().name))
      add_precisions(arguments, candidate_with(std::move(list), false), candidates);
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
