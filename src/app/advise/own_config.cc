// SPDX-License-Identifier: Apache-2.0
#include "app/advise/own_config.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "app/advise/line_diff.h"
#include "app/advise/replace_file.h"
#include "app/subject/ways.h"
#include "base/bounded_file.h"
#include "base/caught.h"
#include "base/text.h"
#include "model_config/model_config.h"
#include "model_config/rewriting/rewrite.h"
#include "serving/backend_library.h"

namespace muster {
namespace {

constexpr std::size_t kMostPathBytes = 4096;

Result<std::string> text_without_one(const ModelSubject& subject, const std::string& name,
                                     int thread_budget) {
  MUSTER_ASSIGN_OR_RETURN(auto backend, open_backend(parse_way(name, {}).backend, {thread_budget}));
  const ParsedConfig none = no_model_config(subject.name());
  MUSTER_ASSIGN_OR_RETURN(Contender contender, caught([&] {
                            return subject.load_as_served(std::move(backend), none, thread_budget);
                          }));
  // Which backend runs it is for the advice to say.
  contender.config.backend = subject.backend();
  return to_text(contender.config);
}

}  // namespace

Result<OwnText> own_text(const ModelSubject& subject, const std::vector<std::string>& backends,
                         int thread_budget) {
  OwnText own;
  std::error_code error;
  const std::string path = subject.config_path();
  if (!path.empty() && std::filesystem::exists(path, error)) {
    MUSTER_ASSIGN_OR_RETURN(own.text, read_bounded(path, kMaxConfigBytes));
    own.written = own.text;
    return own;
  }
  std::string reasons;
  for (const std::string& backend : backends) {
    auto text = text_without_one(subject, backend, thread_budget);
    if (text.ok()) {
      own.text = *std::move(text);
      return own;
    }
    reasons += fmt::format("{}{}: {}", reasons.empty() ? "" : "; ", printable(backend),
                           text.status().message());
  }
  return not_found("no backend can load the model: " + reasons);
}

Result<ChosenConfig> chosen_config(const Advice& advice, const OwnText& own,
                                   const OwnConfig& own_config, const std::string& path) {
  const Candidate& first = advice.ranked.front().measured.candidate;
  std::optional<std::int64_t> max_batch_size;
  if (advice.single_rows.empty()) max_batch_size = first.batch_size;
  MUSTER_ASSIGN_OR_RETURN(RewrittenConfig rewritten,
                          rewrite_config(own.text, settings_of(first.setup, max_batch_size,
                                                               advice.thread_budget, own_config)));
  ChosenConfig chosen;
  chosen.advised = {std::move(rewritten.text), path};
  chosen.loses_comments = rewritten.written_anew;
  if (own.written) {
    chosen.changes = line_diff(*own.written, chosen.advised.text);
  } else {
    chosen.advised.text =
        fmt::format("# Chosen by muster advise: {}, on {}, {} {}.\n", describe(advice.goal),
                    advice.processor.empty() ? "one machine" : printable(advice.processor),
                    advice.thread_budget, advice.thread_budget == 1 ? "thread" : "threads") +
        chosen.advised.text;
  }
  return chosen;
}

Result<std::string> write_config(const ChosenConfig& chosen, const OwnText& own) {
  const std::string& path = chosen.advised.path;
  const std::string name = printable(path, kMostPathBytes);
  if (own.written == chosen.advised.text) return name + " says so already; nothing was written";
  MUSTER_ASSIGN_OR_RETURN(const std::string kept,
                          replace_file(path, own.written, chosen.advised.text));
  if (kept.empty()) return name + " was written";
  return name + " was written; what was there is kept as " + printable(kept, kMostPathBytes);
}

}  // namespace muster
