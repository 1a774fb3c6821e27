"""`hosts.py`: the groups of a pyinfra inventory file, read as pyinfra reads them."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

from mailwright.model.problems import Problem

FILE = "hosts.py"

Data = dict[str, Any]
Group = tuple[list[tuple[str, Data]], Data]


def read(path: Path, found: list[Problem]) -> dict[str, Group]:
    """Each group's (target, data) pairs and its own data. What is wrong goes to `found`."""
    names = _execute(path, found)
    groups = {}
    for name, value in names.items():
        if not name.startswith("_") and isinstance(value, list | tuple):
            groups[name] = _group(name, value, found)
    if names and not any(hosts for hosts, _ in groups.values()):
        found.append(Problem(FILE, "has no hosts", expected="a list named mail"))
    return groups


def merged(groups: dict[str, Group], target: str) -> Data:
    """The data of a host: its own over that of its groups over that of the group `all`."""
    data = dict(groups.get("all", ([], {}))[1])
    mine = [(dict(hosts), own) for hosts, own in groups.values() if target in dict(hosts)]
    for _, group_data in mine:
        data |= group_data
    for hosts, _ in mine:
        data |= hosts[target]
    return data


def _execute(path: Path, found: list[Problem]) -> dict[str, Any]:
    names: dict[str, Any] = {"__file__": str(path)}
    try:
        exec(compile(path.read_bytes(), str(path), "exec"), names)
    except FileNotFoundError as error:
        if error.filename != str(path):
            found.append(_raised(path, error))
        else:
            found.append(Problem(FILE, "is missing", expected="a pyinfra inventory"))
    except SyntaxError as error:
        found.append(Problem(f"{FILE}:{error.lineno}", f"is no Python: {error.msg}"))
    except (Exception, SystemExit) as error:
        found.append(_raised(path, error))
    else:
        return names
    return {}


def _raised(path: Path, error: BaseException) -> Problem:
    frames = traceback.extract_tb(error.__traceback__)
    lines = [str(frame.lineno) for frame in frames if frame.filename == str(path)]
    where = ":".join([FILE, *lines[-1:]])
    return Problem(where, "".join(traceback.format_exception_only(error)).strip())


def _group(name: str, value: list[Any] | tuple[Any, ...], found: list[Problem]) -> Group:
    hosts, data = value if isinstance(value, tuple) and len(value) == 2 else (value, {})
    if isinstance(data, dict) and isinstance(hosts, list) and all(map(_is_host, hosts)):
        return [(host, {}) if isinstance(host, str) else host for host in hosts], data
    expected = "a list of names or (name, data)"
    hint = f"name it _{name} if it is no group"
    found.append(Problem(f"{FILE}: {name}", "is no group of hosts", None, expected, hint))
    return [], {}


def _is_host(item: object) -> bool:
    if isinstance(item, tuple) and len(item) == 2:
        return isinstance(item[0], str) and isinstance(item[1], dict)
    return isinstance(item, str)
