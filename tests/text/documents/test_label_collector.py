"""The values of labels, from tasks in any order."""

import itertools

import numpy as np

from textgen.settings import CorpusConfig
from textgen.text.documents.label_collector import LabelCollector, LabelGroups, build_field
from textgen.text.documents.labels import LabelField, label_names
from textgen.text.documents.records import LabelValues

TASKS = [
    LabelValues(0, (("b", "", "rare"),), (np.array([4, 2, 1]),)),
    LabelValues(1, (("a", "b"),), (np.array([5, 1]),)),
    LabelValues(2, (("also rare", "a"),), (np.array([2, 1]),)),
]


def test_the_order_of_tasks_has_no_effect():
    for tasks in itertools.permutations(TASKS):
        collector = LabelCollector(["genre"])
        for task in tasks:
            collector.add(task)
        assert collector.fields() == (
            LabelField("genre", ("a", "b"), (6, 5), unlabelled=2, rare=3, rare_values=2),
        )
        assert collector.describe_rare() == (
            "genre: 2 values of fewer than 5 documents learned as one: 'rare' (1 document), "
            "'also rare' (2 documents)"
        )


def test_only_the_rarest_values_are_shown():
    collector = LabelCollector(["by"])
    values = tuple(f"nobody {number}" for number in range(1500))
    collector.add(LabelValues(0, ((*values, "somebody"),), (np.array([1] * 1500 + [5]),)))
    note = collector.describe_rare()
    assert note.startswith("by: 1,500 values of fewer than 5 documents") and note.count("'") == 6
    assert note.endswith(", ...")


def test_nothing_is_rare():
    collector = LabelCollector(["by"])
    collector.add(LabelValues(0, (("somebody", ""),), (np.array([5, 1]),)))
    assert collector.describe_rare() == ""
    assert collector.fields()[0].rare_id is None


def test_groups_are_numbered_in_order_of_appearance():
    fields = (build_field("a", {"x": 5, "y": 5}), build_field("b", {"z": 9}))
    groups = LabelGroups(fields)
    first = groups.number(np.array([[2, 1], [1, 0], [2, 1]], np.uint8))
    second = groups.number(np.array([[0, 1], [1, 0]], np.uint8))
    assert first.tolist() == [0, 1, 0] and second.tolist() == [2, 1]
    assert groups.number(np.zeros((0, 2), np.uint8)).tolist() == []
    assert list(groups.rows) == [(2, 1), (1, 0), (0, 1)] and len(groups) == 3
    labels = groups.labels(np.array([3, 0, 7]))
    assert labels.combinations == (((0, 1), 7), ((2, 1), 3))


def test_columns_are_labels_of_tables_alone():
    config = CorpusConfig(documents="rows", label=("a", "b"), label_from="file")
    assert label_names(config) == ("a", "b", "file")
    assert label_names(CorpusConfig(documents="files", label_from="folder")) == ("folder",)
    assert label_names(CorpusConfig()) == ()
