"""Settings come from the environment, once, and nothing wrong passes silently."""

from __future__ import annotations

import pytest

from tutor.errors import SettingsError
from tutor.settings import Settings


def test_defaults_need_no_environment() -> None:
    settings = Settings.from_env({})
    assert settings.chat == "qwen2.5-coder-1.5b"
    assert settings.host == "127.0.0.1"


def test_unknown_variable_fails_and_lists_the_known() -> None:
    with pytest.raises(SettingsError, match="KUBE_TUTOR_CHATT.*KUBE_TUTOR_CHAT_URL"):
        Settings.from_env({"KUBE_TUTOR_CHATT": "x"})


def test_url_implies_the_endpoint_and_wants_a_model() -> None:
    env = {"KUBE_TUTOR_CHAT_URL": "http://127.0.0.1:1/v1"}
    with pytest.raises(SettingsError, match="KUBE_TUTOR_CHAT_MODEL"):
        Settings.from_env(env)
    assert Settings.from_env(env | {"KUBE_TUTOR_CHAT_MODEL": "m"}).chat == "endpoint"


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "x"), ("PORT", "70000"), ("THREADS", "0"), ("CHAT_URL", "ftp://x"), ("CHAT", "endpoint")],
)
def test_bad_values_are_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"KUBE_TUTOR_{name}"):
        Settings.from_env({f"KUBE_TUTOR_{name}": value})


def test_the_key_is_never_shown() -> None:
    settings = Settings.from_env({"KUBE_TUTOR_CHAT_KEY": "s3cret"})
    assert settings.chat_key == "s3cret"
    assert "s3cret" not in repr(settings)


def test_empty_variables_are_unset() -> None:
    assert Settings.from_env({"KUBE_TUTOR_CHAT_URL": " "}).chat_url is None
