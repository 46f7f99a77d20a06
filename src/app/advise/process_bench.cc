// SPDX-License-Identifier: Apache-2.0
#include "app/advise/process_bench.h"

#include <algorithm>
#include <utility>

#include "base/caught.h"
#include "measuring/message.h"

namespace muster {
namespace {

// An answer begins with the outcome; what it is about follows where that is ok.
MessageWriter answer_with(const Status& outcome) {
  MessageWriter answer;
  answer.put(outcome.code());
  if (!outcome.ok()) answer.put_text(outcome.message());
  return answer;
}

Status outcome_in(MessageReader& answer) {
  const auto code = answer.take<StatusCode>();
  if (code == StatusCode::kOk) return {};
  return {code, answer.take_text()};
}

void tell(MessageLine& line, MessageWriter answer) {
  const Status told = line.send(std::move(answer).take());
  // Somebody waits for an answer, whatever it is.
  if (!told.ok()) static_cast<void>(line.send(answer_with(told).take()));
}

void tell_of_opening(MessageLine& line, CandidateBench& bench, const Setup& setup) {
  const auto sizes = caught([&] { return bench.open(setup); });
  MessageWriter answer = answer_with(sizes.status());
  if (sizes.ok()) {
    answer.put(static_cast<std::uint32_t>(sizes->size()));
    for (const std::int64_t size : *sizes)
      answer.put(size);
    answer.put_text(bench.single_rows());
  }
  tell(line, std::move(answer));
}

std::string question_of(const Candidate& candidate, int instances, Clock::Duration length) {
  MessageWriter question;
  question.put(candidate.batch_size);
  question.put(instances);
  question.put(length.count());
  return std::move(question).take();
}

void answer_question(MessageLine& line, CandidateBench& bench, const Setup& setup,
                     const std::string& question) {
  MessageReader reader(question);
  const Candidate candidate{setup, reader.take<std::int64_t>()};
  const auto instances = reader.take<int>();
  const Clock::Duration length(reader.take<Clock::Duration::rep>());
  const auto reading = caught([&] { return bench.measure(candidate, instances, length); });
  MessageWriter answer = answer_with(reading.status());
  if (reading.ok()) {
    const Figures& figures = reading->figures;
    for (const double figure : {figures.items_per_second, figures.p50_ms, figures.p99_ms,
                                figures.cpu_us_per_item, reading->memory_mib})
      answer.put(figure);
  }
  tell(line, std::move(answer));
}

Reading reading_in(MessageReader& answer) {
  Reading reading;
  Figures& figures = reading.figures;
  for (double* const figure : {&figures.items_per_second, &figures.p50_ms, &figures.p99_ms,
                               &figures.cpu_us_per_item, &reading.memory_mib})
    *figure = answer.take<double>();
  return reading;
}

// The next message of a process; an error where it has ended.
Result<std::string> answer_of(OwnProcess& process) {
  MUSTER_ASSIGN_OR_RETURN(auto message, process.receive());
  if (!message) return internal_error("its process ended before its time");
  return *std::move(message);
}

// A process that has said all it has to say stays until it is ended: there are threads where it was
// begun, of which it knows nothing, and a way out of its own would look for what they hold.
void wait_to_be_ended(MessageLine& line) {
  while (line.receive()) {
  }
}

}  // namespace

Result<std::vector<std::int64_t>> ProcessBench::open(const Setup& setup) {
  MUSTER_ASSIGN_OR_RETURN(auto process, OwnProcess::begin([&](MessageLine& line) {
                            const auto bench = make_();
                            tell_of_opening(line, *bench, setup);
                            while (const auto question = line.receive())
                              answer_question(line, *bench, setup, *question);
                          }));
  MUSTER_ASSIGN_OR_RETURN(const std::string message, answer_of(*process));
  MessageReader answer(message);
  MUSTER_RETURN_IF_ERROR(outcome_in(answer));
  std::vector<std::int64_t> sizes(
      std::min<std::size_t>(answer.take<std::uint32_t>(), kLongestMessage / sizeof(std::int64_t)));
  for (std::int64_t& size : sizes)
    size = answer.take<std::int64_t>();
  single_rows_ = answer.take_text();
  if (!answer.is_whole()) return internal_error("its process reports what is not understood");
  opened_.insert_or_assign(setup, std::move(process));
  return sizes;
}

void ProcessBench::close(const Setup& setup) {
  opened_.erase(setup);
}

Result<Reading> ProcessBench::measure(const Candidate& candidate, int instances,
                                      Clock::Duration length) {
  const auto opened = opened_.find(candidate.setup);
  if (opened == opened_.end()) return internal_error("the setup is not open");
  if (!opened->second) MUSTER_RETURN_IF_ERROR(open(candidate.setup).status());
  const Status asked = opened->second->send(question_of(candidate, instances, length));
  const auto message = asked.ok() ? answer_of(*opened->second) : Result<std::string>(asked);
  if (!message.ok()) {
    opened->second.reset();
    return message.status();
  }
  MessageReader answer(*message);
  MUSTER_RETURN_IF_ERROR(outcome_in(answer));
  Reading reading = reading_in(answer);
  if (!answer.is_whole()) return internal_error("its process reports what is not understood");
  return reading;
}

Status outcome_apart(const std::function<Status()>& work) {
  MUSTER_ASSIGN_OR_RETURN(const auto process, OwnProcess::begin([&](MessageLine& line) {
                            tell(line, answer_with(caught(work)));
                            wait_to_be_ended(line);
                          }));
  MUSTER_ASSIGN_OR_RETURN(const std::string message, answer_of(*process));
  MessageReader answer(message);
  return outcome_in(answer);
}

}  // namespace muster
