// SPDX-License-Identifier: Apache-2.0
// Burst: requests that a front end hands in together (InferenceService::infer_in).
//
// Whoever is to run them is woken once, at the end, and then finds all of them, instead of running
// the first one alone. Until then they may wait for nobody, so the end must come soon. One thread.
#pragma once

#include <memory>
#include <vector>

namespace muster {

class Burst {
 public:
  // Somebody who is told of the end, on the thread that ends.
  class Listener {
   public:
    // Whether it has refused some of the burst because too many wait already.
    virtual bool burst_ended() = 0;

   protected:
    ~Listener() = default;
  };

  Burst() = default;
  Burst(const Burst&) = delete;
  Burst& operator=(const Burst&) = delete;
  ~Burst() { end(); }

  // For services, before they take a request. Kept until the end; twice the same is once.
  void tell(std::shared_ptr<Listener> listener);
  // The next request begins a new burst. Whether any listener has refused some of this one.
  bool end();

 private:
  std::vector<std::shared_ptr<Listener>> listeners_;
};

}  // namespace muster
