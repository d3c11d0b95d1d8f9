"""What is wrong with settings is said with its source, its key, and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.settings import SettingsError, load
from tests.streams.settings_text import GOOD, loaded, with_line

FILE_ERRORS = [
    ("", "[kafka", "zeta.toml: is not valid TOML: Expected ']'"),
    ("", "kafka = 1", "zeta.toml: kafka: must be a table; got 1"),
    ("", "models = 1", "zeta.toml: models: must be a table; got 1"),
    ("", "[models]\na = 1", "zeta.toml: models.a: must be a table; got 1"),
    ("", "[[models]]\na = 1", "zeta.toml: models: must be a table; got [{'a': 1}]"),
    ("", "[tasks]\ncode = []", "zeta.toml: tasks.code: must be a table; got []"),
    ("", "[extra]", "extra: unknown key; allowed are kafka, models, tasks, routing"),
    (
        "",
        "[kafka]\nfoo = 1",
        "kafka.foo: unknown key; allowed are bootstrap, prefix, sandbox, partit",
    ),
    (
        "",
        "[models.x]\nprotocol='tei'\nserves = []",
        "models.x.serves: must be a list of at least 1, each one of",
    ),
    ("", "[models.x]\nserves = ['chat']", "models.x.protocol: is missing; must be one of openai"),
    ("", "[models.'a b']", "models.a b: must be text that matches ^[a-zA-Z0-9]"),
    ("", '[models."a\\n"]', "must be text that matches"),
    ("models.a", "protocol = 'foo'", "a.protocol: must be one of openai, tei, tgi; got 'foo'"),
    ("models.a", "protocol = 1", "models.a.protocol: must be one of openai, tei, tgi; got 1"),
    ("models.a", "serves = ['chatt']", "each one of chat, embedding; got ['chatt']"),
    ("models.a", "serves = 'chat'", "models.a.serves: must be a list of at least 1, each one of"),
    ("models.a", "serves = ['embedding']", "models.a.vector_space: is missing; an embedding"),
    ("models.a", "size = 7", "models.a.size: must be text; got 7"),
    ("models.a", "dimension = 0", "models.a.dimension: must be an integer at least 1; got 0"),
    ("models.a", "retries = true", "retries: must be an integer at least 0; got true"),
    ("models.a", "timeout_s = 0", "models.a.timeout_s: must be a number above 0; got 0"),
    ("models.a", "timeout_s = inf", "must be a number above 0 and finite; got inf"),
    ("models.a", "timeout_s = nan", "must be a number above 0 and finite; got nan"),
    ("models.a", "timeout_s = 1979-05-27", "timeout_s: must be a number above 0; got datetime"),
    ("models.a", "endpoint = 'a:80'", "endpoint: must be an http:// or https:// URL; got 'a:80'"),
    ("models.a", "endpoint = 'http://'", "endpoint: must be an http:// or https:// URL"),
    ("models.a", "endpoint = 'http://a:b'", "endpoint: must be an http:// or https:// URL"),
    (
        "models.a",
        "protocol = 'openai'\napi = 'generate'",
        "models.a.api: generate is for a tgi endpoint",
    ),
    ("models.a", "truncate = true", "models.a.truncate: is for a tei endpoint"),
    ("models.a", "normalize = false", "models.a.normalize: is for a tei endpoint"),
    ("models.a", "protocol = 'tei'", "models.a.serves: must be embedding alone for a tei"),
    ("kafka", "partitions = 0", "kafka.partitions: must be an integer at least 1; got 0"),
    ("kafka", "partitions = 1e3", "kafka.partitions: must be an integer at least 1; got 1000.0"),
    ("kafka", f"partitions = {2**70}", "kafka.partitions: must be an integer at least 1; got 11"),
    ("kafka", "min_in_sync = 4", "kafka.min_in_sync: must be at most kafka.replication (3); got 4"),
    ("kafka", "session_timeout_s = 1", "session_timeout_s: must be a number from 6 to 1800; got 1"),
    ("kafka", "prefix = 'a b'", "kafka.prefix: must be text that matches"),
    ("kafka", "bootstrap = ''", "kafka.bootstrap: must be text that isn't empty; got ''"),
    ("kafka", "bootstrap = 'host'", "kafka.bootstrap: must be host:port, or several with"),
    ("kafka", "bootstrap = 'h:1,h:x'", "several with commas between; got 'h:x'"),
    ("kafka", "bootstrap = 'a://h:1'", "kafka.bootstrap: must be host:port, or several with"),
    ("tasks.code", "needs = 'vision'", "tasks.code.needs: must be one of chat, embedding; got"),
    ("tasks.code", "prior = 1", "tasks.code.prior: must be a table; got 1"),
    ("tasks.code", "prior = { a = 1.4 }", "code.prior.a: must be a number from 0 to 1; got 1.4"),
    ("tasks.code", "prior = { a = 0.4 }", "code.prior: weights must sum to 1; they sum to 0.4"),
    ("tasks.code", "prior = { x = 1 }", "prior.x: is no candidate; candidates are a, b-0.6"),
    ("tasks.code", "candidates = ['x']", "candidates: no model is named 'x'; models are: a, b-0.6"),
    ("tasks.code", "candidates = ['a', 'a']", "candidates: must name each model once; got a twice"),
    ("tasks.code", "needs = 'embedding'", "prior.a: is no candidate; candidates are b-0.6"),
    ("", "[tasks.x]\nneeds = 'embedding'\ncandidates = ['a']", "a does not serve embedding"),
    ("routing", "default_task = 'x'", "routing.default_task: must be one of code; got 'x'"),
    ("routing", "policy = 'best'", "routing.policy: must be one of"),
    ("routing", "discount = 0", "routing.discount: must be a number above 0 and at most 1; got 0"),
    ("", "[judge]\nmodel = 'x'", "judge.model: no model is named 'x'; models are: a, b-0.6"),
    ("", "[judge]\nshare = 1.1", "judge.share: must be a number from 0 to 1; got 1.1"),
    ("", "[judge]\ncalls_per_hour = -1", "judge.calls_per_hour: must be an integer at least 0"),
    ("", "[judge]\ntasks = ['x']", "judge.tasks: no task is named 'x'; tasks are: code"),
    ("", "[judge]\nprompt = '{answer}'", "judge.prompt: must have {question} in it"),
    ("", "[judge]\ntimeout_s = 0", "judge.timeout_s: must be a number above 0; got 0"),
    ("", "[feedback]\ntrust = 2", "feedback.trust: must be a number from 0 to 1; got 2"),
    ("", "[feedback]\nsources = { a = -1 }", "feedback.sources.a: must be a number from 0 to 1"),
    ("", "[grading]\nconcurrency = 0", "grading.concurrency: must be an integer at least 1"),
    ("tasks.code", "reference = { value = 1 }", "tasks.code.reference: must be a table; got"),
    ("tasks.code", "reference = { kind = 'x', y = 1 }", "tasks.code.reference: must be a table"),
    ("", "[models.A]\nserves = ['chat']\nprotocol = 'tgi'", "models.A.endpoint: must be an http"),
]


@pytest.mark.parametrize(("section", "line", "expected"), FILE_ERRORS)
def test_a_wrong_file(tmp_path: Path, section: str, line: str, expected: str) -> None:
    good = (
        "" if line.startswith(("kafka", "models", "[kafka", "[models]", "[[", "[tasks]")) else GOOD
    )
    text = with_line(section, line) if section else f"{good}\n{line}"
    with pytest.raises(SettingsError) as error:
        loaded(tmp_path, text)
    assert str(error.value).startswith(str(tmp_path / "zeta.toml: "))
    assert expected in str(error.value)


OVERRIDE_ERRORS: list[tuple[dict[str, str], dict[str, str], str]] = [
    ({"ZETA_KAFKA_PARTITIONS": "x"}, {}, "ZETA_KAFKA_PARTITIONS: kafka.partitions: must be an int"),
    ({"ZETA_KAFKA_PARTITIONS": ""}, {}, "kafka.partitions: must be an integer at least 1; got ''"),
    ({"ZETA_KAFKA_PARTITIONS": "true"}, {}, "kafka.partitions: must be an integer at least 1; got"),
    ({"ZETA_KAFKA_PARTITIONS": "1\nx=2"}, {}, "must be an integer at least 1; got '1\\nx=2'"),
    ({"ZETA_MODELS_A_SERVES": "chat"}, {}, "ZETA_MODELS_A_SERVES: models.a.serves: must be a list"),
    ({"ZETA_KAFKA_PARTITION": "1"}, {}, "names no setting; did you mean ZETA_KAFKA_PARTITIONS?"),
    ({"ZETA_FOO": "1"}, {}, "ZETA_FOO: names no setting; it is ZETA_<SECTION>_<KEY>"),
    ({"ZETA_MODELS_X_ENDPOINT": "http://x"}, {}, "ZETA_MODELS_X_ENDPOINT: names no setting"),
    ({"ZETA_MODELS_X_ENDPOINT": "http://x"}, {}, "the models in the file are: a, b-0.6"),
    ({"ZETA_TASKS_X_NEEDS": "chat"}, {}, "the tasks in the file are: code"),
    ({"KAFKA_BOOTSTRAP": "nowhere"}, {}, "KAFKA_BOOTSTRAP: kafka.bootstrap: must be host:port"),
    ({"ZETA_TASKS_CODE_PRIOR": "{a = 2}"}, {}, "ZETA_TASKS_CODE_PRIOR: tasks.code.prior.a: must"),
    ({"ZETA_TASKS_CODE_PRIOR": "{x = 1}"}, {}, "ZETA_TASKS_CODE_PRIOR: tasks.code.prior.x: is no"),
    ({"ZETA_TASKS_CODE_PRIOR": "a"}, {}, "PRIOR: tasks.code.prior: must be a table; got 'a'"),
    ({"ZETA_KAFKA_MIN_IN_SYNC": "4"}, {}, "ZETA_KAFKA_MIN_IN_SYNC: kafka.min_in_sync: must be at"),
    ({}, {"kafka": "1"}, "--set: kafka: write it as section.key=value"),
    ({}, {"kafka.nope": "1"}, "--set: kafka.nope: unknown key; allowed are bootstrap"),
    ({}, {"nope.x": "1"}, "nope: unknown key; allowed are kafka, models"),
    ({}, {"models.x.size": "1"}, "--set: models.x.size: write it as models.<name>.<key>=value"),
    ({}, {"models.a": "1"}, "the models in the file are: a, b-0.6"),
    ({}, {"models.a.nope": "1"}, "--set: models.a.nope: unknown key; allowed are endpoint"),
    ({}, {"tasks.code.prior.a": "2"}, "--set: tasks.code.prior.a: must be a number from 0 to 1"),
    ({}, {"routing.policy": "best"}, "--set: routing.policy: must be one of"),
]


@pytest.mark.parametrize(("environment", "flags", "expected"), OVERRIDE_ERRORS)
def test_a_wrong_override(
    tmp_path: Path, environment: dict[str, str], flags: dict[str, str], expected: str
) -> None:
    with pytest.raises(SettingsError) as error:
        loaded(tmp_path, GOOD, environment, flags)
    assert expected in str(error.value)


def test_a_part_of_the_prior_by_flag_when_the_prior_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"tasks\.code\.prior: must be a table; got 1"):
        loaded(tmp_path, with_line("tasks.code", "prior = 1"), {}, {"tasks.code.prior.a": "1"})


@pytest.mark.parametrize("other", ['"b-0-6"', "b_0_6", '"B-0.6"'])
def test_a_variable_that_names_two_models_settings(tmp_path: Path, other: str) -> None:
    text = f'{GOOD}\n[models.{other}]\nendpoint = "http://c"\nprotocol = "tgi"\nserves = ["chat"]'
    with pytest.raises(SettingsError, match=r"names both models\.b-0\.6\.size and models\."):
        loaded(tmp_path, text, {"ZETA_MODELS_B_0_6_SIZE": "1"})


def test_two_models_whose_topics_kafka_cannot_tell_apart(tmp_path: Path) -> None:
    text = f'{GOOD}\n[models.b-0_6]\nendpoint = "http://c"\nprotocol = "tgi"\nserves = ["chat"]'
    with pytest.raises(SettingsError, match=r"models\.b-0_6: differs from b-0\.6 by"):
        loaded(tmp_path, text)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("missing.toml", "can't be read: No such file"), ("", "can't be read: Is a directory")],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str, expected: str) -> None:
    with pytest.raises(SettingsError, match=expected):
        load(tmp_path / name, {})


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "zeta.toml"
    path.write_bytes(b"[kafka]\nprefix = '\xff'")
    with pytest.raises(SettingsError, match=r"is not valid TOML: .*utf-8"):
        load(path, {})


def test_a_task_that_no_model_can_serve(tmp_path: Path) -> None:
    text = "[tasks.reasoning]"
    with pytest.raises(SettingsError, match=r"tasks\.reasoning: no capable model: declare one"):
        loaded(tmp_path, text)


def test_a_judge_that_only_embeds(tmp_path: Path) -> None:
    text = f"""{GOOD}
[models.e]
endpoint = "http://e"
protocol = "tei"
serves = ["embedding"]
vector_space = "e"
[judge]
model = "e"
"""
    with pytest.raises(SettingsError, match=r"judge\.model: e does not serve chat"):
        loaded(tmp_path, text)
