// SPDX-License-Identifier: Apache-2.0
#include "base/memory/heap.h"

#include <malloc.h>

#include "base/mutex.h"

namespace muster {

void give_heap_back() noexcept {
#ifdef __GLIBC__
  static Mutex alone;
  const MutexLock lock(alone);
  ::malloc_trim(0);
#endif
}

}  // namespace muster
