// SPDX-License-Identifier: Apache-2.0
// Clang's thread-safety attributes under short names; nothing on other compilers.
// https://clang.llvm.org/docs/ThreadSafetyAnalysis.html
#pragma once

#if defined(__clang__)
#  define MUSTER_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#  define MUSTER_THREAD_ATTRIBUTE(x)
#endif

#define MUSTER_CAPABILITY(x) MUSTER_THREAD_ATTRIBUTE(capability(x))
#define MUSTER_SCOPED_CAPABILITY MUSTER_THREAD_ATTRIBUTE(scoped_lockable)
#define MUSTER_GUARDED_BY(x) MUSTER_THREAD_ATTRIBUTE(guarded_by(x))
#define MUSTER_REQUIRES(...) MUSTER_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define MUSTER_EXCLUDES(...) MUSTER_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define MUSTER_ACQUIRE(...) MUSTER_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define MUSTER_RELEASE(...) MUSTER_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define MUSTER_NO_THREAD_SAFETY_ANALYSIS MUSTER_THREAD_ATTRIBUTE(no_thread_safety_analysis)
