"""What `import textgen` offers."""

import subprocess
import sys

import textgen


def test_dir_lists_the_public_names():
    assert dir(textgen) == sorted(textgen.__all__)
    assert {"train", "load", "prepare", "Sampler", "__version__"} <= set(dir(textgen))


def test_every_public_name_can_be_imported():
    names: dict[str, object] = {}
    exec("from textgen import *", names)
    for name in textgen.__all__:
        assert names[name] is getattr(textgen, name)


def test_listing_the_names_imports_nothing():
    code = "import sys, textgen; dir(textgen); print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "False\n")
