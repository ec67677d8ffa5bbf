"""Which kubeconfigs are taken, and when a token is read anew."""

import pathlib

import pytest

from vllm_operator.kube import credentials


class TestCredentials:
    def test_a_kubeconfig_that_runs_a_program_is_refused_in_words(self, tmp_path: pathlib.Path) -> None:
        path = tmp_path / "config"
        path.write_text(
            "{current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}],"
            " clusters: [{name: a, cluster: {server: 'http://x'}}], users: [{name: a, user: {exec: {command: b}}}]}"
        )
        with pytest.raises(ValueError, match="token or a client certificate"):
            credentials.kubeconfig(path)

    def test_a_token_file_is_read_each_time(self, tmp_path: pathlib.Path) -> None:
        (tmp_path / "config").write_text(
            "{current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}],"
            " clusters: [{name: a, cluster: {server: 'http://x/'}}], users: [{name: a, user: {tokenFile: token}}]}"
        )
        who = credentials.kubeconfig(tmp_path / "config")
        for token in ("one", "two"):
            (tmp_path / "token").write_text(f"{token}\n")
            assert (who.server, who.token()) == ("http://x", token)
