#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
import pathlib
import tempfile
import unittest

import check_layers
import repository

LAYERS = """
base:
tensor: base
image: tensor base
batching: tensor base
backends/one: tensor base
backends/two: tensor base
proto:
config: proto base
app: *
muster/status.h -> base
muster/image.h -> image
"""


class CheckLayersTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.write("src/layers.txt", LAYERS)

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def assert_finding(self, start, *words):
        findings = check_layers.find(self.root)
        self.assertEqual(len(findings), 1, findings)
        self.assertTrue(findings[0].startswith(start), findings[0])
        for word in words:
            self.assertIn(word, findings[0])

    def assert_clean(self):
        self.assertEqual(check_layers.find(self.root), [])

    def test_a_declared_arrow_is_allowed(self):
        self.write("src/image/png.cc", '#include <vector>\n#include <muster/status.h>\n#include "tensor/tensor.h"\n')
        self.assert_clean()

    def test_a_planted_violation_is_found(self):
        self.write("src/tensor/tensor.cc", '#include <vector>\n#  include "image/png.h"\n')
        self.assert_finding("src/tensor/tensor.cc:2:", "tensor may not include image")

    def test_siblings_may_not_include_one_another(self):
        self.write("src/image/png.cc", '#include "batching/queue.h"\n')
        self.assert_finding("src/image/png.cc:1:", "image may not include batching")

    def test_a_backend_may_not_include_another(self):
        self.write("src/backends/one/load.cc", '#include "backends/two/load.h"\n')
        self.assert_finding("src/backends/one/load.cc:1:", "backends/one may not include backends/two")

    def test_a_declaration_may_not_name_a_backend(self):
        self.write("src/layers.txt", LAYERS + "serving: backends/one\n")
        self.assert_finding("src/layers.txt:13:", "only a folder with '*' may include a backend")

    def test_the_top_may_include_everything(self):
        self.write("src/app/main.cc", '#include "backends/two/load.h"\n#include "image/png.h"\n')
        self.assert_clean()

    def test_a_subfolder_belongs_to_the_declared_one(self):
        self.write("src/image/jpeg/turbo.cc", '#include "image/png.h"\n#include "batching/queue.h"\n')
        self.assert_finding("src/image/jpeg/turbo.cc:2:", "image may not include batching")

    def test_a_folder_that_is_not_declared_is_found(self):
        self.write("src/extra/x.cc", "int x;\n")
        self.assert_finding("src/extra/x.cc:1:", "no layer")

    def test_a_file_in_no_folder_is_found(self):
        self.write("src/main.cc", "int x;\n")
        self.assert_finding("src/main.cc:1:", "no layer")

    def test_a_cycle_is_found(self):
        self.write("src/layers.txt", LAYERS.replace("base:", "base: batching", 1))
        self.assert_finding("src/layers.txt:2:", "a cycle: base -> batching -> base")

    def test_an_undeclared_name_is_found(self):
        self.write("src/layers.txt", LAYERS.replace("base:", "base: ground", 1))
        self.assert_finding("src/layers.txt:2:", "ground, which is not declared")

    def test_a_public_header_has_the_layer_it_is_given(self):
        self.write("include/muster/status.h", "#include <muster/image.h>\n")
        self.assert_finding("include/muster/status.h:1:", "base may not include image")

    def test_a_public_header_without_a_layer_is_found(self):
        self.write("include/muster/extra.h", "#pragma once\n")
        self.assert_finding("include/muster/extra.h:1:", "no layer")

    def test_a_public_header_may_not_include_a_private_one(self):
        self.write("include/muster/image.h", '#include "image/png.h"\n')
        self.assert_finding("include/muster/image.h:1:", "not installed")

    def test_a_public_header_is_included_with_angle_brackets(self):
        self.write("src/image/png.cc", '#include "muster/image.h"\n')
        self.assert_finding("src/image/png.cc:1:", "<muster/image.h>")

    def test_a_path_that_does_not_start_at_src_is_found(self):
        self.write("src/image/png.cc", '#include "png.h"\n')
        self.assert_finding("src/image/png.cc:1:", "write the path from src/")

    def test_a_fake_is_for_tests_only(self):
        fake = '#include "tensor/testing/fake_tensor.h"\n'
        self.write("src/image/png.cc", fake)
        self.write("src/image/png_test.cc", fake)
        self.write("src/image/png_benchmark.cc", fake)
        self.write("src/image/testing/fake_png.h", fake)
        self.assert_finding("src/image/png.cc:1:", "a fake for tests")

    def test_a_test_may_not_include_a_fake_of_a_sibling(self):
        self.write("src/image/png_test.cc", '#include "batching/testing/puppet_queue.h"\n')
        self.assert_finding("src/image/png_test.cc:1:", "image may not include batching")

    def test_generated_headers_are_a_layer_of_their_own(self):
        self.write("src/config/read.cc", '#include "model_config.pb.h"\n')
        self.write("src/image/png.cc", '#include "proto/model_config.pb.h"\n')
        self.assert_finding("src/image/png.cc:1:", "image may not include proto")

    def test_the_bindings_are_checked(self):
        self.write("src/layers.txt", LAYERS + "python/src: base\n")
        self.write("python/src/module.cc", '#include "image/png.h"\n')
        self.assert_finding("python/src/module.cc:1:", "python/src may not include image")

    def test_our_own_declarations_are_sound(self):
        layers, findings = check_layers.parse_layers(repository.read(repository.ROOT / check_layers.LAYERS))
        self.assertEqual(findings + check_layers.check_declarations(layers), [])


if __name__ == "__main__":
    unittest.main()
