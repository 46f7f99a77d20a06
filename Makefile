# Forwards verbs, no more: the set-up is in tools/setup, the build in CMakePresets.json. CI calls exactly these verbs.
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
SOAK_SECONDS ?= 600

.PHONY: build demo test test-gpu sanitize-gpu tsan lint format fuzz soak bench bench-python docs install clean help
.NOTPARALLEL:
.DEFAULT_GOAL := build

build:
	@tools/setup build
	@tools/build release
	@echo "muster: the program is build/release/muster"

demo: build
	@tools/demo

test:
	@tools/setup test
	@tools/build dev
	@tools/build release all measuring_tests
	@tools/run_tests.py dev release

test-gpu:
	@tools/setup test
	@tools/build release all gpu_tests
	@tools/run_tests.py gpu

sanitize-gpu:
	@tools/setup build
	@tools/build release gpu_tests
	@tools/sanitize_gpu.py

tsan:
	@tools/setup build
	@tools/build tsan
	@tools/run_tests.py tsan

lint:
	@tools/setup lint
	@tools/check_layers.py
	@tools/check_sizes.py
	@tools/check_text.py
	@tools/check_docs.py
	@tools/format --check
	@tools/build tidy

format:
	@tools/setup lint
	@tools/format

fuzz:
	@tools/setup fuzz
	@tools/build fuzz
	@tools/run_fuzz $(FUZZ_SECONDS)

soak:
	@tools/setup test
	@tools/build release
	@.deps/venv/bin/python tests/soak/run.py --program build/release/muster --seconds $(SOAK_SECONDS)

bench: build
	@bench/run

bench-python:
	@bench/run-python

docs:
	@tools/check_docs.py
	@echo "muster: every link in the documents leads somewhere and every example in them is the file's own text"

install: build
	@cmake --install build/release --prefix "$(PREFIX)"

clean:
	rm -rf build

help:
	@echo "make              set up this machine, build the program: build/release/muster"
	@echo "make demo         the same, then classify the sample digits"
	@echo "make test         the whole suite under ASan and UBSan, and what only a release build can show"
	@echo "make test-gpu    the tests that need a GPU; says so where there is none"
	@echo "make sanitize-gpu those of the TensorRT backend under CUDA's compute-sanitizer"
	@echo "make tsan         the tests of concurrent code under ThreadSanitizer"
	@echo "make lint         layers, sizes, texts, formatting, clang-tidy"
	@echo "make format       clang-format over every C++ file"
	@echo "make fuzz         every fuzz target for FUZZ_SECONDS=$(FUZZ_SECONDS) each"
	@echo "make soak         a server under load and trouble for SOAK_SECONDS=$(SOAK_SECONDS)"
	@echo "make bench        the benchmarks, as a table with commit and machine"
	@echo "make bench-python the Python package beside ONNX Runtime's, LitServe and Mosec"
	@echo "make docs         links and examples in the documents"
	@echo "make install      to PREFIX=$(PREFIX)"
	@echo "make clean        remove build/ (what was downloaded stays in .deps/)"
