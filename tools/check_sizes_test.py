#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
import pathlib
import tempfile
import unittest

import check_sizes


def functions(text):
    return list(check_sizes.cpp_functions(text))


class CppFunctionsTest(unittest.TestCase):
    def test_counts_from_the_head_to_the_closing_brace(self):
        self.assertEqual(functions("int one();\n\nint\ntwo(int a) {\n  return a;\n}\n"), [("two", 3, 4)])

    def test_looks_into_namespaces_and_classes(self):
        text = "namespace a::b {\nclass C final : public D<int> {\n public:\n  void f() const {\n  }\n};\n}\n"
        self.assertEqual(functions(text), [("f", 4, 2)])

    def test_what_is_inside_a_function_belongs_to_it(self):
        text = "void f() {\n  struct S { int g() { return 1; } };\n  auto l = [] { return 2; };\n}\nvoid g() {}\n"
        self.assertEqual(functions(text), [("f", 1, 4), ("g", 5, 1)])

    def test_comments_and_strings_hold_no_braces(self):
        text = 'void f() {\n  // {\n  /* { */ g("{", \'{\', R"x({)x");\n}\nint h() { return 1\'000; }\n'
        self.assertEqual(functions(text), [("f", 1, 4), ("h", 5, 1)])

    def test_only_the_first_branch_of_a_condition_counts(self):
        text = "#ifdef A\nvoid f(int) {\n#else\nvoid f() {\n#endif\n}\n#define X \\\n  {\nvoid g() {}\n"
        self.assertEqual(functions(text), [("f", 2, 5), ("g", 9, 1)])

    def test_a_constructor_with_braces_in_its_initialisers(self):
        text = "Foo::Foo(int a)\n    : a_{a},\n      b_{} {\n  g();\n}\nvoid g() {}\n"
        self.assertEqual(functions(text), [("Foo::Foo", 1, 5), ("g", 6, 1)])

    def test_initialisers_are_no_functions(self):
        text = "constexpr int table[] = {\n 1, f(2),\n};\nint x{3};\nenum class E { a, b };\nvoid g() {}\n"
        self.assertEqual(functions(text), [("g", 6, 1)])

    def test_templates_operators_and_default_arguments(self):
        text = (
            "template <typename T = std::vector<int>>\nbool operator==(T a = {}, T b = {}) {\n  return f(a);\n}\n"
            "A& A::operator=(A&& o) {\n  return *this;\n}\n"
        )
        self.assertEqual([length for _, _, length in functions(text)], [4, 3])

    def test_a_lambda_at_namespace_scope_is_a_function(self):
        self.assertEqual(functions("const auto f = [](int a) {\n  return a;\n};\n"), [("f", 1, 3)])

    def test_tests_have_two_names(self):
        self.assertEqual(functions("TEST(BatchQueue, refuses_when_full) {\n}\n")[0][0], "BatchQueue.refuses_when_full")


class CheckSizesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def assert_findings(self, *starts):
        findings = check_sizes.find(self.root)
        self.assertEqual(len(findings), len(starts), findings)
        for finding, start in zip(findings, starts):
            self.assertTrue(finding.startswith(start), finding)

    def test_files_have_limits_by_kind(self):
        self.write("src/a/x.cc", "\n" * 501)
        self.write("src/a/ok.cc", "\n" * 500)
        self.write("src/a/x.h", "\n" * 201)
        self.write("src/a/x_test.cc", "\n" * 801)
        self.write("src/a/ok_test.cc", "\n" * 800)
        self.write("python/x.py", "\n" * 501)
        self.assert_findings("python/x.py:501:", "src/a/x.cc:501:", "src/a/x.h:201:", "src/a/x_test.cc:801:")

    def test_a_long_function_is_found(self):
        self.write("src/a/x.cc", "\nvoid f() {\n" + "  g();\n" * 69 + "}\nvoid ok() {\n" + "  g();\n" * 68 + "}\n")
        self.write("tools/x.py", "def f():\n" + "    g()\n" * 70 + "def ok():\n" + "    g()\n" * 69)
        self.assert_findings("src/a/x.cc:2: f has 71 lines", "tools/x.py:1: f has 71 lines")

    def test_a_folder_has_at_most_15_sources_besides_tests(self):
        for number in range(15):
            for ending in (".cc", ".h", "_test.cc", "_benchmark.cc"):
                self.write(f"src/a/x{number}{ending}", "")
        self.assert_findings()
        self.write("src/a/one_more.cc", "")
        self.assert_findings("src/a:1: 16 sources")

    def test_there_are_at_most_8_public_headers(self):
        for number in range(9):
            self.write(f"include/muster/x{number}.h", "")
        self.assert_findings("include/muster:1: 9 sources, at most 8")

    def test_an_exception_needs_a_reason_and_a_use(self):
        self.write("src/a/x.cc", "\n" * 501 + "void f() {\n" + "  g();\n" * 70 + "}\n")
        self.write("tools/size_exceptions.txt", "# comment\nsrc/a/x.cc: a table\nsrc/a/x.cc f: one switch\n")
        self.assert_findings()
        self.write("tools/size_exceptions.txt", "src/a/x.cc:\nsrc/a/x.cc f: one switch\nsrc/gone.cc: was big\n")
        path = "tools/size_exceptions.txt"
        self.assert_findings(f"{path}:1: no reason", f"{path}:3: src/gone.cc needs no exception")

    def test_what_is_built_is_not_looked_at(self):
        self.write("build/x.cc", "\n" * 900)
        self.write("python/venv/pyvenv.cfg", "")
        self.write("python/venv/x.py", "\n" * 900)
        self.assert_findings()


if __name__ == "__main__":
    unittest.main()
