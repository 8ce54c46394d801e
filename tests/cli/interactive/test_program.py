"""`textgen sample --interactive` as its users run it: on a terminal, and through pipes."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.terminal import Terminal
from tests.sampling.document_models import BigramModel
from tests.sampling.subword_models import SubwordModel


@pytest.fixture
def sample(textgen, trained):
    def run(*arguments, **more):
        return textgen("sample", "--model", trained, "-i", *arguments, **more)

    return run


def test_a_conversation_on_a_terminal(trained, tmp_path, monkeypatch):
    # As in a locale of UTF-8; Python is less strict in the C locale.
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8:strict")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    talk = ("sample", "--model", trained, "-i", "--length", "40")
    terminal = Terminal(*talk, cwd=tmp_path, environment={"HOME": str(tmp_path)})
    terminal.wait_for("/help lists commands.*\n.*> ")
    terminal.type("The cat\n")
    shown = terminal.wait_for("The cat\r\n.*The cat(?s:.{40,})\r\n.*> ")
    assert "\x1b[1mThe cat" in shown
    terminal.type("/temperature 0\n")
    terminal.wait_for("temperature 0, length 40; off: .*\n.*> ")
    terminal.type("/again\n")
    terminal.wait_for("The cat(?s:.{40,})\r\n.*> ")
    terminal.type("/length 0\n")
    terminal.wait_for("length no limit.*\n.*> ")
    terminal.type("A dog\n")
    terminal.wait_for("A dog(?s:.{2000,})")
    terminal.type("\x03")  # Ctrl-C stops the text, not the conversation
    terminal.wait_for(r"\^C(?s:.*)\n> ")
    terminal.type("/length 9\n")
    terminal.wait_for("length 9;.*\n.*> ")
    terminal.type("\x1b[A\x1b[A")  # up, up: the line before the last
    terminal.wait_for("A dog")
    terminal.type("\n")
    terminal.wait_for("\r\n.*A dog(?s:.*)> ")
    os.write(terminal.screen, b"\xff\n")
    terminal.wait_for(r"the line is not UTF-8; type it again(?s:.*)> ")
    terminal.type("\x04")
    assert "Traceback" not in terminal.end()
    assert terminal.process.returncode == 0
    assert os.listdir(tmp_path) == []  # nothing that was typed is written anywhere


def test_a_conversation_is_saved_on_request(trained, tmp_path):
    history = tmp_path / "typed"
    talk = ("sample", "--model", trained, "-i", "--length", "5")
    terminal = Terminal(*talk, "--history", history, cwd=tmp_path)
    terminal.wait_for("> ")
    terminal.type("The cat\n")
    terminal.wait_for("The cat\r\n.*The cat(?s:.{5,})\r\n.*> ")
    terminal.type("\x04")
    assert "Traceback" not in terminal.end() and terminal.process.returncode == 0
    assert "The cat" in history.read_text() and history.stat().st_mode & 0o777 == 0o600
    terminal = Terminal(*talk, cwd=tmp_path, environment={"TEXTGEN_HISTORY": str(history)})
    terminal.wait_for("> ")
    terminal.type("\x1b[A\n")  # up: the line from the last time
    terminal.wait_for("The cat(?s:.{5,})\r\n.*> ")
    terminal.type("\x04")
    terminal.end()
    for wrong in (tmp_path, tmp_path / "no" / "such"):
        terminal = Terminal(*talk, "--history", wrong, cwd=tmp_path)
        shown = terminal.end()
        assert terminal.process.returncode == 1
        assert shown.startswith("textgen: error: ") and len(shown.splitlines()) == 1


def test_a_conversation_through_a_pipe(sample):
    typed = "The cat\n/length 7\nA dog\n\n/again\n/random-seed 4\n/settings\nThe é\n/top-p 3\n"
    done = sample("--length", 5, stdin="/again\n" + typed + "/top-k x\n/what\n/help\n/quit\nno")
    assert done.returncode == 0
    messages = iter(done.stderr.splitlines())
    off = (
        "; off: until, lines, top-k, top-p, min-p, match, ban, only, repetition-penalty, no-repeat"
    )
    for beginning in (
        "/again: nothing was generated yet",
        f"temperature 0.5, length 7{off}, random-seed",
        f"temperature 0.5, length 7, random-seed 4{off}",
        f"temperature 0.5, length 7, random-seed 4{off}",
        "the seed's character 5, 'é'",
        "/top-p ",
        "/top-k takes a number, not 'x'",
        "/what: no such command; /help lists them",
        "  Type a line",
    ):
        assert next(messages).startswith(beginning)
    settings = done.stderr.splitlines()[1].replace("; off:", ",").split(", ")
    for name in (setting.split()[0] for setting in settings):
        assert f"\n  /{name} " in done.stderr  # in the help
    # The model may write "A dog" by itself: what was typed has its place.
    assert re.fullmatch("The cat.{5}\n?A dog.{7}\n?.{7}\n?.{7}\n?", done.stdout, re.DOTALL)
    slash = sample("--length", 5, "--unknown", "skip", stdin="//The cat\n")
    assert slash.stderr == "left out 1 character that the model does not know\n"  # the slash
    assert slash.stdout.startswith("The cat")
    never = sample("--until", "é", stdin="The cat\n")
    assert never.returncode == 2 and "--until cannot be generated" in never.stderr
    fixed = sample("--random-seed", 3, "--length", 20, stdin="The cat\nThe cat\n")
    first, second = fixed.stdout[:28], fixed.stdout[28:]
    assert first == second
    undecodable = sample("--length", 5, stdin=b"The \xff\nThe cat\n")
    assert "-: byte 0xff at offset 4 is not UTF-8" in undecodable.stderr
    assert undecodable.stdout.startswith("The cat")


def test_a_conversation_answers_before_its_input_ends(trained, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "textgen", "sample", "--model", trained, "-i", "--length", "5"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
    )
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(b"The cat\n")
    process.stdin.flush()
    answer = b""
    while len(answer) < len("The cat") + 5 + 1:
        answer += os.read(process.stdout.fileno(), 100)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    process.stdin.close()


def begin(model, tmp_path, *arguments, **more):
    talk = ("sample", "--model", model, "-i", "--length", "30", "--random-seed", "3", *arguments)
    terminal = Terminal(*talk, cwd=tmp_path, **more)
    terminal.wait_for("/help lists commands.*\n.*> ")
    return terminal


def end(terminal):
    terminal.type("\x04")
    assert "Traceback" not in terminal.end()
    assert terminal.process.returncode == 0


def test_tab_suggests_the_rest_of_a_word_and_of_a_line(trained, tmp_path):
    import textgen
    from textgen.sampling.suggestions import Suggester
    from textgen.settings import Decoding

    suggest = Suggester(textgen.load(trained)).suggest
    first, second, *_ = suggest("The c", Decoding(), random_seed=3)
    terminal = begin(trained, tmp_path)
    terminal.type("The c\t")
    terminal.wait_for(re.escape(f"The c{first}"))
    terminal.type("\t\n")  # the second suggestion
    shown = terminal.wait_for(r"\x1b\[1m[^\x1b]*\x1b(?s:.*)\n> ")
    assert f"\x1b[1mThe c{second}\x1b" in shown
    terminal.type("/new\n")
    terminal.wait_for("the text is empty\r\n> ")
    terminal.type("\t")  # a line from nothing; then it is deleted
    terminal.wait_for("[A-Za-z]{2}")
    terminal.type("\x15/temp\t 0\n")
    terminal.wait_for("temperature 0, length 30(?s:.*)> ")
    end(terminal)


def test_tab_continues_the_text_at_an_empty_prompt(trained, tmp_path):
    terminal = begin(trained, tmp_path, "--temperature", "0")
    terminal.type("The king\n")
    terminal.wait_for("The king(?s:.{30,})\n> ")
    terminal.type("\t")
    terminal.wait_for(r"\+.+")
    terminal.type("\n/text\n")
    shown = terminal.wait_for(r"/text\r\nThe king(?s:.*)> ").rpartition("/text\r\n")[2]
    text = shown.removesuffix("> ").replace("\r\n", "\n").removesuffix("\n")
    assert len(text) > len("The king") + 60  # two texts of the model, and the words of Tab
    end(terminal)


def test_nothing_is_suggested_for_what_the_model_does_not_know(trained, tmp_path):
    terminal = begin(trained, tmp_path)
    for typed in ("The é", "The \\", "/nothing"):
        terminal.type(f"{typed}\t\t")
        shown = terminal.wait_for("\a(?s:.*)\a")
        assert re.sub(r"[\a]|\x1b\[[\d;?]*[A-Za-z]", "", shown).strip("\b \r") == typed.strip()
        terminal.type("\x15")
    end(terminal)


def test_a_fast_answer_to_tab(trained, tmp_path):
    terminal = begin(trained, tmp_path)
    terminal.type("The c\t")
    terminal.wait_for("The c[a-z]")
    times = []
    for _ in range(5):
        terminal.type("\x15The k\t")
        start = time.perf_counter()
        terminal.wait_for("The k[a-z]")
        times.append(time.perf_counter() - start)
    assert min(times) < 0.1
    terminal.type("\x15")
    end(terminal)


def test_a_text_grows_and_turns_are_taken_back(sample, tmp_path):
    fixed = ("--length", 6, "--random-seed", 3)
    done = sample(
        *fixed, stdin="The cat\n+ and a dog\n\n/text\n/undo\n/text\n/undo\n/redo\n/text\n"
    )
    out, notes = done.stdout, done.stderr.splitlines()
    turns = re.match(r"(The cat.{6})\n( and a dog.{6})\n(.{6})\n", out, re.DOTALL)
    assert turns is not None
    ends = [
        text + "\n" * (not text.endswith("\n"))
        for text in ("".join(turns.groups()), "".join(turns.groups()[:2]))
    ]
    assert out[turns.end() :] == ends[0] + ends[1] + ends[1]
    assert [note.partition(",")[0] for note in notes] == [
        f"the text has {13 + 16} characters", "the text has 13 characters",
        f"the text has {13 + 16} characters",
    ]  # fmt: skip
    done = sample(*fixed, stdin="/undo\n/redo\n/new\n/again\nThe cat\n/new\n/undo\n+!\n")
    notes = done.stderr.splitlines()
    assert notes[0].startswith("/undo: there is nothing") and notes[1].startswith("/redo: nothing")
    assert notes[2] == "the text is empty" and notes[3].startswith("/again: nothing")
    assert notes[5].startswith("the text has 13 characters") and "!" in done.stdout


def test_each_line_is_added_while_writing(sample):
    fixed = ("--length", 6, "--random-seed", 3)
    typed = "The cat\n{} and\n{}\n/text\n"
    with_plus = sample(*fixed, stdin=typed.format("+", "+"))
    writing = sample(*fixed, stdin="/write\n" + typed.format("", ""))
    assert writing.stdout == with_plus.stdout
    ended = sample(*fixed, stdin="/write\nThe cat\n/write off\nThe cat\n/text\n")
    assert re.fullmatch(r"(The cat(?s:.{6})\n?)\1\1", ended.stdout)


def test_settings_change_along_the_way(sample):
    typed = "The cat\n/undo\n/temperature 0\nThe cat\n/until o\nThe cat\n"
    lines = "/until off\n/lines 1\n/temperature 1\n/length 2000\nThe\n"
    options = ("--length", 200, "--random-seed", 3)
    done = sample(*options, "--temperature", 1.5, stdin=typed + lines)
    greedy = sample(*options, "--temperature", 0, stdin="The cat\n").stdout
    before, found, after = done.stdout.partition(greedy)
    assert before.startswith("The cat") and found
    assert re.fullmatch("The cat[^o]*o\nThe.*\n+", after)
    never = sample(stdin="/until é\n/settings\n/length 0\n/settings\n/temperature off\n")
    notes = never.stderr.splitlines()
    assert notes[0].startswith("/until cannot be generated") and "off: until" in notes[1]
    assert "length no limit" in notes[2] and notes[4].startswith("temperature 0.5")
    assert ", only a-z ; off" in sample(stdin="/only a-z \n").stderr  # a space may be written


def test_the_text_is_saved(sample, tmp_path):
    typed = "The cat\n/save\n/save a.txt\n+ and\n/save\n/save! b.txt\n/save a.txt\n/save -\n"
    (tmp_path / "b.txt").write_text("old")
    done = sample("--length", 6, "--random-seed", 3, stdin=typed + "/save no/a\n/save .\n")
    notes = done.stderr.splitlines()
    assert notes[0].startswith("/save: needs the name of a file")
    assert notes[1].startswith("wrote a.txt (1") and notes[2].startswith("wrote a.txt (2")
    assert notes[3].startswith("wrote b.txt")
    assert notes[4] == "a.txt: exists; name another file, or replace it with /save!"
    assert all("is not a file in an existing directory" in note for note in notes[5:7])
    saved = (tmp_path / "b.txt").read_text()
    assert re.fullmatch("The cat.{6} and.{6}\n?", saved, re.DOTALL) and done.stdout.endswith(saved)
    assert (tmp_path / "a.txt").read_text() == saved
    refused = sample("--length", 6, stdin="The cat\n/save b.txt\n")
    assert refused.stderr.startswith("b.txt: exists; name another file")
    assert (tmp_path / "b.txt").read_text() == saved


def test_a_transcript_has_all_of_a_run(sample, tmp_path):
    typed = ["> The cat", "> + and", "> /length 9", "> /write", "+ ", "+ /save -"]
    stdin = "".join(f"{line[2:]}\n" for line in typed)
    options = ("--length", 6, "--random-seed", 3, "--transcript", "run")
    done = sample(*options, stdin=stdin)
    lines = (tmp_path / "run").read_text().splitlines(keepends=True)
    assert [line[:-1] for line in lines if line.startswith(("> ", "+ "))] == typed
    assert "".join(line for line in lines if not line.startswith(("> ", "+ "))) == done.stdout
    assert sample(*options, stdin=stdin).stdout == done.stdout
    assert (tmp_path / "run").read_text() == 2 * "".join(lines)  # the second run is added
    refused = sample("--transcript", "no/run", stdin=stdin)
    assert refused.returncode == 1 and len(refused.stderr.splitlines()) == 1
    if Path("/dev/full").exists():
        full = sample(*options[:4], "--transcript", "/dev/full", stdin=stdin)
        assert full.stdout == done.stdout
        assert full.stderr.count("/dev/full: the rest is not written: No space left") == 1


def test_ctrl_c_and_a_kill_lose_nothing_of_a_transcript(trained, tmp_path):
    terminal = begin(trained, tmp_path, "--length", "0", "--transcript", "run")
    terminal.type("The cat\n")
    terminal.wait_for("The cat(?s:.{2000,})")
    terminal.type("\x03")
    terminal.wait_for(r"\^C(?s:.*)\n> ")
    terminal.type("/save text\n")
    terminal.wait_for(r"wrote text(?s:.*)\n> ")
    terminal.type("+The dog\n")
    terminal.wait_for("The dog(?s:.*)The dog(?s:.{100,})")
    os.kill(terminal.process.pid, signal.SIGKILL)
    while terminal.read():
        pass
    transcript = (tmp_path / "run").read_text()
    saved = (tmp_path / "text").read_text()
    assert len(saved) > 1900 and transcript.startswith("> The cat\n" + saved.removesuffix("\n"))
    assert re.search("> \\+The dog\nThe dog(?s:.{90,})", transcript)


def test_documents_grow_and_keep_their_label(textgen, tmp_path):
    model = BigramModel(["aab", "aba", "xyx", "xxy"], ["first", "first", "second", "second"])
    model.save(tmp_path / "model", mode="rows")
    talk = ("sample", "--model", tmp_path / "model", "-i", "--temperature", "1")
    done = textgen(*talk, "--label", "first", stdin="/write\n\na\n/text\n")
    first, second, text = done.stdout.splitlines()
    assert text == first + second and second.startswith("a") and {*text} <= {*"ab"}


def test_an_empty_end_of_a_document_is_explained(textgen, tmp_path):
    BigramModel(["ab", "ab"]).save(tmp_path / "model")
    talk = ("sample", "--model", tmp_path / "model", "-i", "--temperature", "0")
    done = textgen(*talk, stdin="a\n+\n+a\n/text\n")
    assert done.stdout == "ab\n\nab\nabab\n"
    assert done.stderr == "the model ends the text here: + and words add to it\n"


def test_tab_with_subwords_and_with_windows(trained_on_windows, tmp_path):
    SubwordModel().save(tmp_path / "subwords")
    for model, typed in ((tmp_path / "subwords", "a t"), (trained_on_windows, "The c")):
        terminal = begin(model, tmp_path)
        terminal.type(f"{typed}\t")
        terminal.wait_for(f"{typed}[^\\r\a]")
        terminal.type("\n")
        terminal.wait_for("\n> ")
        end(terminal)


def test_a_python_without_readline_takes_lines(trained, tmp_path):
    code = "import sys; sys.modules['readline'] = None; from textgen.__main__ import main; main()"
    program = (sys.executable, "-c", code)
    terminal = begin(trained, tmp_path, "--history", "typed", program=program)
    terminal.type("The cat\n/undo\n")
    terminal.wait_for("the text is empty\r\n> ")
    end(terminal)


def test_the_prompt_shows_where_words_are_added(trained, tmp_path):
    terminal = begin(trained, tmp_path, "--until", "o", "--length", "2000")
    terminal.type("/write\n")
    terminal.wait_for("\n\\+ ")
    terminal.type("The cat\n")
    terminal.wait_for(r"\x1b\[0m[^o]*o\r\n\+ (\.\.\.)?[^\r]*o")
    end(terminal)
