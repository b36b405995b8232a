"""What the benchmarks' figures mean: pure, but for a command and a relay on loopback."""

from __future__ import annotations

import socket
import sys
import threading
import time
from pathlib import Path

import pytest

from benchmarks.fleet import children_seconds
from benchmarks.measure import BenchmarkError, Finished, Series, run
from benchmarks.relay import relay
from benchmarks.report import report
from benchmarks.results import Options, Results


def test_a_ratio_compares_runs_of_the_same_round() -> None:
    assert Series((2.0, 30.0, 6.0)).over(Series((1.0, 10.0, 3.0))) == Series((2.0, 3.0, 2.0))


def test_peak_memory_is_that_of_the_command_and_not_of_whoever_starts_it() -> None:
    ballast = bytearray(200 * 2**20)
    small = run([sys.executable, "-I", "-S", "-c", "pass"])
    large = run([sys.executable, "-I", "-S", "-c", "bytearray(b'x') * (100 * 2**20)"])
    assert len(ballast) / 2**20 > small.peak_megabytes + 100
    assert 95 < large.peak_megabytes - small.peak_megabytes < 110


def test_a_command_that_fails_is_no_measurement() -> None:
    with pytest.raises(BenchmarkError, match=r"status 3:\nsorry"):
        run(["sh", "-c", "echo sorry; exit 3"])


def test_standard_input_comes_from_the_file(tmp_path: Path) -> None:
    (tmp_path / "given").write_text("hello")
    assert run(["cat"], stdin=tmp_path / "given").output == "hello"


def test_the_relay_delays_every_answer_by_a_round_trip_and_loses_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_echo, args=(server,), daemon=True).start()
        with (
            relay("127.0.0.1", server.getsockname()[1], 0.05) as port,
            socket.create_connection(("127.0.0.1", port)) as client,
        ):
            client.sendall(b"1")
            client.recv(1)
            began = time.monotonic()
            client.sendall(b"x" * 1_000_000)
            client.shutdown(socket.SHUT_WR)
            received = sum(map(len, iter(lambda: client.recv(65536), b"")))
            assert (received, time.monotonic() - began > 0.05) == (1_000_000, True)


def _echo(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        while data := connection.recv(65536):
            connection.sendall(data)


def test_the_report_has_medians_spread_and_ratios_and_says_what_is_missing() -> None:
    results = Results(counts={"none": 1}, problems=["QEMU: no room"])
    for ours, theirs in ((3.0, 1.0), (8.0, 2.0), (5.0, 2.0)):
        results.note("none near homeport", Finished(0, ours, 1.5, 70.0, ""))
        results.note("none near floor", Finished(0, theirs, 0.1, 9.0, ""))
    text = report(results, Options(), "abc1234")
    assert "| no change, homeport | 5.00 s | 3.00–8.00 | 3 | **3.00** (2.50–4.00) |" in text
    assert "| first provision, homeport | – | – | 0 | – |" in text
    assert "- QEMU: no room" in text


def test_the_report_compares_peers_with_the_rounds_of_homeport_that_they_were_run_in() -> None:
    results = Results(counts={"plan": 56, "none ansible": 106})
    for ours in (2.0, 4.0, 100.0):
        results.note("none near homeport", Finished(0, ours, 1.5, 70.0, ""))
    for theirs in (20.0, 80.0):
        results.note("none near ansible", Finished(0, theirs, 9.0, 60.0, ""))
    text = report(results, Options(), "abc1234")
    assert "beside the peers: 56 operations" in text
    assert "| Ansible, pipelining | 50.00 s | 20.00–80.00 | 2 | **15.00** (10.00–20.00) | 9.0 s |" in text
    assert "| no change, Ansible, pipelining | 106 |" in text


def test_the_report_compares_many_hosts_with_one_in_the_same_round() -> None:
    results = Results()
    for count, ours, theirs, memory in ((1, 2.0, 1.0, 70.0), (50, 6.0, 4.0, 119.0)):
        results.note(f"fleet {count} homeport", Finished(0, ours, count * 0.5, memory, ""))
        results.note(f"fleet {count} floor", Finished(0, theirs, 0.1, 9.0, ""))
        results.note(f"fleet {count} recorded", Finished(0, ours / 2, 0.1, 9.0, ""))
    row = "| 50 | 6.00 s | 6.00–6.00 | **3.00** (3.00–3.00) | 4.00 s | **4.00** (4.00–4.00) | **1.50** (1.50–1.50) "
    assert f"{row}| 3.00 s | **3.00** (3.00–3.00) | 0.50 s | 119 MB | 1.00 MB |" in report(
        results, Options(), "abc1234"
    )


def test_the_report_has_a_profile_in_shares_of_the_whole() -> None:
    text = report(Results(profile={"imports": 0.5, "waiting": 1.5}), Options(), "abc1234")
    assert "| imports | 0.50 s | 25% |" in text
    assert "Where the time goes" not in report(Results(), Options(), "abc1234").partition("What the rows mean")[0]


def test_the_processor_time_of_a_hosts_reading_is_what_the_shell_says_of_its_children() -> None:
    said = run(["bash", "-c", "python3 -c 'for _ in range(3000000): pass'; times"]).output
    assert children_seconds(said) > 0
    assert children_seconds("0m9.000s 0m9.000s\n1m0.250s 0m0.500s\n") == 60.75
