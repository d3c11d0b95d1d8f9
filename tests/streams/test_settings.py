"""Settings: where they come from, which source wins, and the default file."""

from __future__ import annotations

import re
from pathlib import Path

from streams.settings import Settings, load
from tests.streams.settings_text import GOOD, loaded, with_line

DEFAULT = Path(__file__).parents[2] / "zeta.toml"


def test_the_later_source_wins(tmp_path: Path) -> None:
    variable, flag = {"ZETA_KAFKA_PARTITIONS": "3"}, {"kafka.partitions": "5"}
    assert loaded(tmp_path, GOOD).kafka.partitions == 2
    assert loaded(tmp_path, GOOD, variable).kafka.partitions == 3
    assert loaded(tmp_path, GOOD, variable, flag).kafka.partitions == 5


def test_kafka_bootstrap_names_the_broker_and_our_own_variable_wins(tmp_path: Path) -> None:
    theirs = {"KAFKA_BOOTSTRAP": "x:1,[::1]:2"}
    assert loaded(tmp_path, GOOD, theirs).kafka.bootstrap == "x:1,[::1]:2"
    assert loaded(tmp_path, GOOD, {"KAFKA_BOOTSTRAP": ""}).kafka.bootstrap == "broker:9092"
    both = theirs | {"ZETA_KAFKA_BOOTSTRAP": "y:1"}
    assert loaded(tmp_path, GOOD, both).kafka.bootstrap == "y:1"


def test_variables_are_read_as_their_settings_type(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        GOOD,
        {
            "ZETA_KAFKA_PREFIX": "1",
            "ZETA_MODELS_A_SIZE": "2024-01-01",
            "ZETA_MODELS_A_SERVED_NAME": '"quoted"',
            "ZETA_MODELS_A_SERVES": '["chat", "embedding"]',
            "ZETA_MODELS_A_VECTOR_SPACE": "a b",
            "ZETA_MODELS_B_0_6_TIMEOUT_S": "7",
            "ZETA_TASKS_CODE_PRIOR": '{a = 0.5, "b-0.6" = 0.5}',
        },
    )
    assert settings.kafka.prefix == "1"
    assert settings.models["a"].size == "2024-01-01"
    assert settings.models["a"].served_name == "quoted"
    assert settings.models["a"].serves == ["chat", "embedding"]
    assert settings.models["b-0.6"].timeout_s == 7
    assert settings.prior("code") == {"a": 0.5, "b-0.6": 0.5}


def test_flags_find_names_with_dots(tmp_path: Path) -> None:
    flags = {
        "models.b-0.6.size": "0.6B",
        "tasks.code.prior.b-0.6": "0",
        "tasks.code.prior.a": "1",
    }
    settings = loaded(tmp_path, GOOD, {}, flags)
    assert settings.models["b-0.6"].size == "0.6B"
    assert settings.prior("code") == {"a": 1.0, "b-0.6": 0.0}


def test_a_flag_names_the_longest_name_that_fits(tmp_path: Path) -> None:
    text = f'[models.b-0]\nendpoint = "http://c"\nprotocol = "tgi"\nserves = ["chat"]\n{GOOD}'
    flags = {"models.b-0.size": "x", "models.b-0.6.size": "y"}
    sizes = {name: model.size for name, model in loaded(tmp_path, text, {}, flags).models.items()}
    assert sizes == {"b-0": "x", "a": "", "b-0.6": "y"}


def test_variables_of_other_parts_are_left_alone(tmp_path: Path) -> None:
    text = with_line("models.a", 'token_variable = "ZETA_TOKEN"')
    environment = {"ZETA_CONFIG": "x", "ZETA_TOKEN": "secret", "PATH": "/bin"}
    assert loaded(tmp_path, text, environment).models["a"].token_variable == "ZETA_TOKEN"
    moved = {"ZETA_MODELS_A_TOKEN_VARIABLE": "ZETA_OTHER", "ZETA_OTHER": "secret"}
    assert loaded(tmp_path, text, moved).models["a"].token_variable == "ZETA_OTHER"


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "zeta.toml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert load(path, {}).kafka.partitions == 2


def test_without_a_file_there_are_defaults() -> None:
    assert load(None, {}) == Settings()
    assert load(None, {}, {"kafka.partitions": "9"}).kafka.partitions == 9


def test_an_empty_list_of_candidates_means_every_capable_model(tmp_path: Path) -> None:
    text = with_line("tasks.code", "candidates = []") + "\n[tasks.embedding]\nneeds = 'embedding'"
    settings = loaded(tmp_path, text)
    assert settings.candidates("code") == ("a", "b-0.6")
    assert settings.candidates("embedding") == ("b-0.6",)
    assert settings.prior("embedding") == {"b-0.6": 1.0}


def test_the_routing_configuration_holds_all_that_a_rule_depends_on(tmp_path: Path) -> None:
    configuration = loaded(tmp_path, GOOD).routing_configuration("code")
    assert configuration.candidates == ["a", "b-0.6"]
    assert configuration.prior == {"a": 0.25, "b-0.6": 0.75}
    assert configuration.policy == "thompson"


def test_the_default_file_is_the_starting_idea() -> None:
    settings = load(DEFAULT, {})
    assert settings.candidates("code") == ("code-7b", "reasoning-14b")
    assert settings.candidates("reasoning") == ("code-7b", "reasoning-14b")
    assert settings.candidates("embedding") == ("embed-4b", "embed-0.6b")
    starts = {
        task: max(settings.prior(task).items(), key=lambda row: row[1]) for task in settings.tasks
    }
    assert starts == {
        "code": ("code-7b", 1.0),
        "reasoning": ("reasoning-14b", 1.0),
        "embedding": ("embed-4b", 1.0),
    }
    assert (settings.kafka.replication, settings.kafka.min_in_sync) == (3, 2)


def test_the_default_file_shows_the_defaults_as_they_are(tmp_path: Path) -> None:
    """A line ``# key = value`` shows what holds while it stays a comment."""
    text, shown = re.subn(r"^# (?=[a-z_]+ = )", "", DEFAULT.read_text(), flags=re.MULTILINE)
    assert shown > 10
    assert loaded(tmp_path, text) == load(DEFAULT, {})


def test_grading_by_judge_feedback_and_a_tasks_own_reference(tmp_path: Path) -> None:
    text = with_line(
        "tasks.code", "reference = { kind = 'json_schema', value = { type = 'array' } }"
    )
    sections = "[judge]\nmodel = 'b-0.6'\ntasks = ['code']\n[feedback]\nsources = { alice = 0.5 }"
    variables = {"ZETA_FEEDBACK_TRUST": "0.9", "ZETA_JUDGE_CALLS_PER_HOUR": "7"}
    settings = loaded(tmp_path, f"{text}\n{sections}", variables)
    reference = settings.tasks["code"].reference
    assert reference is not None
    assert (reference.kind, reference.value) == ("json_schema", {"type": "array"})
    assert (settings.judge.model, settings.judge.calls_per_hour) == ("b-0.6", 7)
    assert (settings.feedback.trust, settings.feedback.sources) == (0.9, {"alice": 0.5})
