# How the project's targets are made: muster_module, muster_test, muster_benchmark, muster_fuzz.

# Flags that every target of ours gets; generated and foreign code does not.
add_library(muster_flags INTERFACE)
target_include_directories(muster_flags INTERFACE
  "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>" "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>")
target_compile_options(muster_flags INTERFACE -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow
  $<$<BOOL:${MUSTER_WERROR}>:-Werror>)
# GCC 12 warns of overlapping copies inside std::string where there are none (its bug 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(muster_flags INTERFACE -Wno-restrict)
endif()
# Code that is instrumented for threads makes GCC guess wrongly at what is initialised.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND MUSTER_SANITIZE MATCHES "thread")
  target_compile_options(muster_flags INTERFACE -Wno-maybe-uninitialized)
endif()
target_compile_features(muster_flags INTERFACE cxx_std_20)

if(MUSTER_SANITIZE)
  add_compile_options(-fsanitize=${MUSTER_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=${MUSTER_SANITIZE})
endif()

# muster_module(NAME SOURCES ... [DEPS folders] [LIBS libraries])
# One static library muster_NAME for the folder that calls it; DEPS is its row in src/layers.txt.
function(muster_module name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;LIBS" ${ARGN})
  add_library(muster_${name} STATIC ${ARG_SOURCES})
  list(TRANSFORM ARG_DEPS PREPEND muster_)
  target_link_libraries(muster_${name} PUBLIC ${ARG_DEPS} PRIVATE muster_flags ${ARG_LIBS})
  target_include_directories(muster_${name} INTERFACE
    "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
endfunction()

# muster_test(NAME [MEASURES | GPU] SOURCES ... [DEPS folders] [LIBS libraries] [LABEL fast|slow])
# One GoogleTest binary muster_NAME_test; each TEST is a ctest of its own. MEASURES: what it measures
# means nothing under a sanitizer, so it belongs to the release build, where the target
# `measuring_tests` makes it. GPU: it needs a GPU, whose driver no sanitizer of ours bears; it
# belongs to the release build, too, where `gpu_tests` makes it and `make test-gpu` runs it. All of
# its TESTs are one ctest, labelled gpu: each process has to start CUDA.
add_custom_target(measuring_tests)
add_custom_target(gpu_tests)
function(muster_test name)
  cmake_parse_arguments(ARG "MEASURES;GPU" "LABEL" "SOURCES;DEPS;LIBS" ${ARGN})
  set(of_release FALSE)
  if(ARG_MEASURES OR ARG_GPU)
    set(of_release TRUE)
  endif()
  if(NOT MUSTER_BUILD_TESTS)
    return()
  elseif(of_release AND MUSTER_UNIT_TESTS)
    return()
  elseif(NOT of_release AND NOT MUSTER_UNIT_TESTS)
    return()
  endif()
  if(NOT ARG_LABEL)
    set(ARG_LABEL fast)
  endif()
  add_executable(muster_${name}_test ${ARG_SOURCES})
  if(ARG_MEASURES)
    set_target_properties(muster_${name}_test PROPERTIES EXCLUDE_FROM_ALL ON)
    add_dependencies(measuring_tests muster_${name}_test)
  elseif(ARG_GPU)
    set_target_properties(muster_${name}_test PROPERTIES EXCLUDE_FROM_ALL ON)
    add_dependencies(gpu_tests muster_${name}_test)
  endif()
  list(TRANSFORM ARG_DEPS PREPEND muster_)
  target_link_libraries(muster_${name}_test PRIVATE ${ARG_DEPS} ${ARG_LIBS} muster_flags
    GTest::gtest GTest::gtest_main)
  target_compile_definitions(muster_${name}_test PRIVATE
    MUSTER_SOURCE_DIR="${PROJECT_SOURCE_DIR}" MUSTER_BINARY_DIR="${PROJECT_BINARY_DIR}")
  # What is tested is optimised a little, as sanitizers are slow; expectations are compiled a third sooner without.
  target_compile_options(muster_${name}_test PRIVATE $<$<CONFIG:Debug>:-O0>)
  if(ARG_GPU)
    add_test(NAME ${name} COMMAND muster_${name}_test)
    # 77: its main (tests/gpu/gpu_main.cc) found no GPU.
    set_tests_properties(${name} PROPERTIES
      LABELS gpu TIMEOUT 1800 SKIP_RETURN_CODE 77 RUN_SERIAL ON)
    return()
  endif()
  gtest_discover_tests(muster_${name}_test TEST_PREFIX "${name}." DISCOVERY_MODE PRE_TEST
    DISCOVERY_TIMEOUT 60 PROPERTIES LABELS ${ARG_LABEL} TIMEOUT 300)
endfunction()

# muster_benchmark(NAME SOURCES ... [DEPS folders] [LIBS libraries])
# A program of `make bench`, built by the target `benchmarks` alone.
function(muster_benchmark name)
  if(NOT MUSTER_BUILD_BENCH OR NOT benchmark_FOUND)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;LIBS" ${ARGN})
  add_executable(muster_${name}_benchmark EXCLUDE_FROM_ALL ${ARG_SOURCES})
  list(TRANSFORM ARG_DEPS PREPEND muster_)
  target_link_libraries(muster_${name}_benchmark PRIVATE ${ARG_DEPS} ${ARG_LIBS} muster_flags
    benchmark::benchmark)
  target_compile_definitions(muster_${name}_benchmark PRIVATE
    MUSTER_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  add_dependencies(benchmarks muster_${name}_benchmark)
endfunction()

# muster_fuzz(NAME [DEPS folders] [LIBS libraries])
# fuzz/fuzz_NAME.cc: with the fuzz preset a libFuzzer program, otherwise linked to a main that
# replays fuzz/corpus/NAME, which is also a test. `fuzz_targets` makes all of them, and is what that
# preset builds.
add_custom_target(fuzz_targets)
function(muster_fuzz name)
  cmake_parse_arguments(ARG "" "" "DEPS;LIBS" ${ARGN})
  add_executable(fuzz_${name} fuzz_${name}.cc)
  list(TRANSFORM ARG_DEPS PREPEND muster_)
  target_link_libraries(fuzz_${name} PRIVATE ${ARG_DEPS} ${ARG_LIBS} muster_flags)
  add_dependencies(fuzz_targets fuzz_${name})
  if(MUSTER_SANITIZE MATCHES "fuzzer")
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  else()
    target_sources(fuzz_${name} PRIVATE replay_main.cc)
    add_test(NAME fuzz.replays_the_corpus_of_${name}
             COMMAND fuzz_${name} "${CMAKE_CURRENT_SOURCE_DIR}/corpus/${name}")
    set_tests_properties(fuzz.replays_the_corpus_of_${name} PROPERTIES LABELS fast TIMEOUT 120)
  endif()
endfunction()
