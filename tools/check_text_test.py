#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
import pathlib
import tempfile
import unittest

import check_text

HEAD = check_text.LICENCE + "\n"


class CheckTextTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(text.encode())

    def assert_clean(self):
        self.assertEqual(check_text.find(self.root), [])

    def assert_finding(self, start, *words):
        findings = check_text.find(self.root)
        self.assertEqual(len(findings), 1, findings)
        self.assertTrue(findings[0].startswith(start), findings[0])
        for word in words:
            self.assertIn(word, findings[0])

    def test_a_file_without_a_licence_line_is_found(self):
        self.write("tests/x.cc", "int x;\n")
        self.assert_finding("tests/x.cc:1:", check_text.LICENCE)

    def test_a_header_without_pragma_once_is_found(self):
        self.write("src/a/x.h", HEAD)
        self.assert_finding("src/a/x.h:1:", "#pragma once")
        self.write("src/a/x.h", HEAD + "\n#pragma once\n")
        self.assert_clean()

    def test_a_path_of_a_machine_is_found(self):
        for folder in check_text.MACHINE_FOLDERS:
            self.write("a.md", f"text\nsee /{folder}/x.txt\n")
            self.assert_finding("a.md:2:", f"/{folder}/x.txt")

    def test_other_paths_are_fine(self):
        folder = check_text.MACHINE_FOLDERS[2]
        self.write("a.md", f"docs/{folder}/x ./{folder}/x ${{A}}/{folder}/x https://e.org/{folder}/x /usr/bin/env\n")
        self.assert_clean()

    def test_binary_files_are_not_read(self):
        self.write("a.onnx", "\0/" + check_text.MACHINE_FOLDERS[0] + "/me")
        self.assert_clean()

    def test_an_empty_word_in_a_file_or_folder_is_found(self):
        self.write("src/a/string_utils.cc", HEAD)
        self.assert_finding("src/a/string_utils.cc:1:", "'util'")
        (self.root / "src/a/string_utils.cc").unlink()
        self.write("src/common/x.cc", HEAD)
        self.assert_finding("src/common/x.cc:1:", "'common'")

    def test_an_empty_word_in_a_type_is_found(self):
        for line in (
            "class ModelManager {",
            "struct TensorInfo final : public Base {",
            "enum class DataKind : int {",
            "class [[nodiscard]] MUSTER_EXPORT(x) BatchImpl {",
            "template <typename T> struct EventHandlers {",
            "using RowData = int;",
        ):
            self.write("src/a/x.cc", HEAD + "\n" + line + "\n")
            self.assert_finding("src/a/x.cc:3:", "empty word")

    def test_words_that_only_contain_one_are_fine(self):
        types = "class Metadata {};\nenum class DataType {};\nstruct Database {};\nclass Informer {};\n"
        self.write("src/a/metadata.cc", HEAD + types)
        self.assert_clean()

    def test_what_others_declare_is_not_ours_to_name(self):
        others = "struct OrtTensorTypeInfo;\nOrt::TypeInfo info{nullptr};\n// class FooManager {\n"
        self.write("src/a/x.cc", HEAD + others)
        self.assert_clean()

    def test_names_outside_src_and_include_are_free(self):
        self.write("tests/data/x.cc", HEAD + "struct TestData {};\n")
        self.assert_clean()


if __name__ == "__main__":
    unittest.main()
