#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
import pathlib
import tempfile
import unittest

import check_docs


class CheckDocsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def assert_clean(self):
        self.assertEqual(check_docs.find(self.root), [])

    def assert_finding(self, start, *words):
        findings = check_docs.find(self.root)
        self.assertEqual(len(findings), 1, findings)
        self.assertTrue(findings[0].startswith(start), findings[0])
        for word in words:
            self.assertIn(word, findings[0])

    def test_good_links(self):
        self.write("docs/a.md", "# A *b* `c`, (d)\n# Twice\n# Twice\n[up](../x.cc) [here](#a-b-c-d) [2](#twice-1)\n")
        self.write("x.cc", "")
        self.write("README.md", "[a](docs/a.md#twice) ![p](docs) [w](https://e.org) [m](mailto:a@e.org)\n\n[d]: x.cc\n")
        self.assert_clean()

    def test_a_link_to_nothing_is_found(self):
        self.write("README.md", "text\n[a](docs/gone.md)\n")
        self.assert_finding("README.md:2:", "docs/gone.md", "leads nowhere")

    def test_a_definition_and_an_html_link_are_links(self):
        self.write("a.md", '<img src="gone.png">\n')
        self.assert_finding("a.md:1:", "gone.png")
        self.write("a.md", "[x]: gone.md\n")
        self.assert_finding("a.md:1:", "gone.md")

    def test_a_link_to_a_missing_heading_is_found(self):
        self.write("a.md", "# One\n[x](#two)\n")
        self.assert_finding("a.md:2:", "no such heading")

    def test_a_link_out_of_the_repository_is_found(self):
        self.write("a.md", "[x](../y.md)\n")
        self.assert_finding("a.md:1:", "leads out")

    def test_code_holds_no_links(self):
        self.write("a.md", "`[x](gone)`\n\n```\n[x](gone)\n```\n\n~~~~\n[x](gone)\n~~~\n[x](gone)\n~~~~\n")
        self.assert_clean()

    def test_a_block_may_show_a_file(self):
        self.write("x.cc", "int x;\n\nint y;\n")
        self.write("a.md", "<!-- file: x.cc -->\n\n```cpp\nint x;\n\nint y;\n```\n")
        self.assert_clean()

    def test_a_mark_may_stand_behind_its_block(self):
        self.write("x.cc", "int x;\n")
        self.write("a.md", "```cpp\nint y;\n```\n\n<!-- file: x.cc -->\nText\n```cpp\nother\n```\n")
        self.assert_finding("a.md:1:", "line 1 of the block differs from x.cc", "'int x;'")

    def test_a_mark_between_blocks_belongs_to_the_next(self):
        self.write("x.cc", "int x;\n")
        self.write("a.md", "```\nother\n```\n<!-- file: x.cc -->\n```\nint x;\n```\n")
        self.assert_clean()

    def test_a_block_may_show_a_region(self):
        self.write("x.cc", "a\n  // [start one]\n  b\n    // [start two]\n    c\n    // [end two]\n  // [end one]\nd\n")
        self.write("a.md", "<!-- file: x.cc#one -->\n```\nb\n  c\n```\n<!-- file: x.cc#two -->\n```\nc\n```\n")
        self.assert_clean()
        self.write("a.md", "<!-- file: x.cc#one -->\n```\nb\n```\n")
        self.assert_finding("a.md:2:", "line 2", "x.cc#one")

    def test_what_a_mark_names_must_exist(self):
        self.write("a.md", "<!-- file: gone.cc -->\n```\nb\n```\n")
        self.assert_finding("a.md:2:", "does not exist")
        self.write("x.cc", "b\n")
        self.write("a.md", "<!-- file: x.cc#gone -->\n```\nb\n```\n")
        self.assert_finding("a.md:2:", "[start gone]")
        self.write("a.md", "<!-- file: x.cc -->\n\nno block\n")
        self.assert_finding("a.md:1:", "no code block")


if __name__ == "__main__":
    unittest.main()
