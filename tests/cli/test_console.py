"""The progress bar on a terminal."""

from tests.cli.terminal import Screen, Terminal


def test_a_progress_bar_leaves_the_cursor_visible(tmp_path, corpus):
    with (tmp_path / "long.txt").open("w") as file:
        for _ in range(20_000):
            file.write(corpus.read_text())
    terminal = Terminal("prepare", "long.txt", "-o", "p", "--jobs", "1", cwd=tmp_path)
    shown = terminal.wait_for("MB/s")
    assert Screen().show(shown).cursor
    terminal.process.kill()
    terminal.end()
