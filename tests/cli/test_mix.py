"""Several models in `sample`, `--interactive` and `evaluate`, as users name them."""

import json

import pytest

import textgen as package
from tests.analysis.models import random_model, save_model
from tests.sampling.document_models import NAMES, BigramModel
from tests.sampling.subword_models import SubwordModel
from textgen.settings import CorpusConfig, Mix


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    plain = CorpusConfig(documents="none")
    save_model(random_model(plain), folder / "one")
    save_model(random_model(plain, "\n abcxyz", window=3), folder / "two")
    BigramModel(NAMES).save(folder / "names")
    BigramModel(["Bob", "Bo"]).save(folder / "others")
    SubwordModel().save(folder / "subwords")
    return folder


@pytest.fixture
def run(textgen, models):
    def run_with(command, names, *arguments, **more):
        options = [word for name in names for word in ("--model", models / name)]
        return textgen(command, *options, *arguments, **more)

    return run_with


@pytest.mark.parametrize("by", ["probabilities", "logits"])
def test_texts_are_those_of_python(run, models, by):
    mix = Mix([models / "one", models / "two"], (0.7, 0.3), by=by)
    expected = package.load(mix).generate("abc", length=50, random_seed=2)
    words = ("--seed", "abc", "--length", 50, "--random-seed", 2, "--mix", "0.7,0.3")
    done = run("sample", ["one", "two"], *words, "--mix-by", by)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == expected + "\n" * (not expected.endswith("\n"))


def test_without_a_mix_the_models_are_equal_and_with_one_weight_alone(run):
    words = ("--seed", "abc", "--length", 50, "--random-seed", 2)
    equal = run("sample", ["one", "two"], *words).stdout
    assert equal == run("sample", ["one", "two"], *words, "--mix", "0.5,0.5").stdout
    alone = run("sample", ["one", "two"], *words, "--mix", "0,1").stdout
    assert alone == run("sample", ["two"], *words).stdout != equal


def test_a_mix_changes_over_the_length_or_over_documents(run):
    words = ("--random-seed", 2, "--mix", "1,0:0,1")
    done = run("sample", ["one", "two"], "--seed", "abc", "--length", 80, *words, "-n", 2)
    assert done.returncode == 0 and {*"xyz"} & {*done.stdout}
    assert run("sample", ["names", "others"], "-n", 5, *words).stdout.count("\n") == 5
    done = run("sample", ["one", "two"], "--seed", "abc", "--length", 0, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "textgen: error: --mix changes over the text, which has no end; give a length\n"
    )


def test_lines_are_continued_by_several_models(run):
    words = ("--mix", "0.5,0.5", "--random-seed", 1, "--length", 20)
    done = run("sample", ["one", "two"], *words, "--interactive", stdin="ax\n")
    assert done.stdout.startswith("ax") and len(done.stdout) >= 23


def test_the_figures_of_a_mixture_and_of_its_models(run, models, tmp_path):
    (tmp_path / "text.txt").write_text("abc cab\nbac ab\n" * 20)
    done = run("evaluate", ["one", "two"], "text.txt", "--mix", "0.7,0.3")
    *_, head, one, two = done.stdout.splitlines()
    evaluation = package.evaluate(
        tmp_path / "text.txt", Mix([models / "one", models / "two"], (0.7, 0.3))
    )
    assert done.stdout.startswith(f"loss                {evaluation.loss:.4f} nats")
    assert "".join(head.split()) == "eachmodelaloneweightlossbitspercharacterbestweight"
    first = evaluation.members[0]
    figures = (0.7, f"{first.loss:.4f}", f"{first.bits_per_character:.4f}")
    assert one.split()[:-1] == [str(models / "one"), *map(str, figures)]
    assert two.split()[:2] == [str(models / "two"), "0.3"]
    json_done = run("evaluate", ["one", "two"], "text.txt", "--mix", "0.7,0.3", "--format", "json")
    assert json.loads(json_done.stdout)["members"] == [
        member.to_json() for member in evaluation.members
    ]
    logits = run("evaluate", ["one", "two"], "text.txt", "--mix-by", "logits").stdout
    assert "best weight" not in logits and "each model alone" in logits


@pytest.mark.parametrize(
    ("names", "arguments", "problem"),
    [
        (["one", "two"], ["--mix", "0.7,0.2"], "--mix must add up to 1, and 0.7,0.2 is 0.9"),
        (
            ["one", "two"],
            ["--mix", "0.7"],
            "--mix must have a weight for each model, 2 in all, not 1",
        ),
        (["one"], ["--mix", "0.7,0.3"], "--mix must have a weight for each model, 1 in all, not 2"),
        (["one", "two"], ["--mix", "a,b"], "--mix takes a weight for each model, as in 0.7,0.3"),
        (["one"], ["--mix-by", "logits"], "--mix-by is for several models"),
        (["one", "names"], [], "names: has characters of documents, and"),
        (["subwords", "one"], [], "one: has characters of continuous text, and"),
        (["one", "none"], [], "none: no such model directory"),
    ],
)
@pytest.mark.parametrize("command", ["sample", "evaluate"])
def test_a_mix_that_cannot_be_is_one_line(run, tmp_path, command, names, arguments, problem):
    (tmp_path / "text.txt").write_text("abc cab\nbac ab\n")
    words = ["text.txt"] if command == "evaluate" else ["--seed", "ab"]
    done = run(command, names, *words, *arguments)
    assert done.returncode in (1, 2) and done.stdout == ""
    assert done.stderr.count("\n") == 1 and problem in done.stderr


def test_each_document_is_evaluated_by_one_model(run, tmp_path):
    (tmp_path / "text.txt").write_text("Anna\n")
    done = run("evaluate", ["names", "others"], "--each", "text.txt")
    assert done.returncode == 2 and "--each takes one --model" in done.stderr


def test_the_variable_names_one_model(textgen, models):
    done = textgen("sample", "--length", 5, "--seed", "a", TEXTGEN_MODEL=str(models / "one"))
    assert (done.returncode, done.stderr) == (0, "")
    done = textgen("sample", TEXTGEN_MODEL=f"{models / 'one'}:{models / 'two'}")
    assert "two: no such model directory" in done.stderr
