"""Whether a host serves, as its own Python asks: here by daemons that say a line."""

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from programs import serving


@pytest.fixture
def daemon(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a socket where each client is told a line and sent away."""

    def listen(line: str) -> Path:
        path = tmp_path / "socket"
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(path))
        server.listen()

        def greet() -> None:
            while True:
                client, _ = server.accept()
                client.sendall(f"{line}\r\n".encode())
                client.close()

        threading.Thread(target=greet, daemon=True).start()
        return path

    return listen


@pytest.fixture
def asks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[str], list[str]]:
    """Says what is answered to a question of Dovecot's."""

    def ask(question: str) -> list[str]:
        file = tmp_path / "asks"
        file.write_text(f"dovecot {question}\n")
        serving.main("127.0.0.1", "4 6", "0", str(file))
        *wrong, asked = capsys.readouterr().out.splitlines()
        assert asked == f"A {file}"
        return wrong

    return ask


def test_a_daemon_that_greets_as_it_should_serves(
    daemon: Callable[[str], Path], asks: Callable[[str], list[str]]
) -> None:
    assert asks(f"talk dovecot {daemon('220 mail.example.com')} lmtp") == []


def test_a_busy_daemon_may_take_its_time_with_each_answer(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def converse() -> None:
        client, _ = server.accept()
        client.sendall(b"220 mail.example.com\r\n")
        client.recv(99)
        time.sleep(serving.host.rest + 0.5)
        client.sendall(b"250 mail.example.com\r\n")

    threading.Thread(target=converse, daemon=True).start()
    line = serving.Line(str(path))
    line.expect("220 ")
    line.socket.sendall(b"EHLO localhost\r\n")
    line.expect("250 ")


def test_what_it_says_in_place_of_that_is_told(
    daemon: Callable[[str], Path], asks: Callable[[str], list[str]]
) -> None:
    path = daemon("421 too busy")
    wanted = [f"X dovecot {path} says '421 too busy' where '220' is expected"]
    assert asks(f"talk dovecot {path} lmtp") == wanted


def test_a_socket_that_is_gone_is_told(tmp_path: Path, asks: Callable[[str], list[str]]) -> None:
    path = tmp_path / "gone"
    assert asks(f"talk dovecot {path} lmtp") == [f"X dovecot {path}: No such file or directory"]


def test_a_chain_needs_its_own_key(
    tmp_path: Path, chain: Callable[..., str], asks: Callable[[str], list[str]]
) -> None:
    folder = tmp_path / "tls"
    folder.mkdir()
    (folder / "mail.pem").write_text(chain())
    assert asks(f"chains {folder}") == []
    key, begin, _ = chain().partition("-----BEGIN CERTIFICATE")
    other = chain().partition("-----BEGIN CERTIFICATE")[2]
    (folder / "mail.pem").write_text(key + begin + other)
    wanted = [f"X dovecot {folder}/mail.pem has no key with its certificate"]
    assert asks(f"chains {folder}") == wanted


def test_a_folder_that_a_file_of_tmpfiles_makes_is_there(
    tmp_path: Path, asks: Callable[[str], list[str]]
) -> None:
    file = tmp_path / "mailwright.conf"
    file.write_text(f"# ours\nd {tmp_path}/state 0700 root root -\n")
    assert asks(f"folders {file}") == [f"X dovecot {tmp_path}/state is missing"]
    (tmp_path / "state").write_text("")
    assert asks(f"folders {file}") == [f"X dovecot {tmp_path}/state is no folder"]


@pytest.mark.parametrize("kind", ["", " ssl"])
def test_a_web_server_is_asked_at_the_ports_that_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asks: Callable[[str], list[str]], kind: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]  # where nobody answers any more
    conf = f"listen {port}{kind} default_server;\nlisten [::]:{port}{kind} default_server;\n"
    conf += "server_name mta-sts.example.com;\nssl_certificate /etc/web.pem;\n"
    monkeypatch.setattr(serving, "NGINX", tmp_path / "nginx.conf")
    serving.NGINX.write_text(conf)
    assert asks("web nginx") == [f"X dovecot port {port}: Connection refused"]


def test_a_question_that_nobody_knows_is_no_silence(asks: Callable[[str], list[str]]) -> None:
    assert asks("weather today") == ["X dovecot weather today: KeyError('weather')"]
