"""GET /metrics: counts for Prometheus."""

from prometheus_client.parser import text_string_to_metric_families

from tests.serving.serving import serve


def samples(running):
    answer = running.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_requests_and_characters_are_counted(served_models):
    with serve({"letters": served_models["letters"]}) as running:
        running.texts(prompt="abc", max_tokens=25, n=2)
        running.post(prompt="abc", n=0)
        running.client.get("/any/path")
        values = samples(running)
    assert values["textgen_requests_total", "/v1/completions", "200"] == 1
    assert values["textgen_requests_total", "/v1/completions", "400"] == 1
    assert values["textgen_requests_total", "404", "other"] == 1
    assert values["textgen_generated_characters_total", "letters"] == 50
    assert values["textgen_active_texts", "letters"] == 0
    assert values["textgen_waiting_texts", "letters"] == 0
    assert values["textgen_first_character_seconds_count",] == 1
    assert values["textgen_model_loaded_timestamp_seconds", "letters"] > 1.7e9
